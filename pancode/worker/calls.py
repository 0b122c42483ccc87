"""The model calls of a run as the session's gateway writes them down beside its journal."""

from __future__ import annotations

import posix

from pancode.worker.lean_json import loads

TAIL = 1 << 18
"""Bytes that are read of the file: more than the calls that can be open at a time take."""


def in_flight(folder: str) -> bool:
    """Whether a model call of the run has begun and not ended: its agent waits for an answer that is coming.

    The gateway itself ends what a gateway before it has left open.
    """
    open_calls: set[object] = set()
    for line in _tail(f"{folder}/calls.jsonl").split(b"\n"):
        try:
            record = loads(line.decode())
            kind, call = record["kind"], record["call"]
        except (ValueError, TypeError, KeyError):
            continue
        if kind == "call_started":
            open_calls.add(call)
        elif kind in ("call_ended", "call_refused"):
            open_calls.discard(call)
    return bool(open_calls)


def _tail(path: str) -> bytes:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW)
    except OSError:
        return b""
    try:
        return posix.pread(fd, TAIL, max(0, posix.fstat(fd).st_size - TAIL))
    except OSError:
        return b""
    finally:
        posix.close(fd)
