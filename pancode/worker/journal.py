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


_PLAIN = frozenset(("started", "exec", "heartbeat", "exited", "signalled", "reaped"))
"""Records of the shim's that hold no words of anybody's."""
LONGEST_RECORD = 16 << 20
"""Bytes of a record as it stands in the journal; what is cut from a longer one is in `stream.raw`."""
LONGEST_FIELD = 200_000
"""Characters that each field of such a record keeps."""


class AlreadyStartedError(Exception):
    """This run has been started before, is running, or was ended before it began: a run is executed once."""


class Journal:
    """Gathers records in memory until `flush`, which writes whole lines in one go."""

    __slots__ = ("_held", "_waiting", "log", "seq")

    def __init__(self, path: str) -> None:
        """Open the journal for this process alone; raise OSError or AlreadyStartedError."""
        self.log = Log(path)
        try:
            fcntl.flock(self.log.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyStartedError from None
        before = read(path) if self.log.size else b""
        plain = before.replace(b" ", b"")
        if b'"kind":"started"' in plain or b'"kind":"ended"' in plain:
            raise AlreadyStartedError
        self.seq = before.count(b"\n")
        self._waiting: list[bytes] = []
        self._held: dict[str, tuple[int, bytes, int]] = {}

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
        line = dumps(record)
        if len(line) > LONGEST_RECORD:
            record = _cut(record)
            line = dumps(record)
        if src != "shim" or event["kind"] not in _PLAIN:
            # Not on the way to the agent's start.
            from pancode.worker.redaction import clean_record

            clean = clean_record(record, line)
            if clean != record:
                record, line = self._without_secrets(event, {**clean, **head, "kind": event["kind"]}, line)
        self._waiting.append(line.encode() + b"\n")
        self.seq += 1
        if event["kind"] == "answered":
            self._held.pop(event["id"], None)
        return record

    def _without_secrets(
        self, event: Mapping[str, Any], clean: dict[str, Any], line: str
    ) -> tuple[dict[str, Any], str]:
        """Give what the file gets; the controller decides about an action as it is, as long as it is held."""
        if event["kind"] != "asked":
            return clean, dumps(clean)
        record = {**clean, "cut": True}
        text = dumps(record)
        at = self.log.size + len(self.log.pending) + sum(map(len, self._waiting))
        self._held[event["id"]] = at, line.encode() + b"\n", len(text) + 1
        return record, text

    def told(self, at: int, data: bytes) -> tuple[bytes, int]:
        """Give what the controller is told instead of the file's `data` at `at`, and how much of it."""
        for start, line, length in self._held.values():
            if start == at:
                return line, length
            if at < start < at + len(data):
                data = data[: start - at]
        return data, len(data)

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


def _cut(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give a record without what makes it too long; a long value that isn't text becomes its JSON's start."""
    kept: dict[str, Any] = {"cut": True}
    for name, value in record.items():
        text = value if isinstance(value, str) else dumps(value)
        kept[name] = text[:LONGEST_FIELD] + "…" if len(text) > LONGEST_FIELD else value
    return kept
