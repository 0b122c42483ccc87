"""Lets one `up`, `down` or `reset` of a session work at a time, and sees a controller that still runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from pancode.core.errors import ExitCode, PanError
from pancode.engine.places import Places

WAIT_SECONDS = 20.0
"""Starting takes a tenth of a second; stopping waits for agents, so another verb waits a while for it."""
POLL_SECONDS = 0.01


@contextlib.contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Hold the session's start lock; the runtime directory is there while it is held.

    PanError (CONFLICT) where another verb holds it longer than WAIT_SECONDS.
    """
    path = os.path.join(places.runtime, "start.lock")
    end = time.monotonic() + WAIT_SECONDS
    while True:
        places.make()
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(descriptor, end) and _is_still(descriptor, path):
                break
            os.close(descriptor)
        if time.monotonic() > end:
            raise PanError(
                f'another "pancode up" or "pancode down" of session "{places.session}" is at work',
                remedy="wait for it, or end it",
                code=ExitCode.CONFLICT,
            )
    try:
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, end: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True


def _is_still(descriptor: int, path: str) -> bool:
    # `down` removes the directory with the lock in it: who waited on that file holds nothing.
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def is_free(path: str) -> bool:
    """Whether nobody holds the lock at `path` now, or there is none."""
    return wait_for_free(path, 0.0)


def wait_for_free(path: str, seconds: float) -> bool:
    """Wait until nobody holds the controller's lock at `path`; False after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True
        finally:
            os.close(descriptor)
