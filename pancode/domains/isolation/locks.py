"""The lock of the operator's index, held so that what a kill leaves of it can be told to be ours.

Git's own lock says nothing of who holds it; this one has the name of what is under way in it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator

from pancode.core.errors import ExitCode, PanError
from pancode.engine import git


@contextlib.contextmanager
def index_locked(root: str, name: str) -> Iterator[tuple[str, str]]:
    """Hold the lock of the index under `name`; give the index, and a copy of it to be put in its place.

    PanError CONFLICT if git is at work there; OSError.
    """
    index = _path(root, "index")
    mark, new = _own(index, name)
    _write(mark, name)
    try:
        _put(mark, f"{index}.lock", name)
    except FileExistsError:
        raise _busy(root, index) from None
    finally:
        os.unlink(mark)
    try:
        if os.path.exists(index):
            shutil.copy2(index, new)
        yield index, new
    finally:
        for path in (new, f"{index}.lock"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def check_free(root: str) -> None:
    """Raise PanError CONFLICT if git is at work on the index."""
    index = _path(root, "index")
    if os.path.lexists(f"{index}.lock"):
        raise _busy(root, index)


def _put(mark: str, lock: str, name: str) -> None:
    try:
        os.link(mark, lock)  # All at once: it is there with the name in it, or not there.
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        with open(lock, "x", encoding="ascii") as file:  # A file system without links.
            file.write(name)


def _busy(root: str, index: str) -> PanError:
    return PanError(
        f'git is at work in "{root}", or was killed there: {index}.lock is in the way',
        remedy="when no git runs there any more, remove that file, and ask again",
        code=ExitCode.CONFLICT,
    )


def clear(root: str, name: str, tip: str) -> None:
    """Remove the locks that were left when what is called `name` was killed on its way to the commit `tip`.

    Only what says so itself: others' locks stay. Nothing of ours may be at work any more.
    """
    index = _path(root, "index")
    if _read(f"{index}.lock") == name:
        os.unlink(f"{index}.lock")
    for path in (*_own(index, name), f"{_own(index, name)[1]}.lock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    with contextlib.suppress(PanError):  # At no branch.
        branch = _path(root, git.run(root, "symbolic-ref", "--quiet", "HEAD").strip())
        # Whoever moves a branch takes the lock of HEAD first, and writes nothing into that one.
        if _read(f"{branch}.lock") == tip:
            os.unlink(f"{branch}.lock")
            head = f"{_path(root, 'HEAD')}.lock"
            if _read(head) == "":
                os.unlink(head)


def _own(index: str, name: str) -> tuple[str, str]:
    return f"{index}{name}", f"{index}{name}.new"


def _path(root: str, name: str) -> str:
    return git.run(root, "rev-parse", "--path-format=absolute", "--git-path", name).rstrip("\n")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 10).decode("ascii", "replace").strip()
    except OSError:
        return None
