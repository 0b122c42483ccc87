"""Reads config.yaml and panpresets.yaml: texts with their lines, and every mistake with the nearest key."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from pancode.domains.panconfigure.key import Key
from pancode.domains.panconfigure.kinds import NAME
from pancode.domains.panconfigure.layers import Given
from pancode.domains.panconfigure.schema import BY_NAME, KEYS
from pancode.domains.panconfigure.sources import Mistake, Preset, PresetsFile, SettingsFile
from pancode.engine.documents import Document, line_of, suggestion
from pancode.engine.documents import Mistake as Noted

GROUPS = tuple(dict.fromkeys(key.name.partition(".")[0] for key in KEYS if key.in_files))
FIELDS = {
    "model": "models.orchestrator",
    "workerModel": "models.worker",
    "scoutModel": "models.scout",
    "endpoint": "models.endpoint",
    "reasoning": "runtime.reasoning",
    "safety": "runtime.safety",
    "mode": "runtime.mode",
    "agents": "agents.default",
    "budget": "budget.ceiling",
    "layout": "runtime.layout",
    "theme": "runtime.theme",
}
"""A preset's fields, and the settings that they are."""
_NULL = "tag:yaml.org,2002:null"


def settings(path: str) -> SettingsFile:
    """Read a config.yaml that is there."""
    document = Document(path)
    root = document.root()
    given: dict[str, Given] = {}
    is_whole = not document.mistakes
    if isinstance(root, yaml.MappingNode):
        for name, at, value in entries(document, root):
            _take(document, given, (name, name), at, value)
    elif root is not None and not is_empty(root):
        document.wrong(
            root, "this is not a mapping", f"write one of {', '.join(GROUPS)} and below it its keys"
        )
        is_whole = False
    return SettingsFile(path, given, mistakes_of(document), is_whole)


def entries(document: Document, root: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Give each setting's dotted name with the nodes of its key and value; others are mistakes."""
    for group, node in document.mapping(root, "the settings", (*GROUPS, *_names())).items():
        if group in BY_NAME:
            yield group, node, node
        elif isinstance(node, yaml.MappingNode):
            for name, value in document.mapping(node, group, _names(group)).items():
                yield f"{group}.{name}", node, value
        elif not is_empty(node):
            document.wrong(node, f"{group} must be a mapping", f"keys: {', '.join(_names(group))}")


def presets(path: str) -> PresetsFile:
    """Read a panpresets.yaml that is there."""
    document = Document(path)
    root = document.root()
    is_whole = not document.mistakes
    found: dict[str, Preset] = {}
    if isinstance(root, yaml.MappingNode):
        for key, node in root.value:
            preset = _preset(document, str(key.value), node)
            if preset.name in found:
                document.wrong(key, f'the preset "{preset.name}" is there twice', "remove one of them")
            found.setdefault(preset.name, preset)
    elif root is not None and not is_empty(root):
        document.wrong(root, "presets must be a mapping of name to preset")
        is_whole = False
    return PresetsFile(path, found, mistakes_of(document), is_whole)


def is_empty(node: yaml.Node) -> bool:
    """Whether nothing is written there."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def mistakes_of(document: Document) -> tuple[Mistake, ...]:
    """Give what is wrong, from the top to the bottom."""
    found = sorted(document.mistakes, key=lambda mistake: mistake.line)
    return tuple(_mistake(document, one) for one in found)


def _mistake(document: Document, one: Noted) -> Mistake:
    return Mistake(document.path, one.line, one.problem, one.remedy)


def _preset(document: Document, name: str, node: yaml.Node) -> Preset:
    description, before = "", len(document.mistakes)
    given: dict[str, Given] = {}
    if name == "off" or not NAME.fullmatch(name):
        document.wrong(node, f'"{name}" can\'t be the name of a preset', "use letters, digits, '-' and '_'")
    for field, value in document.mapping(node, f'preset "{name}"', ("description", *FIELDS)).items():
        if field == "description":
            description = "" if is_empty(value) else document.text(value, field)
        elif field == "agents" and isinstance(value, yaml.SequenceNode):
            _take_list(document, given, value)
        else:
            _take(document, given, (field, FIELDS[field]), value, value)
    own = tuple(_mistake(document, one) for one in document.mistakes[before:])
    return Preset(name, description, given, own)


def _take_list(document: Document, given: dict[str, Given], node: yaml.SequenceNode) -> None:
    texts = [document.text(item, "an agent") for item in document.sequence(node, "agents")]
    _keep(document, given, ("agents", "agents.default"), node, ", ".join(texts))


def _take(
    document: Document, given: dict[str, Given], called: tuple[str, str], at: yaml.Node, node: yaml.Node
) -> None:
    """Keep a value's text under its setting; `called` is how the file calls it, and the setting's name."""
    if is_empty(node):
        return
    if called[1] in given:
        document.wrong(at, f'"{called[1]}" is there twice', "remove one of them")
    elif text := document.text(node, called[0]):
        _keep(document, given, called, node, text)


def _keep(
    document: Document, given: dict[str, Given], called: tuple[str, str], node: yaml.Node, text: str
) -> None:
    key = BY_NAME[called[1]]
    try:
        key.read(text)
    except ValueError as error:
        document.wrong(node, f'{called[0]} is "{text}", which is not {error}', _near(key, text))
        return
    given[key.name] = Given(text, f"{document.path}:{line_of(node)}")


def _near(key: Key, text: str) -> str:
    words = key.words
    return suggestion(text, words) if words else f"default: {key.default}"


def _names(group: str | None = None) -> tuple[str, ...]:
    """Give the names that stand in files: all, or those of a group without it."""
    names = [key.name for key in KEYS if key.in_files]
    if group is None:
        return tuple(names)
    return tuple(name.partition(".")[2] for name in names if name.startswith(f"{group}."))
