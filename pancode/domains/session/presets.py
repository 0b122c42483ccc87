"""Presets: named starting values of a session, from the user's panpresets.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level, parse_level
from pancode.engine.documents import Document, suggestion

REASONING = ("off", "minimal", "low", "medium", "high", "xhigh")
VARIABLES = {
    "model": "PANCODE_MODEL",
    "workerModel": "PANCODE_WORKER_MODEL",
    "scoutModel": "PANCODE_SCOUT_MODEL",
    "endpoint": "PANCODE_ENDPOINT",
    "reasoning": "PANCODE_REASONING",
    "safety": "PANCODE_SAFETY",
}
"""Which variable of the controller's environment carries a preset's field."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One named start: what it is for, and the variables that the controller starts with."""

    name: str
    description: str
    environment: tuple[tuple[str, str], ...]


BUILT_IN: tuple[Preset, ...] = tuple(
    Preset(name, description, tuple((VARIABLES[field], value) for field, value in fields.items()))
    for name, description, fields in (
        (
            "local",
            "models of this machine or network, as PANCODE_MODEL and its kin say",
            {"safety": "auto-edit"},
        ),
        ("openai", "OpenAI's models, as each agent chooses", {"safety": "auto-edit"}),
        (
            "openai-max",
            "OpenAI's models, thinking longer and unasked",
            {"reasoning": "high", "safety": "full-auto"},
        ),
        ("anthropic", "Anthropic's models, as each agent chooses", {"safety": "auto-edit"}),
        ("google", "Google's models, as each agent chooses", {"safety": "auto-edit"}),
        ("hybrid", "a local scout, hosted workers", {"safety": "auto-edit"}),
        ("careful", "agents propose and change nothing", {"safety": "suggest"}),
    )
)


def find_preset(name: str, home: str) -> Preset:
    """Give the preset `name`: the user's, else a built-in one.

    PanError: NOT_FOUND with the known names, or CONFIG with each mistake's line.
    """
    path = os.path.join(home, "panpresets.yaml")
    known = {preset.name: preset for preset in BUILT_IN}
    if os.path.exists(path):
        known.update(load_presets(path))
    if name not in known:
        near = suggestion(name, sorted(known)).removeprefix("rename it to ")
        hint = f"; did you mean {near}?" if near.startswith('"') else ""
        raise PanError(
            f'there is no preset "{name}"{hint}',
            remedy=f"known here: {', '.join(sorted(known))}; your own go to {path}",
            code=ExitCode.NOT_FOUND,
        )
    return known[name]


def load_presets(path: str) -> Mapping[str, Preset]:
    """Read the user's presets; PanError (CONFIG) names every mistake by line."""
    document = Document(path)
    root = document.root()
    found: dict[str, Preset] = {}
    if isinstance(root, yaml.MappingNode):
        found = {str(key.value): _preset(document, str(key.value), value) for key, value in root.value}
    elif root is not None:
        document.wrong(root, "presets must be a mapping of name to preset")
    document.check()
    return found


def _preset(document: Document, name: str, node: yaml.Node) -> Preset:
    entries = document.mapping(node, f'preset "{name}"', ("description", *VARIABLES))
    description = ""
    environment = []
    for field, value in entries.items():
        if value.tag == "tag:yaml.org,2002:null":
            continue
        text = document.text(value, field)
        if field == "description":
            description = text
            continue
        _check(document, field, text, value)
        environment.append((VARIABLES[field], text))
    return Preset(name, description, tuple(environment))


def _check(document: Document, field: str, text: str, node: yaml.Node) -> None:
    if field == "reasoning" and text not in REASONING:
        document.wrong(node, f'there is no reasoning "{text}"', suggestion(text, REASONING))
    if field == "safety":
        try:
            parse_level(text)
        except PanError as error:
            document.wrong(node, error.problem, suggestion(text, [level.value for level in Level]))
