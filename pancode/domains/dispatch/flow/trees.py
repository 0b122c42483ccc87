"""What the files of a directory were at one moment: what a result depends on besides its task."""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pancode.domains.isolation.api import Isolation, root_of

MOST_FILES = 50_000
"""Of a directory outside of a repository; beyond that nothing is known about it, and nothing is reused."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Files and their contents: path from the root -> an id of the content. `head`: their commit."""

    root: str
    head: str | None
    entries: Mapping[str, str]

    def digest(self, patterns: Iterable[str] | None = None, but: str | None = None) -> str:
        """Give a hash of the files that match one of `patterns`, or of all and the commit, without `but`."""
        left_out = os.path.relpath(but, self.root) if but else None
        kept = {path: what for path, what in self.entries.items() if path != left_out}
        if patterns is not None:
            globs = tuple(patterns)
            kept = {
                path: what
                for path, what in kept.items()
                if any(fnmatch.fnmatchcase(path, glob) for glob in globs)
            }
        head = self.head if patterns is None else None
        lines = "\n".join(f"{what} {path}" for path, what in sorted(kept.items()))
        return hashlib.sha256(f"{head}\n{lines}".encode("utf-8", "surrogateescape")).hexdigest()[:40]


class Trees:
    """Looks at directories, in a thread: a large one takes longer than a request may."""

    def __init__(self, isolation: Isolation) -> None:
        """Let `isolation` look at repositories."""
        self._isolation = isolation

    async def look(self, cwd: str, environment: Mapping[str, str]) -> Tree | None:
        """Give the files around `cwd` as they are now; None if there are too many to know."""
        root = root_of(cwd)
        if root is None:
            entries = await asyncio.to_thread(_walked, cwd)
            return None if entries is None else Tree(cwd, None, entries)
        listed, head = await self._isolation.listed(root, environment)
        return Tree(root, head, listed)


def _walked(top: str) -> dict[str, str] | None:
    entries: dict[str, str] = {}
    for directory, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = os.path.join(directory, name)
            try:
                told = os.lstat(path)
            except OSError:
                continue
            entries[os.path.relpath(path, top)] = f"{told.st_size}-{told.st_mtime_ns}-{told.st_mode}"
        if len(entries) > MOST_FILES:
            return None
    return entries
