"""Reads a panagents.yaml into entries that know their lines; no text makes it raise."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from pancode.domains.agents.api import Mistake

_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset({"yes", "true", "on"})
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What YAML counts as the end of a line; `str.splitlines` knows more."""
_INDENTED_KEY = re.compile(r"( +)\S")
SIZE_LIMIT = 1_000_000
"""Characters of a panagents.yaml; a longer one is not a file of agents."""

Value = str | bool | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One `key: value` of an entry."""

    key: str
    line: int
    node: yaml.Node


@dataclass(frozen=True, slots=True)
class Entry:
    """One agent as written: its name, its line and its keys."""

    name: str
    line: int
    items: tuple[Item, ...]


@dataclass(slots=True)
class Parsed:
    """What a text holds, and what is wrong with it; `bad` are the names that may not be used."""

    entries: list[Entry] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    bad: dict[str, Mistake] = field(default_factory=dict)


def parse(file: str, text: str) -> Parsed:
    """Find the entries under `agents:`; an agent whose YAML is broken does not take the others along."""
    parsed = Parsed()
    if len(text) > SIZE_LIMIT:
        parsed.mistakes.append(Mistake(file, None, f"this is larger than {SIZE_LIMIT} characters"))
        return parsed
    root = _compose(file, text, parsed)
    if root is not None:
        _read_root(file, root, parsed)
    elif parsed.mistakes:
        _salvage(file, text, parsed)
    return parsed


def _compose(file: str, text: str, parsed: Parsed, offset: int = 0) -> yaml.Node | None:
    # Not yaml.CSafeLoader: it crashes the process on deeply nested text.
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        parsed.mistakes.append(Mistake(file, offset + 1, "this is nested too deeply"))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 + offset
        code = error.character if isinstance(error.character, int) else ord(str(error.character)[0])
        parsed.mistakes.append(
            Mistake(file, line, f"the character U+{code:04X} can't be in YAML", "take it out")
        )
    except yaml.YAMLError as error:
        parsed.mistakes.append(_syntax(file, error, offset))
    return None


def _syntax(file: str, error: yaml.YAMLError, offset: int) -> Mistake:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or "this is not YAML"
    remedy = "indent with spaces; put text with special characters in quotes"
    if mark is None:
        return Mistake(file, None, f"YAML: {problem}", remedy)
    return Mistake(file, mark.line + 1 + offset, f"YAML, column {mark.column + 1}: {problem}", remedy)


def _salvage(file: str, text: str, parsed: Parsed) -> None:
    """Read each agent's lines as a text of their own, where the whole is not YAML."""
    lines = _BREAK.split(text)
    start = next(
        (number for number, line in enumerate(lines) if line.split("#")[0].rstrip() == "agents:"), None
    )
    if start is None:
        return
    body = range(start + 1, len(lines))
    indents = (_INDENTED_KEY.match(lines[number]) for number in body if not _is_blank(lines[number]))
    first = next(indents, None)
    if first is None:
        return
    heads = [number for number in body if re.match(rf"{first[1]}[^\s#]", lines[number])]
    whole = parsed.mistakes.pop()
    for head, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        _salvage_block(file, lines, (head, end), parsed)
    if not parsed.mistakes:
        parsed.mistakes.append(whole)


def _salvage_block(file: str, lines: list[str], span: tuple[int, int], parsed: Parsed) -> None:
    # The empty lines in front keep the line numbers of the marks true.
    head, end = span
    known = len(parsed.mistakes)
    root = _compose(file, "\n" * head + "\n".join(lines[head:end]).rstrip(), parsed)
    if isinstance(root, yaml.MappingNode):
        _read_agents(file, root, parsed)
    elif len(parsed.mistakes) > known:
        name = lines[head].strip().split(":")[0].strip("'\"")
        parsed.bad.setdefault(name, parsed.mistakes[-1])


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _read_root(file: str, root: yaml.Node, parsed: Parsed) -> None:
    if _is_null(root):
        return
    if not isinstance(root, yaml.MappingNode):
        parsed.mistakes.append(
            Mistake(file, _line(root), "this is not a map with the key agents", "begin with a line `agents:`")
        )
        return
    for item in _items(file, root, "the file", parsed):
        if item.key != "agents":
            near = "rename it to agents" if nearest(item.key, ["agents"]) else "put agents under `agents:`"
            parsed.mistakes.append(Mistake(file, item.line, f'there is no key "{item.key}" here', near))
        elif isinstance(item.node, yaml.MappingNode):
            _read_agents(file, item.node, parsed)
        elif not _is_null(item.node):
            parsed.mistakes.append(
                Mistake(
                    file, item.line, "agents is not a map", "write each agent as `name:` with its keys below"
                )
            )


