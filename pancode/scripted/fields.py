"""Reading plain data key by key, collecting each mistake with the path to its place."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

Path = tuple[str | int, ...]
LONGEST = 3600.0
"""Seconds: a longer wait in a script is taken for a mistake in the unit."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at `path`, the keys and list positions (from 0) that lead to the place."""

    path: Path
    problem: str

    def place(self) -> str:
        """Name the place as a person counts.

        >>> Mistake(("turns", 0, "error"), "").place()
        'turn 1, "error"'
        """
        words: list[str] = []
        for part in self.path:
            if isinstance(part, int):
                words[-1] = f"{words[-1].strip(chr(34)).removesuffix('s')} {part + 1}"
            else:
                words.append(f'"{part}"')
        return ", ".join(words)


class Fields:
    """One mapping of the data: each getter reads a key, notes a mistake and falls back."""

    def __init__(self, data: object, path: Path, mistakes: list[Mistake]) -> None:
        """Read `data`; anything but a mapping is itself a mistake and reads as empty."""
        self._path = path
        self._mistakes = mistakes
        self._known: set[str] = set()
        self._data: dict[object, object] = {}
        if isinstance(data, dict):
            self._data = data
        else:
            self.complain(f"must be a mapping of keys to values, not {_kind(data)}")

    def complain(self, problem: str, key: str | None = None) -> None:
        """Note a mistake at this mapping, or at one of its keys."""
        path = self._path if key is None else (*self._path, key)
        if not any(mistake.path == path for mistake in self._mistakes):
            self._mistakes.append(Mistake(path, problem))

    def is_sound(self) -> bool:
        """Say whether no mistake has been noted in this mapping so far."""
        depth = len(self._path)
        return all(mistake.path[:depth] != self._path for mistake in self._mistakes)

    def has(self, key: str) -> bool:
        """Say whether the key is written at all."""
        return key in self._data

    def ignore(self, key: str) -> None:
        """Count the key as known, where a mistake about it is noted already."""
        self._known.add(key)

    def text(self, key: str, default: str) -> str:
        """Read a text."""
        value = self._get(key, default)
        if isinstance(value, str):
            return value
        self.complain(f'must be a text, not {_kind(value)}: put it into "quotes"', key)
        return default

    def flag(self, key: str) -> bool:
        """Read true or false; absent = false."""
        value = self._get(key, default=False)
        if isinstance(value, bool):
            return value
        self.complain(f"must be true or false, not {_kind(value)}", key)
        return False

    def whole(self, key: str, default: int) -> int:
        """Read a whole number."""
        value = self._get(key, default)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self.complain(f"must be a whole number, not {_kind(value)}", key)
        return default

    def count(self, key: str, default: int) -> int:
        """Read a whole number of zero or more."""
        value = self.whole(key, default)
        if value >= 0:
            return value
        self.complain("must be 0 or more", key)
        return default

    def seconds(self, key: str, default: float) -> float:
        """Read a time in seconds, at most an hour."""
        value = self._get(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            if 0 <= value <= LONGEST:
                return float(value)
            self.complain(f"must be from 0 to {LONGEST:.0f} seconds, not {value:g}", key)
            return default
        self.complain(f"must be a number of seconds, not {_kind(value)}", key)
        return default

    def inner(self, key: str) -> Fields:
        """Read a mapping; absent = empty."""
        return Fields(self._get(key, {}), (*self._path, key), self._mistakes)

    def raw(self, key: str) -> dict[str, object]:
        """Read a mapping as it is; absent = empty."""
        value = self._get(key, {})
        if isinstance(value, dict) and all(isinstance(name, str) for name in value):
            return dict(value)
        self.complain(f"must be a mapping of names to values, not {_kind(value)}", key)
        return {}

    def entries(self, key: str) -> list[Fields]:
        """Read a list of mappings; absent = empty."""
        value = self._get(key, [])
        if isinstance(value, list | tuple):
            here = (*self._path, key)
            return [Fields(item, (*here, index), self._mistakes) for index, item in enumerate(value)]
        self.complain(f"must be a list, not {_kind(value)}", key)
        return []

    def finish(self) -> None:
        """Note every key that no getter asked for."""
        for key in self._data:
            name = str(key)
            if name not in self._known or not isinstance(key, str):
                close = difflib.get_close_matches(name, sorted(self._known), 1)
                hint = f', perhaps "{close[0]}"' if close else ""
                self.complain(f"there is no such key here{hint}", name)

    def _get(self, key: str, default: object) -> object:
        self._known.add(key)
        return self._data.get(key, default)


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"
