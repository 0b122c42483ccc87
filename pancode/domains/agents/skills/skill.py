"""One skill: what its SKILL.md says of itself, checked with file and line. Pure but for the YAML reader."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from pancode.domains.agents.api import Mistake, Source
from pancode.domains.agents.checks import TOOLS
from pancode.engine.documents import Document, line_of
from pancode.engine.documents import Mistake as At

LARGEST_TEXT = 100_000
"""Characters of a SKILL.md."""
LONGEST_DESCRIPTION = 1024
SHOWN = 160
"""Characters of a description that a prompt repeats."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_TOOL_NAMES = {"glob": "find", "shell": "bash", "webfetch": "web", "websearch": "web", "multiedit": "edit"}
_TOOL_KEYS = ("tools", "requiredTools")
_HEAD = re.compile(r"\A---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """A skill as it was found. `needs` are tools, in PanCode's words; it never adds any.

    `single`: the file is all of it; else its whole folder is given.
    """

    name: str
    description: str
    source: Source
    file: str
    folder: str
    version: str | None = None
    needs: tuple[str, ...] = ()
    single: bool = False

    @property
    def line(self) -> str:
        """Give what a prompt says of it, in one line."""
        words = " ".join(self.description.split())
        return words if len(words) <= SHOWN else f"{words[: SHOWN - 1].rstrip()}…"


def read_skill(file: str, folder: str, text: str, source: Source, *, single: bool) -> Skill | list[Mistake]:
    """Read the head of a SKILL.md; or give all that is wrong with it."""
    text = text.replace("\r\n", "\n")
    found = _HEAD.match(text)
    if found is None:
        remedy = "begin with a line of three dashes, `name:` and `description:`, and three dashes again"
        return [Mistake(file, 1, "there is no head", remedy)]
    document = Document(file)
    root = document.parsed("\n" + found[1])  # The empty line stands for the dashes: lines stay true.
    reader = _Head(document, root)
    name, description = reader.required("name"), reader.required("description")
    version, needs = reader.text("version"), reader.tools()
    if name is not None and not _NAME.fullmatch(name):
        reader.wrong("name", f'"{name}" is not a name', "use up to 64 small letters, digits and -")
    if description is not None and len(description) > LONGEST_DESCRIPTION:
        problem = f"the description has {len(description)} characters"
        reader.wrong("description", problem, f"at most {LONGEST_DESCRIPTION}; the text below has room")
    if len(text) > LARGEST_TEXT:
        problem = f"it has {len(text)} characters; at most {LARGEST_TEXT} are read"
        document.mistakes.append(At(1, problem, "put the rest into files beside it"))
    elif not text[found.end() :].strip():
        document.mistakes.append(At(text.count("\n") + 1, "there is no text below the head", "write it"))
    if document.mistakes:
        return [Mistake(file, one.line, one.problem, one.remedy or None) for one in document.mistakes]
    return Skill(
        name=name or "", description=description or "", source=source, file=file, folder=folder,
        version=version, needs=needs, single=single,
    )  # fmt: skip


class _Head:
    """The entries of a head; keys that other programs know are passed over."""

    def __init__(self, document: Document, root: yaml.Node | None) -> None:
        self.document = document
        self.entries: dict[str, yaml.Node] = {}
        if isinstance(root, yaml.MappingNode):
            self.entries = {str(key.value): value for key, value in root.value}
        elif not document.mistakes:
            document.mistakes.append(At(1, "the head is not a map", "write `name:` and `description:`"))

    def required(self, key: str) -> str | None:
        found = self.text(key)
        if not found and not self.document.mistakes:
            self.document.mistakes.append(At(1, f'the head has no "{key}"', f"write `{key}:`"))
        return found

    def text(self, key: str) -> str | None:
        node = self.entries.get(key)
        return None if node is None else self.document.text(node, f'"{key}"').strip()

    def wrong(self, key: str, problem: str, remedy: str) -> None:
        self.document.wrong(self.entries[key], problem, remedy)

    def tools(self) -> tuple[str, ...]:
        """Give the tools that it needs; a list, or words with commas."""
        found: list[str] = []
        for key in _TOOL_KEYS:
            node = self.entries.get(key)
            for word, line in _words(node):
                name = _TOOL_NAMES.get(word.lower(), word.lower())
                if name in TOOLS:
                    found.append(name)
                else:
                    problem, remedy = f'"{word}" is not a tool', f"the words are {', '.join(TOOLS)}"
                    self.document.mistakes.append(At(line, problem, remedy))
        return tuple(dict.fromkeys(found))


def _words(node: yaml.Node | None) -> Iterable[tuple[str, int]]:
    if isinstance(node, yaml.SequenceNode):
        # What is no word is told as one that is no tool.
        yield from ((_word(item), line_of(item)) for item in node.value)
    elif isinstance(node, yaml.ScalarNode):
        yield from ((word.strip(), line_of(node)) for word in str(node.value).split(",") if word.strip())


def _word(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
