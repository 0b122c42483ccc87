"""calls.jsonl: every call of a run, written before it is told, on the disk when the call has ended."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pancode.gateway.usage import NAMES

Record = Mapping[str, Any]
_TAIL = 1 << 16


class Book:
    """The calls of one run; `told` gets each record after it was written.

    Once the run has ended its books are closed by the controller, and nothing is added: `is_open` says so.
    """

    def __init__(
        self,
        run: str,
        path: str,
        told: Callable[[str, Record], None],
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        """Go on behind what is there; raise OSError."""
        self.run = run
        self._told = told
        self._is_open = is_open
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(path, flags, 0o600)
        self._seq = self._mend()

    @property
    def path_is_there(self) -> bool:
        """Whether the file still has a name."""
        return os.fstat(self._fd).st_nlink > 0

    def write(self, kind: str, call: str, **more: object) -> None:
        """Append one record, unless the books are closed; raise OSError, and nothing is told then."""
        if self._fd < 0:
            return
        # Of the two processes that may write, one waits here for the other.
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            if self._is_open():
                self._append(kind, call, more)
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _append(self, kind: str, call: str, more: Mapping[str, object]) -> None:
        record = {"seq": self._seq + 1, "t": time.time(), "kind": kind, "call": call, **more}
        line = (
            json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        )
        written = os.write(self._fd, line)
        if written != len(line):
            os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
            raise OSError(28, "the disk is full")
        self._seq += 1
        self._told(self.run, record)

    def sync(self) -> None:
        """Wait until everything is on the disk; may be called in another thread."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of the file; who still has this book writes nothing any more."""
        descriptor, self._fd = self._fd, -1
        os.close(descriptor)

    def records(self) -> Iterator[dict[str, Any]]:
        """Give what was written so far."""
        size = os.fstat(self._fd).st_size
        for line in os.pread(self._fd, size, 0).split(b"\n"):
            record = _parsed(line)
            if record is not None:
                yield record

    def open_calls(self) -> list[dict[str, Any]]:
        """Give the beginnings of the calls that have no end."""
        found: dict[str, dict[str, Any]] = {}
        for record in self.records():
            if record["kind"] == "call_started":
                found[str(record["call"])] = record
            elif record["kind"] == "call_ended":
                found.pop(str(record["call"]), None)
        return list(found.values())

    def close_open_calls(self, why: str) -> int:
        """End the calls that an earlier gateway left open, with what they may have cost; count them."""
        lost = self.open_calls()
        for started in lost:
            guess = started.get("input_estimate")
            usage = {**dict.fromkeys(NAMES), "input": guess if isinstance(guess, int) else None}
            self.write(
                "call_ended",
                str(started["call"]),
                http=None,
                ok=False,
                usage=usage,
                estimate=True,
                usd=None,
                usd_source="unknown",
                why=why,
            )
        return len(lost)

    def _mend(self) -> int:
        """Cut off a last line that is not whole; give the number of the last one that is."""
        size = os.fstat(self._fd).st_size
        start = max(0, size - _TAIL)
        tail = os.pread(self._fd, size - start, start)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            os.ftruncate(self._fd, start + whole)
        for line in reversed(tail[:whole].split(b"\n")):
            record = _parsed(line)
            if record is not None:
                return int(record["seq"])
        return 0


def close_books(run: str, path: str) -> None:
    """Close the books of an ended run, whose pass is gone: what is under way ends here; raise OSError."""
    if not os.path.exists(path):
        return
    book = Book(run, path, lambda _, __: None)
    try:
        if book.close_open_calls("the run ended in the middle"):
            book.sync()
    finally:
        book.close()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    usable = isinstance(record, dict) and isinstance(record.get("seq"), int) and "kind" in record
    return record if usable else None
