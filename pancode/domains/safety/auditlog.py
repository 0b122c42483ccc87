"""Reads the audit log, and verifies that nothing of it was changed, taken out or cut off."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pancode.domains.safety.audit import FIRST, Head, canonical, hash_of, head_path, parse, read_head
from pancode.engine.files import unusable

_REMEDY = "make it readable"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are wanted; None wants them all. `run` may be the beginning of an id."""

    run: str | None = None
    kind: str | None = None
    decision: str | None = None
    agent: str | None = None
    since: float | None = None  # wall time, seconds

    def covers(self, record: dict[str, Any]) -> bool:
        """Whether a record is wanted."""
        t = record.get("t")
        return (
            (self.run is None or str(record.get("run")).startswith(self.run))
            and (self.kind is None or record.get("class") == self.kind)
            and (self.decision is None or record.get("decision") == self.decision)
            and (self.agent is None or record.get("agent") == self.agent)
            and (self.since is None or (isinstance(t, int | float) and t >= self.since))
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of the whole log has found: `broken` is the number of the first record that is wrong."""

    records: int
    broken: int | None = None
    problem: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None


def read(path: str, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Give the wanted records, oldest first; PanError (ENVIRONMENT) if the log can't be read.

    A log that isn't there has no records; a line that is no record is passed over.
    """
    for line in _lines(path, None):
        record = parse(line)
        if record is not None and wanted.covers(record):
            yield record


def verify(path: str) -> Verification:
    """Check every record's number and hash, and that the log goes as far as its head file says.

    PanError (ENVIRONMENT) if one of the two can't be read. What is appended meanwhile is not looked at.
    """
    size, head = _snapshot(path)
    number, before = 0, FIRST
    is_at_head = head is not None and head.seq == 0
    for line in _lines(path, size):
        if not line.endswith(b"\n"):
            # The last line was cut off by a crash; whether it counted, the head file knows.
            break
        number += 1
        problem = _wrong(line, number, before)
        if problem is not None:
            return Verification(number - 1, number, problem)
        before = str((parse(line) or {})["hash"])
        if head is not None and head.seq == number:
            if head.hash != before:
                return Verification(number - 1, number, "the head file has another hash for it")
            is_at_head = True
    if is_at_head or (head is None and number == 0):
        return Verification(number)
    if head is None:
        return Verification(number, number + 1, "the head file is gone: records may be missing at the end")
    return Verification(number, number + 1, f"it is missing, and all up to {head.seq}: the log was cut off")


def _wrong(line: bytes, number: int, before: str) -> str | None:
    record = parse(line)
    if record is None:
        return "it is not a record"
    if record["seq"] != number:
        return f"in its place stands number {record['seq']}"
    if record.get("prev") != before:
        return "it doesn't follow from the one before"
    if hash_of(record) != record["hash"] or canonical(record) + b"\n" != line:
        return "it was changed"
    return None


def _snapshot(path: str) -> tuple[int, Head | None]:
    """Give size and head of the same moment."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return 0, _head(path)
    except OSError as error:
        raise unusable(f"can't read {path}", error, _REMEDY) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return os.fstat(descriptor).st_size, _head(path)
    finally:
        os.close(descriptor)


def _head(path: str) -> Head | None:
    try:
        with open(head_path(path), "rb") as file:
            return read_head(file.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(f"can't read {head_path(path)}", error, _REMEDY) from None


def _lines(path: str, size: int | None) -> Iterator[bytes]:
    """Give the lines of the first `size` bytes, or of all of it."""
    try:
        with open(path, "rb") as file:
            left = size
            for line in file:
                if left is not None:
                    if left <= 0:
                        return
                    left -= len(line)
                yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise unusable(f"can't read {path}", error, _REMEDY) from None
