"""Writes the audit log: every decision, one line of JSON each, chained by hashes; nothing is ever changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pancode.core.redact import redact, redact_value
from pancode.engine import clock, places
from pancode.engine.files import unusable

VERSION = 1
FIRST = "0" * 64
"""What stands for the hash before the first record."""
LONGEST = 8_000
"""Letters of any text in a record; what is cut says so."""
_BLOCK = 1 << 16
_FLAGS = os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


class Word(StrEnum):
    """What became of an action."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    ASKED = "asked"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"


_LASTING = frozenset({Word.ASKED, Word.APPROVED, Word.DENIED, Word.EXPIRED})
"""What a person has a part in: that is on the disk before it counts."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision: about what, in words and as a hash, by whom, by which rule, and why."""

    run: str
    session: str
    agent: str
    action: Mapping[str, Any]
    digest: str
    kind: str
    decision: Word
    by: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a log, as its own small file has it: number, hash, and the log's size with it."""

    seq: int = 0
    hash: str = FIRST
    size: int = 0


def audit_path() -> str:
    """Give the path of the user's audit log."""
    return os.path.join(places.home(), "audit.jsonl")


def head_path(path: str) -> str:
    """Give the path of the file that tells the last record of the log `path`."""
    return path + ".head"


class Audit:
    """The way into one audit log; several processes may append to it at once."""

    def __init__(self, path: str) -> None:
        """Write to `path`, which is made (0600) when the first decision is written."""
        self._path = path

    def append(self, decided: Decided, at: float | None = None) -> int:
        """Write one decision down, at the wall time `at` (seconds) or now, and give its number.

        PanError (ENVIRONMENT) if it can't be written: then what was decided must not be done.
        """
        try:
            with _opened(self._path) as log, _opened(head_path(self._path)) as head:
                last = _last(log, head)
                line = _line(decided, clock.now() if at is None else at, last)
                size = os.fstat(log).st_size
                _write(log, line, size)
                if decided.decision in _LASTING:
                    os.fsync(log)
                record = json.loads(line)
                told = {"seq": record["seq"], "hash": record["hash"], "size": size + len(line)}
                text = json.dumps(told).encode() + b"\n"
                _write(head, text, 0)
                os.ftruncate(head, len(text))
        except OSError as error:
            remedy = "free some space, or make the file a writable one of yours"
            raise unusable(f"can't write {self._path}", error, remedy) from None
        return last.seq + 1


def canonical(record: Mapping[str, Any]) -> bytes:
    r"""Give the one way in which a record is written.

    >>> canonical({"b": 1, "a": "ü"})
    b'{"a":"\\u00fc","b":1}'
    """
    return json.dumps(record, sort_keys=True, separators=(",", ":"), default=repr).encode()


def hash_of(record: Mapping[str, Any]) -> str:
    """Give the hash of a record: of all of it but the hash itself."""
    return hashlib.sha256(canonical({key: record[key] for key in record if key != "hash"})).hexdigest()


def parse(line: bytes) -> dict[str, Any] | None:
    """Read a line of the log; None for what is no record."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    good = isinstance(record, dict) and isinstance(record.get("seq"), int)
    return record if good and isinstance(record.get("hash"), str) else None


def read_head(content: bytes) -> Head | None:
    """Read the file beside the log; None if it is empty or damaged."""
    try:
        told = json.loads(content)
        return Head(int(told["seq"]), str(told["hash"]), int(told["size"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """Open a file of ours for reading and writing, locked against everybody else who does so."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | _FLAGS, 0o600)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(22, os.strerror(22), path)
        if found.st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _last(log: int, head: int) -> Head:
    """Give the record to go on from; a line that a crash cut off is taken away.

    Where the head file knows of more records than there are, the numbers go on from there: the gap shows.
    """
    size = os.fstat(log).st_size
    told = read_head(os.pread(head, _BLOCK, 0))
    if told is not None and told.size == size:
        return told
    end = _whole(log, size)
    if end != size:
        os.ftruncate(log, end)
    record = parse(_last_line(log, end))
    found = Head(record["seq"], record["hash"], end) if record is not None else Head(size=end)
    return told if told is not None and told.seq > found.seq else found


def _whole(log: int, size: int) -> int:
    """Give where the last whole line ends."""
    at = size
    while at:
        start = max(0, at - _BLOCK)
        newline = os.pread(log, at - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        at = start
    return 0


def _last_line(log: int, end: int) -> bytes:
    start = _whole(log, end - 1) if end else 0
    return os.pread(log, end - start, start)


def _line(decided: Decided, at: float, last: Head) -> bytes:
    record: dict[str, Any] = {
        "v": VERSION,
        "seq": last.seq + 1,
        "t": round(at, 3),
        "run": decided.run,
        "session": decided.session,
        "agent": decided.agent,
        "tool": redact(str(decided.action.get("tool") or "?"))[:LONGEST],
        "action": redact_value(dict(decided.action), LONGEST),
        "digest": decided.digest,
        "class": decided.kind,
        "decision": decided.decision.value,
        "by": decided.by,
        "rule": decided.rule,
        "why": redact_value(decided.why, LONGEST),
        "prev": last.hash,
    }
    # What a lone surrogate or another oddity becomes on its way through JSON is what is hashed.
    record = json.loads(canonical(record))
    return canonical({**record, "hash": hash_of(record)}) + b"\n"


def _write(descriptor: int, content: bytes, at: int) -> None:
    """Write all of it, or nothing that stays."""
    done = 0
    try:
        while done < len(content):
            done += os.pwrite(descriptor, content[done:], at + done)
    except OSError:
        if at:
            os.ftruncate(descriptor, at)
        raise
