"""Changes one setting in the text of a config.yaml: by the places of its nodes, so that all else stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.fromyaml import is_empty
from pancode.engine.documents import Document

_RISKY = frozenset(",[]{}#&*!|>'\"%@`")
_Path = tuple[str, ...]


def with_value(path: str, text: str, key: str, value: str) -> str:
    """Give the text of the file `path` with the setting `key` (dotted) at `value`.

    PanError CONFIG where the text is not YAML, or is written so that only a person can change it.
    """
    root = _root(path, text)
    written = _scalar(value)
    found = _find(root, key)
    made = _inserted(text, root, key, written) if found is None else _replaced(text, found.value, written)
    wanted = {**_flat(root), _path_of(found, key): value}
    return _checked(path, made, wanted, key)


def without(path: str, text: str, key: str) -> str:
    """Give the text without the setting; PanError as `with_value`. One that isn't there changes nothing."""
    root = _root(path, text)
    found = _find(root, key)
    if found is None:
        return text
    wanted = _flat(root)
    wanted.pop(_path_of(found, key), None)
    parent = found.parent
    alone = found.group is not None and len(parent.value) == 1 and not _has_comments(text, found)
    begin, end = (found.group, parent) if alone and found.group is not None else (found.key, found.value)
    if parent.flow_style and len(parent.value) == 1 and not alone:
        raise _by_hand(path, f"{key} is written in a way that only a person can change")
    if parent.flow_style and not alone:
        return _checked(path, _without_flow(text, found), wanted, key)
    return _checked(path, text[: _line_start(text, begin)] + text[_line_end(text, end) :], wanted, key)


@dataclass(frozen=True, slots=True)
class _Found:
    key: yaml.Node
    value: yaml.Node
    parent: yaml.MappingNode
    group: yaml.Node | None
    """The key of the group that the setting is in; None where its name stands whole."""


def _root(path: str, text: str) -> yaml.MappingNode | None:
    document = Document(path)
    # Not libyaml: its places are counted in another way where a text has a byte order mark.
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        document.parsed(text)
        document.check()
        raise _by_hand(path, "it is not YAML") from None
    if root is None or (isinstance(root, yaml.ScalarNode) and is_empty(root)):
        return None
    if not isinstance(root, yaml.MappingNode):
        raise _by_hand(path, "it is not a mapping of settings")
    return root


def _find(root: yaml.MappingNode | None, key: str) -> _Found | None:
    group, _, name = key.partition(".")
    for at, value in root.value if root is not None else ():
        if at.value == key:
            return _Found(at, value, root, None)  # type: ignore[arg-type] # there is one
        if at.value == group and isinstance(value, yaml.MappingNode):
            for inner, node in value.value:
                if inner.value == name:
                    return _Found(inner, node, value, at)
    return None


def _path_of(found: _Found | None, key: str) -> _Path:
    return (key,) if found is not None and found.group is None else tuple(key.split(".", 1))


def _replaced(text: str, node: yaml.Node, written: str) -> str:
    begin, end = node.start_mark.index, node.end_mark.index
    old = text[begin:end]
    if not old:
        return f"{text[:begin]} {written}{text[end:]}"
    return text[:begin] + written + ("\n" if old.endswith("\n") else "") + text[end:]


def _inserted(text: str, root: yaml.MappingNode | None, key: str, written: str) -> str:
    group, _, name = key.partition(".")
    for at, value in root.value if root is not None else ():
        if at.value != group:
            continue
        if isinstance(value, yaml.MappingNode) and value.value:
            return _added(text, value, f"{name}: {written}")
        if isinstance(value, yaml.MappingNode):
            end = value.end_mark.index - 1
            return f"{text[:end]}{name}: {written}{text[end:]}"
        end = _line_end(text, at)
        indent = " " * (at.start_mark.column + 2)
        return f"{_broken(text[:end])}{indent}{name}: {written}\n{text[end:]}"
    return f"{_broken(text)}{group}:\n  {name}: {written}\n"


def _added(text: str, group: yaml.MappingNode, entry: str) -> str:
    """Give the text with an entry more at the end of a group that has some."""
    last = group.value[-1][1]
    if group.flow_style:
        end = last.end_mark.index
        return f"{text[:end]}, {entry}{text[end:]}"
    indent = " " * group.value[0][0].start_mark.column
    end = _line_end(text, last)
    return f"{_broken(text[:end])}{indent}{entry}\n{text[end:]}"


def _without_flow(text: str, found: _Found) -> str:
    place = next(number for number, (key, _) in enumerate(found.parent.value) if key is found.key)
    if place + 1 < len(found.parent.value):
        return text[: found.key.start_mark.index] + text[found.parent.value[place + 1][0].start_mark.index :]
    before = found.parent.value[place - 1][1].end_mark.index
    return text[:before] + text[found.value.end_mark.index :]


def _has_comments(text: str, found: _Found) -> bool:
    """Whether something is remarked between the group's name and the line of its setting: that stays."""
    above = 0 if found.group is None else found.group.end_mark.index
    return "#" in text[above : _line_start(text, found.key)]


def _line_start(text: str, node: yaml.Node) -> int:
    return text.rfind("\n", 0, node.start_mark.index) + 1


def _line_end(text: str, node: yaml.Node) -> int:
    """Give where the line after the node begins; a block's end is there already."""
    end = _end(node)
    if end and text[end - 1 : end] == "\n":
        return end
    newline = text.find("\n", end)
    return len(text) if newline < 0 else newline + 1


def _end(node: yaml.Node) -> int:
    # The mark of a block is that of whatever follows it, comments passed over.
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _end(node.value[-1][1])
    return int(node.end_mark.index)


def _broken(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _scalar(value: str) -> str:
    """Write a value so that YAML reads the same text again: plain where that works, else in quotes."""
    if not _RISKY.intersection(value):
        try:
            node = yaml.compose(f"x: {value}\n", Loader=yaml.SafeLoader)
        except yaml.YAMLError:
            node = None
        if isinstance(node, yaml.MappingNode):
            made = node.value[0][1]
            if isinstance(made, yaml.ScalarNode) and made.value == value and not is_empty(made):
                return value
    return json.dumps(value, ensure_ascii=False)


def _checked(path: str, text: str, wanted: dict[_Path, str], key: str) -> str:
    """Give the text if it says what is wanted and nothing else has changed."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        root = None
        if wanted:
            raise _by_hand(path, f"{key} is written in a way that only a person can change") from None
    if _flat(root) != wanted:
        raise _by_hand(path, f"{key} is written in a way that only a person can change")
    return text


def _flat(root: yaml.Node | None) -> dict[_Path, str]:
    return dict(_leaves(root, ())) if root is not None else {}


def _leaves(node: yaml.Node, at: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _leaves(value, (*at, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _leaves(value, (*at, str(number)))
    elif isinstance(node, yaml.ScalarNode) and not is_empty(node):
        yield at, str(node.value)


def _by_hand(path: str, problem: str) -> PanError:
    return PanError(
        f"{path} was left as it is: {problem}", remedy="change it with an editor", code=ExitCode.CONFIG
    )
