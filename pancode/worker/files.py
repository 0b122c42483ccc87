"""Append-only files that survive a full disk without a torn line, and files that appear whole."""

from __future__ import annotations

import posix

KEEP = 16 << 20
"""Bytes of a log kept in memory while the disk refuses them."""
RESERVE = 512 << 10
"""Bytes set aside per run, given back when the disk is full, so that its end can be written down."""


class Log:
    """An append-only file, mode 0600; `error` is the last refusal of the disk, None when all is written."""

    __slots__ = ("error", "fd", "lost", "pending", "size")

    def __init__(self, path: str) -> None:
        """Open or create `path`; raise OSError."""
        flags = posix.O_RDWR | posix.O_APPEND | posix.O_CREAT | posix.O_CLOEXEC
        self.fd = posix.open(path, flags, 0o600)
        self.size = posix.fstat(self.fd).st_size
        self.pending = b""
        self.lost = 0
        self.error: OSError | None = None

    def append(self, data: bytes) -> bool:
        """Write `data`; False when some of it had to stay in memory (it goes first at the next call)."""
        if self.pending:
            data = self.pending + data
            self.pending = b""
        at = 0
        while at < len(data):
            try:
                at += posix.write(self.fd, data[at:] if at else data)
            except OSError as error:
                self.error = error
                self._keep(data[at:])
                break
        self.size += at
        if at == len(data):
            self.error = None
        return self.error is None

    def _keep(self, rest: bytes) -> None:
        self.pending = rest[:KEEP]
        self.lost += len(rest) - len(self.pending)

    def sync(self) -> None:
        """Have the disk hold what was written; a refusal counts like a refused write."""
        try:
            posix.fdatasync(self.fd)
        except OSError as error:
            if self.error is None and error.errno not in _UNSYNCABLE:
                self.error = error


# Such as /dev/null, or a file system without fsync: nothing was refused.
_UNSYNCABLE = (22, 95)  # EINVAL, EOPNOTSUPP


def read(path: str) -> bytes:
    """Give the bytes of a file; raise OSError."""
    fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        parts = []
        while part := posix.read(fd, 1 << 18):
            parts.append(part)
        return b"".join(parts)
    finally:
        posix.close(fd)


def read_plain(path: str, most: int) -> bytes:
    """Give the bytes of a plain file that a worker may have made; raise OSError for another, or for more."""
    flags = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
    fd = posix.open(path, flags)
    try:
        about = posix.fstat(fd)
        if about.st_mode & 0o170000 != _REGULAR or about.st_size > most:
            raise OSError(f"{path} is not a plain file of at most {most} bytes")
        return posix.read(fd, most)
    finally:
        posix.close(fd)


_REGULAR = 0o100000  # S_IFREG


def replace(path: str, data: bytes) -> None:
    """Put `data` at `path`, mode 0600, so that a reader sees all or nothing; raise OSError."""
    new = f"{path}.new"
    fd = posix.open(new, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o600)
    try:
        at = 0
        while at < len(data):
            at += posix.write(fd, data[at:])
        posix.fsync(fd)
    finally:
        posix.close(fd)
    posix.rename(new, path)


def set_aside(path: str) -> None:
    """Reserve RESERVE bytes in a file at `path`, where the file system can."""
    try:
        fd = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        posix.posix_fallocate(fd, 0, RESERVE)
    except OSError:
        pass
    finally:
        posix.close(fd)


def remove(path: str) -> None:
    """Remove a file if it is there."""
    try:  # noqa: SIM105 -- contextlib costs 3 ms
        posix.unlink(path)
    except OSError:
        pass
