"""Which of the modes and models that an agent offers a session is to have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LOOSE = ("yolo", "bypass", "autopilot", "auto", "accept", "full", "dontask", "dont_ask", "danger", "never")
"""Words in the name of a mode in which an agent asks less."""
READING = ("plan", "read", "ask", "architect", "chat")
"""Words in the name of a mode in which it changes nothing, or asks first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be set: by `session/set_mode`, by `session/set_model` or as an option."""

    method: str
    key: str  # the field that the value goes into
    current: str
    values: tuple[str, ...]
    option: str = ""  # the option's ID, for `session/set_config_option`

    def params(self, session: str, value: str) -> dict[str, Any]:
        """Give the request's parameters."""
        option = {"configId": self.option} if self.option else {}
        return {"sessionId": session, **option, self.key: value}


def mode_choice(opened: Mapping[str, Any]) -> Choice | None:
    """Give the choice of a mode in what `session/new` gave; None if there is none."""
    return _legacy(opened.get("modes"), "mode") or _option(opened, "mode")


def model_choice(opened: Mapping[str, Any]) -> Choice | None:
    """Give the choice of a model in what `session/new` gave; None if there is none."""
    return _option(opened, "model") or _legacy(opened.get("models"), "model")


def safest(choice: Choice, preferred: Sequence[str], *, reading: bool) -> str:
    """Give the mode to be in: the first preferred one that is offered, else one that asks.

    A worker that only reads gets a mode for reading, if the agent has one.

    >>> modes = Choice("session/set_mode", "modeId", "auto", ("auto", "default", "plan"))
    >>> safest(modes, (), reading=True), safest(modes, ("x",), reading=False)
    ('plan', 'default')
    """
    for mode in preferred:
        if mode in choice.values:
            return mode
    found = [mode for mode in choice.values if reading and _has(mode, READING) and not _has(mode, LOOSE)]
    if found:
        return found[0]
    if not _has(choice.current, LOOSE):
        return choice.current
    return next((mode for mode in choice.values if not _has(mode, LOOSE)), choice.current)


def _has(mode: str, words: Sequence[str]) -> bool:
    name = mode.rpartition("#")[2].lower()
    return any(word in name for word in words)


def _legacy(told: object, what: str) -> Choice | None:
    if not isinstance(told, dict):
        return None
    key = f"{what}Id"
    offered = _texts(told.get(f"available{what.capitalize()}s"), ("id", key))
    current = told.get(f"current{what.capitalize()}Id")
    if not offered:
        return None
    return Choice(f"session/set_{what}", key, current if isinstance(current, str) else "", offered)


def _option(opened: Mapping[str, Any], category: str) -> Choice | None:
    options = opened.get("configOptions")
    for each in options if isinstance(options, list) else ():
        if isinstance(each, dict) and each.get("category") == category and each.get("type") == "select":
            current, name = each.get("currentValue"), each.get("id")
            offered = _texts(each.get("options"), ("value",))
            if offered and isinstance(name, str) and isinstance(current, str):
                return Choice("session/set_config_option", "value", current, offered, name)
    return None


def _texts(items: object, keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_flat(items, keys))


def _flat(items: object, keys: tuple[str, ...]) -> Iterator[str]:
    for each in items if isinstance(items, list) else ():
        if isinstance(each, dict):
            yield from (each[key] for key in keys if isinstance(each.get(key), str))
            yield from _flat(each.get("options"), keys)  # options may come in groups
