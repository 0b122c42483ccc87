"""Directories and files made so that something can be mounted on them; the last worker takes them away."""

from __future__ import annotations

import fcntl
import posix
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MARK_NS = 1_000_000_000 * 10**9
"""The time of last change, 2001-09-09T01:46:40Z, by which what we made is known, also to later workers."""
LOCK_S = 1.0
"""How long to wait for another worker that is just taking its masks away."""
_KIND, _DIRECTORY, _REGULAR, _SOCKET = 0o170000, 0o040000, 0o100000, 0o140000
_OPEN_DIRECTORY = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC


class Masks:
    """What stands in for paths that don't exist; kept while any worker has a shared lock on the worktree."""

    def __init__(
        self, worktree: str, directories: Iterable[str], stubs: Mapping[str, str | None] | None = None
    ) -> None:
        """Make what is missing; raise OSError (with the path). `stubs`: path -> text, None: a socket."""
        self._worktree = worktree.rstrip("/") or "/"
        self._made: list[tuple[str, str | None, int]] = []
        self._met: list[tuple[str, str | None, int]] = []
        directories = list(directories)
        stubs = stubs or {}
        self._lock = _lock(self._worktree) if directories or stubs else None
        try:
            for path in directories:
                self._make(path, None, _DIRECTORY)
            for path, text in stubs.items():
                self._make(path, text, _SOCKET if text is None else _REGULAR)
            self._date()
        except OSError:
            self._date()
            self.release()
            raise

    def release(self) -> None:
        """Take away what is still as it was made, if no other worker needs it; may be called twice."""
        if self._lock is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # All are looked at first: taking one away changes the directory it is in.
            for path, _, kind in [made for made in self._innermost_first() if self._unchanged(*made)]:
                self._remove(path, kind)
        except OSError:
            pass
        posix.close(self._lock)
        self._lock = None

    def _make(self, path: str, text: str | None, kind: int) -> None:
        """Make one thing and the directories it needs, unless something is there."""
        found = self._parent(path, make=True)
        if found is None:
            return
        parent, name = found
        try:
            if kind == _DIRECTORY:
                posix.mkdir(name, 0o755, dir_fd=parent)
            elif kind == _SOCKET:
                posix.mknod(name, _SOCKET | 0o600, dir_fd=parent)
            else:
                _write(name, text or "", parent)
        except FileExistsError:
            # Perhaps another worker's, which may not be dated yet: then the last of us takes it away.
            self._met.append((path, text, kind))
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None
        else:
            self._made.append((path, text, kind))
        finally:
            posix.close(parent)

    def _innermost_first(self) -> list[tuple[str, str | None, int]]:
        """Give what was made, and the directories that it is in: another worker may have made those."""
        known = {made[0] for made in (*self._made, *self._met)}
        around = {path.rpartition("/")[0] for path in known} - known - {self._worktree, ""}
        every = [*self._made, *self._met, *((path, None, _DIRECTORY) for path in around)]
        return sorted(every, key=lambda made: made[0].count("/"), reverse=True)

    def _date(self) -> None:
        """Mark all that was made, from the innermost: making one changed the directory it is in."""
        for path, _, _ in sorted(self._made, key=lambda made: made[0].count("/"), reverse=True):
            found = self._parent(path)
            if found is None:
                continue
            try:
                posix.utime(found[1], ns=(MARK_NS, MARK_NS), dir_fd=found[0], follow_symlinks=False)
            except OSError:
                pass
            finally:
                posix.close(found[0])

    def _unchanged(self, path: str, text: str | None, kind: int) -> bool:
        found = self._parent(path)
        if found is None:
            return False
        parent, name = found
        try:
            status = posix.stat(name, dir_fd=parent, follow_symlinks=False)
            if status.st_mode & _KIND != kind or status.st_mtime_ns != MARK_NS:
                return False
            if kind != _REGULAR:
                return True
            wanted = (text or "").encode()
            fd = posix.open(
                name, posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC, dir_fd=parent
            )
            try:
                return posix.read(fd, len(wanted) + 1) == wanted
            finally:
                posix.close(fd)
        except OSError:
            return False
        finally:
            posix.close(parent)

    def _remove(self, path: str, kind: int) -> None:
        found = self._parent(path)
        if found is None:
            return
        try:
            if kind == _DIRECTORY:
                posix.rmdir(found[1], dir_fd=found[0])
            else:
                posix.unlink(found[1], dir_fd=found[0])
        except OSError:
            pass
        finally:
            posix.close(found[0])

    def _parent(self, path: str, *, make: bool = False) -> tuple[int, str] | None:
        """Open the directory that `path` is in, and give it with the name there; None if it can't be.

        Below the worktree, where workers write, no symbolic link is followed.
        """
        base = "/" if self._worktree == "/" else self._worktree + "/"
        if not path.startswith(base):
            directory, _, name = path.rstrip("/").rpartition("/")
            try:
                return posix.open(directory or "/", _OPEN_DIRECTORY), name
            except OSError:
                return None
        names = [name for name in path[len(base) :].split("/") if name not in ("", ".")]
        if not names or ".." in names:
            return None
        at = base
        try:
            fd = posix.open(base, _OPEN_DIRECTORY)
        except OSError:
            return None
        for name in names[:-1]:
            at += name
            try:
                fd = self._step(fd, name, at, make=make)
            except OSError:
                return None
            at += "/"
        return fd, names[-1]

    def _step(self, parent: int, name: str, path: str, *, make: bool) -> int:
        """Go from one directory to one in it; closes `parent`."""
        try:
            try:
                return posix.open(name, _OPEN_DIRECTORY | posix.O_NOFOLLOW, dir_fd=parent)
            except FileNotFoundError:
                if not make:
                    raise
            posix.mkdir(name, 0o755, dir_fd=parent)
            self._made.append((path, None, _DIRECTORY))
            return posix.open(name, _OPEN_DIRECTORY | posix.O_NOFOLLOW, dir_fd=parent)
        finally:
            posix.close(parent)


def _write(name: str, text: str, parent: int) -> None:
    """Make a file that is whole, and dated, as soon as it is there: git and other workers look meanwhile."""
    flags = posix.O_WRONLY | posix.O_CLOEXEC
    try:
        fd = posix.open(".", flags | posix.O_TMPFILE, 0o644, dir_fd=parent)
    except OSError:  # Not every file system can do it.
        fd = posix.open(name, flags | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW, 0o644, dir_fd=parent)
        is_there = True
    else:
        is_there = False
    try:
        posix.write(fd, text.encode())
        posix.utime(fd, ns=(MARK_NS, MARK_NS))
        if not is_there:
            posix.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=parent, follow_symlinks=True)
    finally:
        posix.close(fd)


def _lock(worktree: str) -> int:
    """Have a shared lock on the worktree, if that can be had in time: a worker could hold one for ever."""
    fd = posix.open(worktree, _OPEN_DIRECTORY)
    until = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return fd
            time.sleep(0.01)
        except OSError:
            return fd
        else:
            return fd
