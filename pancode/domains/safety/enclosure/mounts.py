"""The mounts of a sandbox as values, put into words for bwrap and for Landlock."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import assert_never


class Kind(Enum):
    """What is found at a mount's target."""

    READ = auto()  # the source, not to be changed
    WRITE = auto()  # the source
    SCRATCH = auto()  # an empty directory of the sandbox's own, gone with it
    EMPTY = auto()  # an empty directory that stays empty
    BLANK = auto()  # a file that can't be opened
    NOTHING = auto()  # a file that reads as empty, and that git doesn't see
    LINK = auto()  # a symbolic link to `source`


@dataclass(frozen=True, slots=True)
class Mount:
    """One place inside, and where it comes from outside ("": from the same path). Paths are absolute."""

    kind: Kind
    target: str
    source: str = ""

    @property
    def origin(self) -> str:
        """Give the path outside."""
        return self.source or self.target


def reading(*paths: str) -> list[Mount]:
    """Make `paths` visible."""
    return [Mount(Kind.READ, path) for path in paths]


def hiding(path: str) -> Mount:
    """Put something empty over `path`, which exists."""
    return Mount(Kind.EMPTY if os.path.isdir(path) else Kind.BLANK, path)


def is_place(path: str) -> bool:
    """Whether there is nothing at `path`, or only what was put there to be mounted on."""
    try:
        mode = os.lstat(path).st_mode
        return stat.S_ISSOCK(mode) or (stat.S_ISDIR(mode) and not os.listdir(path))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def within(path: str, directory: str) -> bool:
    """Whether `path` is `directory` or below it.

    >>> within("/a/b", "/a"), within("/a", "/a"), within("/ab", "/a"), within("/x", "/")
    (True, True, False, True)
    """
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def within_any(path: str, directories: tuple[str, ...]) -> bool:
    """Whether `path` is one of `directories` or below one: of many, much faster than one by one.

    >>> within_any("/a/b", ("/x", "/a")), within_any("/ab", ("/x", "/a")), within_any("/a", ("/a",))
    (True, False, True)
    """
    return f"{path}/".startswith(_beginnings(directories))


@lru_cache(maxsize=64)
def _beginnings(directories: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{each.rstrip('/')}/" for each in directories)


def pinned(mount: Mount, top: str) -> list[Mount]:
    """Give `mount`, and each directory between it and `top` as a mount point, so that none can be renamed."""
    between: list[Mount] = []
    at = os.path.dirname(mount.target)
    while at != top and within(at, top):
        between.insert(0, Mount(Kind.WRITE, at))
        at = os.path.dirname(at)
    return [*between, mount]


def arranged(mounts: Iterable[Mount]) -> list[Mount]:
    """Order parents before children; of two at one place the last counts, what adds nothing goes."""
    last = {mount.target: mount for mount in mounts}
    kept: dict[str, Mount] = {}
    for target in sorted(last, key=lambda path: path.split("/")):
        mount = last[target]
        if not _adds_nothing(mount, _around(target, kept)):
            kept[target] = mount
    return list(kept.values())


def _around(target: str, kept: dict[str, Mount]) -> Mount | None:
    at = target
    while at != "/":
        at = at.rpartition("/")[0] or "/"
        if at in kept:
            return kept[at]
    return None


def _adds_nothing(mount: Mount, around: Mount | None) -> bool:
    """Whether it only shows again, read-only, what the mount around it shows read-only at the same path."""
    if around is None or around.kind is not Kind.READ or around.source or mount.source:
        return False
    return mount.kind is Kind.READ


def options(mounts: Sequence[Mount]) -> list[str]:
    """Give bwrap's options for `arranged` mounts; what stays empty is closed once all in it is mounted."""
    found: list[str] = []
    opened: list[str] = []
    for mount in mounts:
        while opened and not within(mount.target, opened[-1]):
            found += ("--remount-ro", opened.pop())
        found += _words(mount)
        if mount.kind is Kind.EMPTY:
            opened.append(mount.target)
    return found + [word for target in reversed(opened) for word in ("--remount-ro", target)]


def _words(mount: Mount) -> list[str]:
    match mount.kind:
        case Kind.READ:
            return ["--ro-bind-try", mount.origin, mount.target]
        case Kind.WRITE:
            return ["--bind", mount.origin, mount.target]
        case Kind.SCRATCH | Kind.EMPTY:
            return ["--tmpfs", mount.target]
        case Kind.BLANK:
            return ["--ro-bind", "/dev/null", mount.target]
        case Kind.NOTHING:
            return ["--dev-bind", "/dev/null", mount.target]
        case Kind.LINK:
            return ["--symlink", mount.source, mount.target]
        case _:
            assert_never(mount.kind)


def grants(mounts: Sequence[Mount]) -> tuple[list[str], list[str]]:
    """Give what Landlock alone would let be read and be written, as paths outside.

    Landlock can't take away what it has granted: a readable directory with something hidden in it is
    granted child by child. What is read-only inside a writable directory is writable.
    """
    hidden = [each.target for each in mounts if each.kind in (Kind.EMPTY, Kind.BLANK)]
    readable: list[str] = []
    for mount in mounts:
        if mount.kind is Kind.READ:
            readable += _but(mount.origin, hidden)
    return readable, [mount.origin for mount in mounts if mount.kind is Kind.WRITE]


def _but(path: str, hidden: Sequence[str]) -> list[str]:
    inside = [each for each in hidden if within(each, path)]
    if not inside:
        return [path]
    if path in inside:
        return []
    try:
        names = os.listdir(path)
    except OSError:
        return []
    return [one for name in sorted(names) for one in _but(os.path.join(path, name), inside)]
