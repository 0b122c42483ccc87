"""Leases: a run is given to one worker at a time, and one that has begun is never given again.

`lease.json` holds the epoch, which grows with each giving. Controllers count it up under the file's lock;
a shim begins only under the same lock, and only if the epoch is still the one it was started with.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.dispatch.folders import Folders
from pancode.engine import clock, files, processes

PATIENCE = 5.0
"""Seconds for which somebody else may hold a lease; a shim that begins needs a millisecond."""
LOOK_AGAIN = 0.005
_SIZE = 256
"""Bytes of the file, blanks included: it never grows, so that a full disk can't cut it."""


class Leases:
    """The leases of one session's runs."""

    def __init__(self, folders: Folders) -> None:
        """Look into `folders`."""
        self._folders = folders
        self._boot = processes.boot_id()

    async def take(self, run: str) -> int | None:
        """Give the epoch under which a worker may be started; None if one has begun, or the run has ended.

        Whoever was given an earlier epoch and has not begun yet gives way. PanError if the disk refuses.
        """
        until = clock.monotonic() + PATIENCE
        while True:
            try:
                return self._take(run)
            except BlockingIOError:
                if clock.monotonic() > until:
                    raise PanError(
                        f"somebody holds the lease of run {run} and doesn't begin",
                        remedy=f"pancode stop --force {run}",
                        code=ExitCode.CONFLICT,
                    ) from None
            except OSError as error:
                remedy = "free some space or make the directory writable"
                raise files.unusable(f"can't take the lease of run {run}", error, remedy) from None
            await clock.pause(LOOK_AGAIN)

    def _take(self, run: str) -> int | None:
        with _locked(self._folders.path(run, "lease.json")) as descriptor:
            if self.has_begun(run):
                return None
            epoch = _epoch(os.pread(descriptor, _SIZE, 0)) + 1
            lease = {"v": 1, "epoch": epoch, "boot": self._boot, "by": os.getpid(), "at": clock.now()}
            os.pwrite(descriptor, json.dumps(lease).ljust(_SIZE - 1).encode() + b"\n", 0)
            return epoch

    def has_begun(self, run: str) -> bool:
        """Whether a shim has begun this run, or it has ended without; also if its journal was removed."""
        if os.path.exists(self._folders.path(run, "stream.raw")):
            return True
        records = files.read_journal(self._folders.journal(run))
        return any(record.get("kind") in ("started", "ended") for record in records)

    def is_of_an_earlier_boot(self, run: str) -> bool:
        """Whether the run was given to a worker before the machine was started again: that one is gone."""
        lease = files.read_json(self._folders.path(run, "lease.json"))
        return lease is not None and lease.get("boot") != self._boot


@contextlib.contextmanager
def _locked(path: str) -> Iterator[int]:
    """Lock the file, which is made if need be; raise BlockingIOError where somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _epoch(data: bytes) -> int:
    try:
        lease: Any = json.loads(data)
    except ValueError:
        return 0
    epoch = lease.get("epoch") if isinstance(lease, dict) else None
    return epoch if isinstance(epoch, int) else 0
