"""Brings a work tree of the operator's from one state to another, and overwrites nothing else in it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

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


def stage(store: Store, taken: Sequence[Step], root: str, target: str, directory: str) -> None:
    """Write the files that the steps bring into `root/directory`, from the tree `target`, onto the disk.

    Neither the operator's index nor their hooks and filters have a part in it. PanError, OSError if the disk
    doesn't take them.
    """
    wanted = [os.fsencode(one.path) for one in taken if one.after != NOTHING]
    if not wanted:
        return
    git = store.at(root, os.path.join(store.git_dir, "writing-index"))
    git.run("read-tree", target)
    words = ("checkout-index", "--force", "-z", "--stdin", f"--prefix={directory}/")
    git.raw(*words, given=b"\0".join(wanted) + b"\0")
    for name in _below(root, directory):
        _sync(os.path.join(root, name))


def _sync(path: str) -> None:
    if not os.path.islink(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_pending(root: str, one: Step, directory: str) -> bool:
    """Whether a step whose file was staged in `root/directory` has not been done."""
    waits = one.path if one.after == NOTHING else f"{directory}/{one.path}"
    return os.path.lexists(os.path.join(root, waits))


def place(root: str, taken: Sequence[Step], directory: str) -> None:
    """Do the steps in `root`, each file in one move out of `root/directory`. Raises OSError."""
    for one in taken:
        if one.after == NOTHING:
            _remove(root, one.path)
    for one in taken:
        if one.after != NOTHING:
            _move(root, f"{directory}/{one.path}", one.path)


def _move(root: str, source: str, path: str) -> None:
    above, name = os.path.split(path)
    with _directory(root, above) as inside:
        full = os.path.join(root, path)
        if os.path.isdir(full) and not os.path.islink(full):
            for empty, _, _ in os.walk(full, topdown=False):
                os.rmdir(empty)
        source = os.path.join(root, source)
        try:
            os.rename(source, name, dst_dir_fd=inside)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Something else is mounted there: the move is made on that file system.
            partial = f"{full}.pancode-tmp"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial)
            shutil.copy2(source, partial, follow_symlinks=False)
            os.rename(partial, full)
            os.unlink(source)


@contextlib.contextmanager
def _directory(root: str, path: str) -> Iterator[int]:
    """Open a directory below `root`, made if it is missing; none on the way may be a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    found = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in filter(None, path.split("/")):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=found)
            above, found = found, os.open(part, flags, dir_fd=found)
            os.close(above)
        yield found
    finally:
        os.close(found)


def _remove(root: str, path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(os.path.join(root, path))
    above = os.path.dirname(path)
    with contextlib.suppress(OSError):  # As a rule one that isn't empty.
        while above:
            os.rmdir(os.path.join(root, above))
            above = os.path.dirname(above)
