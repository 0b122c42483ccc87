"""What was seen of the file system while something was worked out, so that it holds until that changes."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

SETTLED_NS = 2_000_000_000
"""How old a change must be to be told from one that follows: file systems' clocks tick in milliseconds."""
_MOST_KEPT = 8
_T = TypeVar("_T")
State = tuple[tuple[int, ...], ...]


class Sight:
    """Answers like `os.path`, and remembers the state of whatever it was asked about."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self._seen: dict[str, State] = {}
        self._ways: dict[str, tuple[int, ...]] = {}

    def exists(self, path: str) -> bool:
        """Whether there is something at the end of all links."""
        state = self._look(path)
        return bool(state and state[-1])

    def lexists(self, path: str) -> bool:
        """Whether there is something, be it a link to nothing."""
        return bool(self._look(path))

    def names(self, path: str) -> list[str]:
        """Give what a directory holds; nothing where it is none, or can't be read."""
        self._look(path)
        try:
            return os.listdir(path)
        except OSError:
            return []

    def realpath(self, path: str) -> str:
        """Give the path without links."""
        self._look(path)
        self._follow(path)
        found = os.path.realpath(path)
        self._follow(found)
        return found

    def holds(self) -> bool:
        """Whether all that was seen is as it was."""
        return all(_state(path) == was for path, was in self._seen.items()) and all(
            _kind(path) == was for path, was in self._ways.items()
        )

    def is_settled(self) -> bool:
        """Whether all that was seen has been so for a while: else a change at this moment wouldn't show."""
        latest = time.time_ns() - SETTLED_NS
        return all(at < latest for state in self._seen.values() for one in state for at in one[3:])

    def _follow(self, path: str) -> None:
        at = os.path.dirname(path)
        while at not in self._ways:
            self._ways[at] = _kind(at)
            at = os.path.dirname(at)

    def _look(self, path: str) -> State:
        if path not in self._seen:
            self._seen[path] = _state(path)
        return self._seen[path]


class Kept(Generic[_T]):
    """What was worked out, for as long as all that was seen for it holds: every run asks for it."""

    def __init__(self) -> None:
        """Nothing has been worked out."""
        self._known: dict[Hashable, tuple[Sight, _T]] = {}

    def get(self, asked: Hashable, work_out: Callable[[Sight], _T]) -> _T:
        """Give what `work_out` gives, which looks at the file system by what it is given alone."""
        known = self._known.get(asked)
        if known is None or not known[0].holds():
            sight = Sight()
            known = sight, work_out(sight)
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            if sight.is_settled():
                self._known[asked] = known
        return known[1]


def _state(path: str) -> State:
    """Give what changes with a file, or with what a directory holds; of a link also of what it leads to."""
    try:
        own = os.lstat(path)
    except OSError:
        return ()
    if not stat.S_ISLNK(own.st_mode):
        return (_marks(own),)
    try:
        return _marks(own), _marks(os.stat(path))
    except OSError:
        return _marks(own), ()


def _marks(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_mode, found.st_mtime_ns, found.st_ctime_ns


def _kind(path: str) -> tuple[int, ...]:
    """Give what changes when another directory, or a link, comes in the place of a directory."""
    try:
        found = os.lstat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, stat.S_IFMT(found.st_mode)
