"""Files that are never half written, and reading them without surprises."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import get_ident
from typing import Any, BinaryIO

from pancode.core.errors import ExitCode, PanError

_BLOCK = 1 << 16
_LARGEST_SEQ = 1 << 53
_ROOM = 1 << 18
"""Bytes without which little can be written."""


def unusable(what: str, error: OSError, remedy: str) -> PanError:
    """Give the error for a file or directory that the system refuses: `what`, its reason, and the remedy."""
    reason = os.strerror(error.errno or 0).lower()
    return PanError(f"{what}: {reason}", remedy=remedy, code=ExitCode.ENVIRONMENT)


def lack_of_space(*directories: str) -> str | None:
    """Give the remedy where one of these lies on a disk that is as good as full; None where there is room."""
    for directory in directories:
        with contextlib.suppress(OSError):
            found = os.statvfs(directory)
            if found.f_bavail * found.f_frsize < _ROOM:
                return f"free some space on the disk of {directory}, then ask again"
    return None


def stamp(path: str) -> tuple[int, int, int] | None:
    """Give what changes when a file does: inode, size, time of change in ns; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def seed(path: str, shipped: str) -> None:
    """Copy the text `shipped` to `path` (mode 0600), whole or not at all; what is there is never touched.

    Raises OSError.
    """
    if os.path.lexists(path):
        return
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(shipped, encoding="utf-8") as file:
        text = file.read()
    with _beside(path, text) as partial, contextlib.suppress(FileExistsError):
        # A link, not a renaming: a file that has come to be there meanwhile is somebody's.
        os.link(partial, path)


def write_atomic(path: str, text: str) -> None:
    """Replace `path` (mode 0600) in one step, on disk before this returns; raise PanError if it can't be."""
    try:
        with _beside(path, text) as partial:
            os.replace(partial, path)
    except OSError as error:
        remedy = "free some space or make the directory writable"
        raise unusable(f"can't write {path}", error, remedy) from None


@contextlib.contextmanager
def _beside(path: str, text: str) -> Iterator[str]:
    """Give a file with the text, on disk, in the directory of `path`; it is gone afterwards."""
    partial = f"{path}.{os.getpid()}-{get_ident():x}.tmp"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield partial
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


def write_swiftly(path: str, text: str) -> Callable[[], None]:
    """Replace `path` as `write_atomic` does; on disk it is when what this gives has been called, in a thread.

    Both raise PanError. Where the machine loses its power in between, the file may be there and be empty.
    """
    remedy = "free some space or make the directory writable"
    partial = f"{path}.{os.getpid()}-{get_ident():x}.tmp"
    try:
        with open(partial, "w", encoding="utf-8", errors="replace", opener=_private) as file:
            file.write(text)
            file.flush()
            kept = os.dup(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise unusable(f"can't write {path}", error, remedy) from None

    def sync() -> None:
        try:
            os.fsync(kept)
        except OSError as error:
            raise unusable(f"can't write {path}", error, remedy) from None
        finally:
            os.close(kept)

    return sync


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def write_json(path: str, value: object) -> None:
    """Write `value` as JSON, atomically, mode 0600."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_bytes(path: str) -> bytes | None:
    """Give what is in a file, None if it isn't there; raise OSError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def read_json(path: str) -> dict[str, Any] | None:
    """Read a JSON object; None if the file is absent, cut off, or holds something else."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_kept(path: str) -> dict[str, Any] | None:
    """Give what `read_json` does, read once for as long as the file stays as it is: not to be changed.

    For what is replaced as a whole, such as a run's spec, which many look into while the run starts.
    """
    found = stamp(path)
    return None if found is None else _read_once(path, found)


@lru_cache(maxsize=8)
def _read_once(path: str, _stamp: object) -> dict[str, Any] | None:
    return read_json(path)


def read_journal(path: str, after: int = 0) -> Iterator[dict[str, Any]]:
    """Give the records of an events.jsonl whose `seq` is above `after`, in order.

    A line that was cut off by a crash, or isn't a record, is passed over: the next reader, or the
    shim itself when it lives, finds what follows.
    """
    try:
        file = open(path, encoding="utf-8", errors="replace")  # noqa: SIM115 -- closed by the with below
    except OSError:
        return
    with file:
        for line in file:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if is_record(record) and record["seq"] > after:
                yield record


def is_record(value: Any) -> bool:  # noqa: ANN401 -- whatever a line of JSON holds
    """Whether this is a journal record: an object with a number in its line and a time.

    >>> is_record({"seq": 1, "t": 2.5}), is_record({"seq": "1"}), is_record({"seq": 1, "t": "noon"})
    (True, False, False)
    """
    if not isinstance(value, dict):
        return False
    seq, t = value.get("seq"), value.get("t", 0.0)
    return isinstance(seq, int) and 0 < seq < _LARGEST_SEQ and isinstance(t, int | float) and math.isfinite(t)


def append_record(path: str, record: dict[str, Any], *, sync: bool = True) -> None:
    """Append one record to a journal that no shim writes to, with `sync` onto the disk; raise OSError.

    A last line without its newline is one that a crash cut off: it goes, else both would be unreadable.
    """
    with open(path, "ab+") as file:
        _cut_torn_line(file)
        file.write(json.dumps(record).encode() + b"\n")
        file.flush()
        if sync:
            os.fsync(file.fileno())


def _cut_torn_line(file: BinaryIO) -> None:
    end = at = file.seek(0, os.SEEK_END)
    while at:
        start = max(0, at - _BLOCK)
        file.seek(start)
        newline = file.read(at - start).rfind(b"\n")
        at = start
        if newline >= 0:
            at = start + newline + 1
            break
    if at != end:
        file.truncate(at)
    file.seek(0, os.SEEK_END)
