"""The journal of a run, `events.jsonl`: line N holds the event with `seq` N."""

from __future__ import annotations

import fcntl
import time

from pancode.worker.files import Log, read
from pancode.worker.lean_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


V = 1
"""`pancode.worker.protocol.V`; importing that costs every worker 36 kB."""


class AlreadyStartedError(Exception):
    """This run has been started before, or is running: a run is executed once."""


class Journal:
    """Gathers records in memory until `flush`, which writes whole lines in one go."""

    __slots__ = ("_waiting", "log", "seq")

    def __init__(self, path: str) -> None:
        """Open the journal for this process alone; raise OSError or AlreadyStartedError."""
        self.log = Log(path)
        try:
            fcntl.flock(self.log.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyStartedError from None
        before = read(path) if self.log.size else b""
        if b'"kind":"started"' in before.replace(b" ", b""):
            raise AlreadyStartedError
        self.seq = before.count(b"\n")
        self._waiting: list[bytes] = []

    def add(self, src: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Number and date one event; give the record. Raise TypeError or ValueError if JSON can't say it."""
        head = {
            "v": V,
            "seq": self.seq + 1,
            "t": round(time.time(), 6),
            "m": round(time.monotonic(), 6),
            "src": src,
        }
        record = {**head, **event, **head}
        self._waiting.append(dumps(record).encode() + b"\n")
        self.seq += 1
        return record

    def flush(self, *, sync: bool = False) -> bool:
        """Write what was added; False when the disk refuses (it is kept, and tried again)."""
        if self._waiting:
            lines = b"".join(self._waiting)
            self._waiting.clear()
            self.log.append(lines)
        elif self.log.pending:
            self.log.append(b"")
        if sync and self.log.error is None:
            self.log.sync()
        return self.log.error is None
