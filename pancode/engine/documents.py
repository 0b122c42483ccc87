"""Reads the user's YAML with the line of every value, and names each mistake by file and line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from pancode.core.errors import ExitCode, PanError

LARGEST = 1_000_000
"""Bytes of a file; a larger one was not written by hand."""
_QUICK = 8_000
"""Letters up to which libyaml reads a text: it crashes the process on one that is nested very deeply."""
_QUICK_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a file: the line (from 1), what, and what to do about it."""

    line: int
    problem: str
    remedy: str = ""


@dataclass(slots=True)
class Document:
    """A YAML file while it is checked: collects every mistake instead of stopping at the first."""

    path: str
    mistakes: list[Mistake] = field(default_factory=list)

    def root(self) -> yaml.Node | None:
        """Read the file into nodes; None if it is empty or isn't YAML (then that is a mistake too)."""
        try:
            text = read_text(self.path)
        except (OSError, ValueError) as error:
            reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else error
            self.mistakes.append(Mistake(1, f"can't be read: {reason}"))
            return None
        return self.parsed(text)

    def parsed(self, text: str) -> yaml.Node | None:
        """Read `text` as if it stood in the file."""
        loader = _QUICK_LOADER if len(text) < _QUICK else yaml.SafeLoader
        try:
            node: yaml.Node | None = yaml.compose(text, Loader=loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            what = getattr(error, "problem", None) or "a character that YAML doesn't know"
            self.mistakes.append(Mistake(mark.line + 1 if mark else 1, f"is not YAML: {what}"))
            return None
        except RecursionError:
            self.mistakes.append(Mistake(1, "is nested too deeply"))
            return None
        return node

    def wrong(self, node: yaml.Node, problem: str, remedy: str = "") -> None:
        """Note a mistake at the place of `node`."""
        self.mistakes.append(Mistake(line_of(node), problem, remedy))

    def mapping(self, node: yaml.Node, what: str, known: Iterable[str]) -> dict[str, yaml.Node]:
        """Give the entries of a mapping whose keys are known; the others, and doubles, are mistakes."""
        allowed = list(known)
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what} must be a mapping", f"keys: {', '.join(allowed)}")
            return {}
        entries: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in allowed:
                self.wrong(key, f'there is no key "{name}" in {what}', suggestion(name, allowed))
            elif name in entries:
                self.wrong(key, f'the key "{name}" is there twice', "remove one of them")
            else:
                entries[name] = value
        return entries

    def sequence(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """Give the items of a list; anything else, or an empty one, is a mistake."""
        if isinstance(node, yaml.SequenceNode) and node.value:
            return list(node.value)
        self.wrong(node, f"{what} must be a list with at least one item")
        return []

    def text(self, node: yaml.Node, what: str) -> str:
        """Give a plain value as text; a list or mapping is a mistake and gives an empty text."""
        if isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:null":
            return str(node.value)
        self.wrong(node, f"{what} must be a text")
        return ""

    def check(self) -> None:
        """Raise PanError (CONFIG) with every mistake, one a line as file:line, unless there is none."""
        if not self.mistakes:
            return
        first, *others = sorted(self.mistakes, key=lambda mistake: mistake.line)
        rows = [f"{self.path}:{first.line}: {first.problem}"]
        rows += [f"  {self.path}:{other.line}: {other.problem}" for other in others]
        remedies = [mistake.remedy for mistake in (first, *others) if mistake.remedy]
        raise PanError(
            "\n".join(rows), remedy="; ".join(dict.fromkeys(remedies)) or None, code=ExitCode.CONFIG
        )


def read_text(path: str) -> str:
    """Read a regular file of at most LARGEST bytes in UTF-8; raise OSError or ValueError for anything else.

    A pipe or a device under that name is not waited for.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a file")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 in line {content.count(10, 0, error.start) + 1}") from None


def line_of(node: yaml.Node) -> int:
    """Give the line, from 1, in which a value begins."""
    return int(node.start_mark.line) + 1


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say which known word is meant, or list them all.

    >>> suggestion("pains", ["panes", "layout"])
    'rename it to "panes"'
    """
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name[:64], names, n=1, cutoff=0.5)
    return f'rename it to "{near[0]}"' if near else f"known here: {', '.join(names)}"


def names_in(directories: Iterable[str], ending: str = ".yaml") -> dict[str, str]:
    """Give name -> path of the files with that ending; an earlier directory wins."""
    found: dict[str, str] = {}
    for directory in directories:
        if os.path.isdir(directory):
            for entry in sorted(os.listdir(directory)):
                if entry.endswith(ending):
                    found.setdefault(entry.removesuffix(ending), os.path.join(directory, entry))
    return found
