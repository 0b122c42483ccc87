"""Which layer wins for each setting, and what would hold without it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pancode.domains.panconfigure.key import Key, Value

Layer = Literal["default", "user", "project", "preset", "environment", "session", "flag"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
"""From the weakest to the strongest."""


TooFar = Callable[[str], str | None]
"""Why a model is beyond what the operator's own settings reach; None: it isn't."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one layer says of one setting, and where it says so: file:line, a variable, or an option."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Said:
    """One layer's word on a setting: the text, the value it makes, and where it stands."""

    layer: Layer
    value: Value
    text: str
    where: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A word of the project's file that doesn't count, and why."""

    key: str
    text: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A setting in force: every layer's word, the strongest first, and what was left out.

    `said` ends with the default, so that it is never empty. `otherwise` is the word that would count
    without the winner: mostly the next one, but a project's that was left out may fit then. None where
    the default counts.
    """

    key: Key
    said: tuple[Said, ...]
    left_out: tuple[LeftOut, ...] = ()
    otherwise: Said | None = None

    @property
    def winner(self) -> Said:
        """Give the word that counts."""
        return self.said[0]

    @property
    def value(self) -> Value:
        """Give the value in force."""
        return self.said[0].value


class BadValueError(Exception):
    """A text that its setting can't read; `where` it stands, and the words for what would fit."""

    def __init__(self, key: Key, given: Given, words: str) -> None:
        """Keep all three."""
        super().__init__(f"{given.where}: {words}")
        self.key, self.given, self.words = key, given, words


def nowhere(_: str) -> str | None:
    """Say of every model that it is within reach, where no project speaks."""
    return None


def resolve(
    key: Key, default: Value, layers: Mapping[Layer, Mapping[str, Given]], too_far: TooFar = nowhere
) -> Resolved:
    """Give the setting in force; BadValueError for the first text that can't be read.

    A project's word counts only where the setting lets others speak, and where it allows no more than
    what holds without it.
    """
    said, left_out = _weighed(key, default, layers, too_far)
    otherwise = None
    if (winner := said[-1].layer) != "default":
        rest = {layer: given for layer, given in layers.items() if layer != winner}
        otherwise = _weighed(key, default, rest, too_far)[0][-1]
    return Resolved(key, tuple(reversed(said)), tuple(left_out), otherwise)


def _weighed(
    key: Key, default: Value, layers: Mapping[Layer, Mapping[str, Given]], too_far: TooFar
) -> tuple[list[Said], list[LeftOut]]:
    """Give the words that count, the weakest first, and those that don't."""
    said = [Said("default", default, "" if default is None else key.default, "")]
    left_out = []
    for layer in LAYERS[1:]:
        given = layers.get(layer, {}).get(key.name)
        if given is None:
            continue
        value = _read(key, given)
        why = _too_much(key, said[-1].value, value, too_far) if layer == "project" else None
        if why is None:
            said.append(Said(layer, value, given.text, given.where))
        else:
            left_out.append(LeftOut(key.name, given.text, given.where, why))
    return said, left_out


def resolve_all(
    keys: Iterable[Key],
    defaults: Mapping[str, Value],
    layers: Mapping[Layer, Mapping[str, Given]],
    too_far: TooFar = nowhere,
) -> dict[str, Resolved]:
    """Give every setting in force by its name; `defaults` are by field."""
    return {key.name: resolve(key, defaults.get(key.field), layers, too_far) for key in keys}


def _read(key: Key, given: Given) -> Value:
    try:
        return key.read(given.text)
    except ValueError as error:
        raise BadValueError(key, given, str(error)) from None


def _too_much(key: Key, before: Value, after: Value, too_far: TooFar) -> str | None:
    if key.others == "no":
        return f"a project can't set {key.name}: only your own file, a preset, {key.variable} or you can"
    if key.others == "tighten" and key.loosens(before, after):
        return f"a project can make {key.name} only stricter than it is"
    return too_far(str(after)) if key.others == "reach" else None
