"""Knows the values of variables, as far as the command itself or the place tells them."""

from __future__ import annotations

import re

from pancode.domains.safety.commands.calls import Scene, Word
from pancode.domains.safety.commands.environment import TAINT, holds_secret
from pancode.domains.safety.commands.judgement import DYNAMIC

_NAME = re.compile(r"([A-Za-z_]\w*|[0-9]+|[@*#?$!_-])(\[(?:[^\[\]]|\[[^\]]*\])*\])?")
_CUT = re.compile(r":\s*(\d+)\s*(?::\s*(\d+))?")


def spreads(raw: str) -> bool:
    """Tell whether the inside of `${…}` becomes several words even in double quotes."""
    return raw.startswith("@") or "[@]" in raw


def home_of(text: str, scene: Scene) -> str:
    """Give `text`, which begins with a tilde, with the home in the tilde's place."""
    user, slash, rest = text.partition("/")
    home = scene.place.home
    if user == "~":
        value = scene.variables.get("HOME")
        return (value[0].text if value else home) + slash + rest
    if user in ("~+", "~-"):
        return (scene.cwd if user == "~+" else "") + slash + rest if scene.cwd else DYNAMIC + slash + rest
    return ("/root" if user == "~root" else f"/home/{user[1:]}") + slash + rest


def known(name: str, scene: Scene) -> tuple[Word, ...] | None:
    """Give the value of a variable; None if nothing here tells it."""
    if name in scene.variables:
        return scene.variables[name]
    if name in ("@", "*"):
        return scene.arguments[1:] if scene.arguments is not None else ()
    if name.isdigit():
        given = scene.arguments or ()
        return (given[int(name)],) if int(name) < len(given) else None
    if name == "!":
        return (Word(DYNAMIC, taint="own"),)
    if name == "PPID":
        return (Word(DYNAMIC, taint="processes"),)
    simple = {"HOME": scene.place.home, "PWD": scene.cwd, "SHELL": "/bin/bash", "BASH": "/bin/bash", "_": ""}
    if simple.get(name):
        return (Word(simple[name]),)
    if name == "IFS":
        return (Word(" "),)
    return None


def expand(raw: str, scene: Scene) -> tuple[Word, ...]:
    """Give what `raw`, the inside of `${…}` or the name after `$`, stands for."""
    unknown = (Word(DYNAMIC, taint="variable"),)
    match = _NAME.match(raw)
    if match is None:
        return unknown
    name, index, rest = match.group(1), match.group(2), raw[match.end() :]
    if name == "!" and rest.isidentifier():
        return _named(rest, scene) or unknown
    values = known(name, scene)
    if values is None and holds_secret(name) and not re.match(r":?\+", rest):
        return (Word(DYNAMIC, taint=TAINT),)
    if index and values is not None:
        values = _indexed(values, index[1:-1])
    elif values is not None and name not in ("@", "*"):
        values = values[:1]
    if not rest:
        return unknown if values is None else values
    if values is None or any(word.dynamic for word in values) or spreads(raw):
        return unknown
    found = _changed(values[0].text if values else "", rest, unknown)
    if any(word.glob for word in values):
        return tuple(Word(word.text, glob=True) for word in found) if rest[0] == "%" else unknown
    return found


def _named(name: str, scene: Scene) -> tuple[Word, ...] | None:
    """Give what `${!name}` stands for: the variable that another one names."""
    values = known(name, scene)
    named = values[0].text if values else ""
    return expand(named, scene) if named.isidentifier() and named != name else None


def _indexed(values: tuple[Word, ...], index: str) -> tuple[Word, ...] | None:
    if index in ("@", "*"):
        return values
    return (values[int(index)],) if index.isdigit() and int(index) < len(values) else None


def _changed(text: str, rest: str, unknown: tuple[Word, ...]) -> tuple[Word, ...]:
    """Apply what follows the name; anything but the simplest is unknown."""
    cut = _CUT.fullmatch(rest)
    if cut:
        start, length = int(cut.group(1)), cut.group(2)
        return (Word(text[start : start + int(length)] if length else text[start:]),)
    if rest in (",,", "^^"):
        return (Word(text.lower() if rest == ",," else text.upper()),)
    if text and re.match(r":?[-=?]", rest):
        return (Word(text),)
    plain = re.fullmatch(r"(%%?|##?)([^*?\[$`'\"\\]*)", rest)
    if plain:
        side, piece = plain.groups()
        return (Word(text.removesuffix(piece) if side[0] == "%" else text.removeprefix(piece)),)
    return unknown
