"""Settings as JSON, for `pancode config --json` and the socket; the shape is in docs/configuration.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.domains.panconfigure.inforce import InForce
from pancode.domains.panconfigure.key import Key
from pancode.domains.panconfigure.layers import Resolved, Said
from pancode.domains.panconfigure.schema import KEYS


def listed(
    configuration: InForce, environment: Mapping[str, str], group: str | None = None
) -> dict[str, Any]:
    """Give every setting in force, or those of a group; and what is wrong in the files or left out of them.

    PanError as `InForce.resolved`.
    """
    found = configuration.resolved(environment)
    chosen = [key for key in KEYS if group is None or key.name.startswith(f"{group}.")]
    return {
        "settings": [row(found[key.name]) for key in chosen],
        "mistakes": [
            {"file": one.path, "line": one.line, "problem": one.problem, "remedy": one.remedy}
            for one in configuration.mistakes()
        ],
        "left_out": [
            {"key": one.key, "text": one.text, "where": one.where, "why": one.why}
            for key in KEYS
            for one in found[key.name].left_out
        ],
    }


def row(found: Resolved) -> dict[str, Any]:
    """Give one setting: its value as JSON (times in seconds), its text, its layer and where that says so."""
    winner = found.winner
    return {
        "key": found.key.name,
        "variable": found.key.variable,
        "value": winner.value,
        "text": text_of(found),
        "unit": unit_of(found.key),
        "layer": winner.layer,
        "where": winner.where or None,
        "meaning": found.key.meaning,
    }


def explained(found: Resolved) -> dict[str, Any]:
    """Give one setting with every layer's word, the strongest first, and all that holds for the key."""
    key = found.key
    return {
        **row(found),
        "default": key.default,
        "takes": key.kind,
        "effect": key.effect,
        "admin_only": key.admin,
        "flag": key.flag,
        "project": key.others,
        "said": [_said(one, key) for one in found.said],
        "otherwise": _said(found.otherwise, key) if found.otherwise else None,
        "left_out": [{"text": one.text, "where": one.where, "why": one.why} for one in found.left_out],
    }


def text_of(found: Resolved) -> str:
    """Give the setting in force as a person would write it; the default in words where nothing says it."""
    winner = found.winner
    return found.key.default if winner.layer == "default" else winner.text


def unit_of(key: Key) -> str:
    """Give the unit of the value."""
    return "s" if key.unit == "ms" else key.unit


def _said(one: Said, key: Key) -> dict[str, Any]:
    text = key.default if one.layer == "default" else one.text
    return {"layer": one.layer, "value": one.value, "text": text, "where": one.where or None}
