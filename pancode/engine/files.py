"""Files that are never half written, and reading them without surprises."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from pancode.core.errors import ExitCode, PanError


def write_atomic(path: str, text: str) -> None:
    """Replace `path` (mode 0600) in one step, on disk before this returns; raise PanError if it can't be."""
    partial = f"{path}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        if os.path.exists(partial):
            os.unlink(partial)
        raise PanError(
            f"can't write {path}: {os.strerror(error.errno or 0).lower()}",
            remedy="free some space or make the directory writable",
            code=ExitCode.ENVIRONMENT,
        ) from None


def write_json(path: str, value: object) -> None:
    """Write `value` as JSON, atomically, mode 0600."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: str) -> dict[str, Any] | None:
    """Read a JSON object; None if the file is absent, cut off, or holds something else."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


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
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("seq"), int) and record["seq"] > after:
                yield record


def append_record(path: str, record: dict[str, Any]) -> None:
    """Append one record to a journal whose shim is gone, and put it on disk."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
