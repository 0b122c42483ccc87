"""The lease of a run, `lease.json`: its epoch says which shim may begin; one looks at it at a time."""

from __future__ import annotations

import fcntl
import posix

from pancode.worker.lean_json import loads

MOST = 4096
"""Bytes of a lease; it has some two hundred."""


class OutdatedError(Exception):
    """Another shim was given the run after this one: this one gives way."""


def hold(folder: str, epoch: int) -> int:
    """Lock the lease and give its descriptor; raise OutdatedError if it isn't this epoch's, or OSError.

    While it is held nobody else can be given the run. What has begun under it can't be given away.
    """
    fd = posix.open(f"{folder}/lease.json", posix.O_RDWR | posix.O_CLOEXEC)
    fcntl.flock(fd, fcntl.LOCK_EX)
    if epoch_of(posix.pread(fd, MOST, 0)) == epoch:
        return fd
    posix.close(fd)
    raise OutdatedError


def epoch_of(data: bytes) -> int:
    """Give the epoch that a lease's bytes name; 0 for what is no lease.

    >>> epoch_of(b'{"v": 1, "epoch": 3}'), epoch_of(b""), epoch_of(b'{"epoch": "x"}')
    (3, 0, 0)
    """
    try:
        lease = loads(data.decode())
        epoch = lease["epoch"]
    except (ValueError, KeyError, TypeError):
        return 0
    return epoch if isinstance(epoch, int) else 0
