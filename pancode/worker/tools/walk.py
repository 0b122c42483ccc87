"""All files below a directory in order, without what git leaves out."""

from __future__ import annotations

import os
import time

from pancode.worker.tools.globs import rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pancode.worker.tools.globs import Rule

    # The rules of one folder, and where that lies relative to the searched one: "" or "a/b/".
    Level = tuple[str, list[Rule]]

_LONGEST_RULES = 1 << 20


class Walk:
    """Goes through a directory until `until`; `late` says that there was no time for all of it."""

    def __init__(self, root: str, until: float, *, ignored: bool) -> None:
        """`ignored`: also what git leaves out, but never the folder .git."""
        self._root = root
        self._until = until
        self._ignored = ignored
        self.late = False
        self.unreadable = 0

    def entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Give each entry with its path relative to the root; symbolic links are not followed."""
        above = [] if self._ignored else _above(self._root)
        folders: list[tuple[str, list[tuple[int, Level]]]] = [("", above)]
        while folders and not self.late:
            below, levels = folders.pop()
            inner = []
            if not self._ignored:
                own = _read(os.path.join(self._root, below, ".gitignore"))
                levels = [*levels, (len(below), ("", own))] if own else levels
            for entry in self._listed(below):
                path = below + entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.name == ".git" or _left_out(path, entry.name, levels, is_folder=is_folder):
                    continue
                yield path, entry
                if is_folder:
                    inner.append((f"{path}/", levels))
            folders += reversed(inner)
            if time.monotonic() > self._until:
                self.late = True

    def _listed(self, below: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self._root, below)) as found:
                return sorted(found, key=lambda entry: entry.name)
        except OSError:
            self.unreadable += 1
            return []


def _left_out(path: str, name: str, levels: list[tuple[int, Level]], *, is_folder: bool) -> bool:
    for start, (before, level) in reversed(levels):
        relative = before + path[start:]
        for rule in level:
            if rule.fits(relative, name, is_folder=is_folder):
                return rule.takes
    return False


def _above(root: str) -> list[tuple[int, Level]]:
    """Give the rules of the folders above `root` as far as its repository goes, the outermost first."""
    found: list[tuple[int, Level]] = []
    folder, before = os.path.realpath(root), ""
    while True:
        if before:
            found.append((0, (before, _read(os.path.join(folder, ".gitignore")))))
        if os.path.exists(os.path.join(folder, ".git")):
            found.append((0, (before, _read(os.path.join(folder, ".git", "info", "exclude")))))
            return found[::-1]
        parent, name = os.path.split(folder)
        if parent == folder:
            return []
        folder, before = parent, f"{name}/{before}"


def _read(path: str) -> list[Rule]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return rules(os.read(fd, _LONGEST_RULES).decode("utf-8", "surrogateescape"))
    except OSError:
        return []
    finally:
        os.close(fd)
