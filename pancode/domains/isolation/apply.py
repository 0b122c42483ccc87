"""Brings a work tree of the operator's from one state to another, and overwrites nothing else in it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation.store import Store

_LINK = "160000"
NOTHING = "000000"
"""The mode of a path where nothing is."""


@dataclass(frozen=True, slots=True)
class Step:
    """What changes at one path; the modes are git's, "000000" where nothing is."""

    path: str
    before: str
    after: str
    old: str
    new: str


def steps(store: Store, before: str, after: str) -> list[Step]:
    """Give what differs from one tree or commit to another; commits of other repositories are left out."""
    told = store.bare.raw("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", before, after)
    parts = told.stdout.split(b"\0")
    found = []
    for about, path in zip(parts[0:-1:2], parts[1::2], strict=False):
        old_mode, new_mode, old, new, _ = about.decode()[1:].split(" ")
        if _LINK not in (old_mode, new_mode):
            found.append(Step(os.fsdecode(path), old_mode, new_mode, old, new))
    return found


def back(taken: Iterable[Step]) -> list[Step]:
    """Give the steps that take `taken` back."""
    return [Step(one.path, one.after, one.before, one.new, one.old) for one in taken]


def in_the_way(root: str, taken: Sequence[Step]) -> list[str]:
    """Give what lies at `root` where the steps would write, though no snapshot has it: it is ignored, say."""
    leaving = {one.path for one in taken if one.after == NOTHING}
    found = []
    for one in taken:
        path = os.path.join(root, one.path)
        if one.after == NOTHING or not os.path.lexists(path):
            blocked = _blocked_above(root, one.path, leaving) if one.after != NOTHING else None
            found += [blocked] if blocked else []
        elif os.path.isdir(path) and not os.path.islink(path):
            found += [name for name in _below(root, one.path) if name not in leaving]
        elif one.before == NOTHING:
            found.append(one.path)
    return sorted(set(found))


def _below(root: str, path: str) -> Iterable[str]:
    for directory, names, files in os.walk(os.path.join(root, path)):
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]
        yield from (os.path.relpath(os.path.join(directory, name), root) for name in (*files, *links))


def _blocked_above(root: str, path: str, leaving: set[str]) -> str | None:
    """Give the file, or the link, that stands where a directory is needed."""
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        above = "/".join(parts[:count])
        full = os.path.join(root, above)
        if os.path.islink(full) or (os.path.lexists(full) and not os.path.isdir(full)):
            return None if above in leaving else above
    return None


def take(store: Store, root: str, taken: Sequence[Step], target: str) -> None:
    """Do the steps in the work tree `root`; `target` is the tree that has what they write.

    Neither the operator's index nor their hooks and filters have a part in it. PanError CONFLICT names what
    is in the way; nothing is changed then.
    """
    blocked = in_the_way(root, taken)
    if blocked:
        raise PanError(
            f"in the way: {', '.join(blocked[:5])}",
            remedy="move it elsewhere, then try again",
            code=ExitCode.CONFLICT,
        )
    for one in taken:
        if one.after == NOTHING:
            _remove(root, one.path)
    wanted = [os.fsencode(one.path) for one in taken if one.after != NOTHING]
    if not wanted:
        return
    git = store.at(root, os.path.join(store.git_dir, "writing-index"))
    git.run("read-tree", target)
    git.raw("checkout-index", "--force", "-z", "--stdin", given=b"\0".join(wanted) + b"\0")


def _remove(root: str, path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(os.path.join(root, path))
    above = os.path.dirname(path)
    with contextlib.suppress(OSError):  # As a rule one that isn't empty.
        while above:
            os.rmdir(os.path.join(root, above))
            above = os.path.dirname(above)
