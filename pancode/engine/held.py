"""Locks that outlive a killed process for as long as a program that it has started still works under them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator

_mine = threading.local()


@contextlib.contextmanager
def locked(path: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock file at `path` alone, among all threads and processes.

    Without `wait` it is False where somebody else holds it.

    Programs started meanwhile in this thread with `descriptors()` hold it too: if this process is killed, who
    comes next waits for their end.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        before = descriptors()
        _mine.held = (*before, file.fileno())
        try:
            yield True
        finally:
            _mine.held = before
            fcntl.flock(file, fcntl.LOCK_UN)


def descriptors() -> tuple[int, ...]:
    """Give the descriptors of the locks that this thread holds, for `pass_fds`."""
    return getattr(_mine, "held", ())