def _read_agents(file: str, node: yaml.MappingNode, parsed: Parsed) -> None:
    for agent in _items(file, node, "agents", parsed):
        known = len(parsed.mistakes)
        items: list[Item] = []
        if isinstance(agent.node, yaml.MappingNode):
            items = _items(file, agent.node, f'agent "{agent.key}"', parsed)
        elif not _is_null(agent.node):
            parsed.mistakes.append(
                Mistake(
                    file, agent.line, f'agent "{agent.key}" is not a map', "write its keys below it, indented"
                )
            )
        if len(parsed.mistakes) > known:
            parsed.bad.setdefault(agent.key, parsed.mistakes[known])
        else:
            parsed.entries.append(Entry(agent.key, agent.line, tuple(items)))


def _items(file: str, node: yaml.MappingNode, where: str, parsed: Parsed) -> list[Item]:
    """Give the pairs of a map; of a key that is there twice the first counts, and the second is reported."""
    items: dict[str, Item] = {}
    for key, value in node.value:
        line = _line(key)
        if not isinstance(key, yaml.ScalarNode):
            parsed.mistakes.append(
                Mistake(file, line, f"a key of {where} is not a word", "write `key: value`")
            )
        elif key.tag == f"{_TAG}merge":
            parsed.mistakes.append(
                Mistake(file, line, f'{where} has "<<", which is not understood here', "write the keys out")
            )
        elif key.value in items:
            first = items[key.value].line
            parsed.mistakes.append(
                Mistake(
                    file, line, f'{where} has the key "{key.value}" twice; first in line {first}', "keep one"
                )
            )
        else:
            items[key.value] = Item(key.value, line, value)
    return list(items.values())


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}null"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Give the word that was probably meant.

    >>> nearest("gemnii", ["codex", "gemini"])
    'gemini'
    """
    found = difflib.get_close_matches(word[:64], list(words), n=1, cutoff=0.6)
    return found[0] if found else None


def value(node: yaml.Node, kind: str) -> Value | None:
    """Read a node as `text`, `flag`, `whole`, `seconds` or `texts`; None where it is left empty.

    Raises ValueError with the words for what it should have been.
    """
    if _is_null(node):
        return None
    if kind == "texts":
        if not isinstance(node, yaml.SequenceNode):
            raise ValueError("a list, such as [one, two]")
        return tuple(_text(item) for item in node.value)
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("a single value")  # noqa: TRY004 -- one kind of error for all callers
    match kind:
        case "text":
            return _text(node)
        case "flag":
            return _flag(node)
        case "whole":
            return _whole(node)
        case _:
            return _seconds(node)


def _text(node: yaml.Node) -> str:
    # A number is taken as it is written: `model: 4.10` means "4.10".
    plain = ("str", "int", "float", "timestamp")
    if not isinstance(node, yaml.ScalarNode) or node.tag not in [_TAG + name for name in plain]:
        raise ValueError("a text; put it in quotes")
    if "\0" in node.value:
        raise ValueError("a text without NUL characters")
    return str(node.value)


def _flag(node: yaml.ScalarNode) -> bool:
    if node.tag != f"{_TAG}bool":
        raise ValueError("true or false")
    return node.value.lower() in _TRUE


def _whole(node: yaml.ScalarNode) -> int:
    try:
        number = int(node.value.replace("_", "")) if node.tag == f"{_TAG}int" else 0
    except ValueError:
        number = 0
    if not 0 < number < 10**12:
        raise ValueError("a whole number above 0")
    return number


def _seconds(node: yaml.ScalarNode) -> float:
    try:
        number = float(node.value.replace("_", "")) if node.tag in (f"{_TAG}int", f"{_TAG}float") else 0.0
    except ValueError:
        number = 0.0
    if not (math.isfinite(number) and 0 < number < 10**9):
        raise ValueError("a number of seconds above 0")
    return number
