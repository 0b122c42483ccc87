"""Path patterns of the rules: `*` is one name or part of it, `**` any depth, `~` the home directory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

MOST_ENTRIES = 50_000
"""Directory entries that one look at the disk takes; beyond it the answer is not complete."""
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A pattern over absolute paths; what it matches it covers with everything below.

    `segments` are what stands between the slashes. A pattern that was written relative begins with
    `**`: it is meant below any directory.
    """

    text: str
    segments: tuple[str, ...]

    def covers(self, path: str) -> bool:
        """Whether the absolute, normalised `path` or a directory above it matches.

        >>> path_pattern("**/.env", "/h").covers("/w/a/.env")
        True
        >>> path_pattern("~/.aws", "/h").covers("/h/.aws/credentials")
        True
        >>> path_pattern("src/*.py", "/h").covers("/w/src/deep/a.py")
        False
        """
        # The places in the pattern that can be reached with the names read so far.
        reached = _passed(self.segments, {0})
        for name in _names(path):
            if len(self.segments) in reached:
                return True
            reached = _passed(self.segments, set(_after(self.segments, reached, name)))
        return len(self.segments) in reached

    def lies_below(self, path: str) -> bool:
        """Whether all that matches lies below `path`, so that who deletes that deletes this too.

        >>> path_pattern("~/.aws/credentials", "/h").lies_below("/h")
        True
        """
        head = self.literal_head
        return head != path and head.startswith(path if path.endswith("/") else path + "/")

    @property
    def literal_head(self) -> str:
        """Give the longest path at the beginning without wildcards; "/" if there is none."""
        names: list[str] = []
        for segment in self.segments:
            if _is_wild(segment):
                break
            names.append(segment)
        return "/" + "/".join(names)

    @property
    def absolute(self) -> bool:
        """Whether it says from the root on where it lies."""
        return not self.segments or self.segments[0] != "**"


def path_pattern(text: str, home: str) -> PathPattern:
    """Read a pattern as it stands in a file; ValueError for one that can't match anything.

    >>> path_pattern("~/.ssh/*", "/h").segments
    ('h', '.ssh', '*')
    >>> path_pattern(".env", "/h").segments
    ('**', '.env')
    """
    if not text.strip("/ ") and text != "/":
        raise ValueError("it is empty")
    if "\0" in text:
        raise ValueError("it has a NUL character")
    whole = home + text[1:] if text == "~" or text.startswith("~/") else text
    names = [name for name in whole.split("/") if name not in ("", ".")]
    if ".." in names:
        raise ValueError('it has ".." in it')
    if not whole.startswith("/") and (not names or names[0] != "**"):
        names.insert(0, "**")
    short = [name for place, name in enumerate(names) if name != "**" or names[place - 1 : place] != ["**"]]
    return PathPattern(text, tuple(short))


def existing(patterns: Sequence[PathPattern], worktree: str) -> tuple[tuple[str, ...], bool]:
    """Give the paths on the disk that the patterns match, and whether all of the disk was looked at.

    A pattern with wildcards is looked for where it begins, and one that may begin anywhere only in
    `worktree`; links are not followed, and below what is found nothing more is looked for.
    """
    found: dict[str, None] = {}
    roots: dict[str, list[PathPattern]] = {}
    for pattern in patterns:
        if any(_is_wild(segment) for segment in pattern.segments):
            head = pattern.literal_head
            roots.setdefault(worktree if head == "/" else head, []).append(pattern)
        elif os.path.lexists(pattern.literal_head):
            found[pattern.literal_head] = None
    left = MOST_ENTRIES
    for root, wanted in roots.items():
        for path in _search(root, wanted, left):
            left -= 1
            if path:
                found[path] = None
        if not left:
            return tuple(found), False
    return tuple(found), True


def _search(root: str, wanted: Sequence[PathPattern], most: int) -> Iterator[str | None]:
    """Give for each of at most `most` entries its path if it is wanted, else None."""
    waiting = [root]
    while waiting:
        for entry in _entries(waiting.pop()):
            if not most:
                return
            most -= 1
            is_wanted = any(pattern.covers(entry.path) for pattern in wanted)
            if not is_wanted and entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            yield entry.path if is_wanted else None


def _entries(directory: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            yield from entries
    except OSError:
        return


def _is_wild(segment: str) -> bool:
    return not _WILD.isdisjoint(segment)


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name]


def _passed(segments: Sequence[str], places: set[int]) -> set[int]:
    """Add what `**` lets through: it stands for no name, too."""
    for place in sorted(places):
        at = place
        while at < len(segments) and segments[at] == "**":
            at += 1
            places.add(at)
    return places


def _after(segments: Sequence[str], places: Iterable[int], name: str) -> Iterator[int]:
    for place in places:
        if place < len(segments):
            if segments[place] == "**":
                yield place
            elif fnmatchcase(name, segments[place]):
                yield place + 1
