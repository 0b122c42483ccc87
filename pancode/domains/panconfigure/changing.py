"""Changes the user's config.yaml: one writer at a time, written down before it is done, and undone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.key import Key
from pancode.domains.panconfigure.schema import BY_NAME, KEYS
from pancode.domains.panconfigure.sources import read_settings, user_path
from pancode.engine import clock, files

JOURNAL, LOCK = "config-changes.jsonl", ".config.lock"
PATIENCE_S = 5.0
"""Seconds that one writer waits for another; each takes a few milliseconds."""
_LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a setting in the user's file: the texts before and after, None where it was not set."""

    key: str
    before: str | None
    after: str | None

    @property
    def is_none(self) -> bool:
        """Whether the file says so already."""
        return self.before == self.after


def key_of(name: str) -> Key:
    """Give the setting of that key or variable; PanError NOT_FOUND with the nearest.

    The part behind the dot is enough where no other key ends so: `theme`.
    """
    if name in BY_NAME:
        return BY_NAME[name]
    short = [key for key in KEYS if name in (key.variable, key.field, key.name.partition(".")[2])]
    if len(short) == 1:
        return short[0]
    from difflib import get_close_matches

    near = [key.name for key in short] or get_close_matches(name[:64], list(BY_NAME), n=1, cutoff=0.5)
    if not near:
        behind = {key.name.partition(".")[2].lower(): key.name for key in KEYS}
        last = name[:64].rpartition(".")[2].lower()
        near = [behind[one] for one in get_close_matches(last, list(behind), n=1, cutoff=0.6)]
    hint = f'; did you mean "{near[0]}"?' if near else ""
    raise PanError(f'there is no key "{name}"{hint}', remedy="pancode config list", code=ExitCode.NOT_FOUND)


def check(key: Key, value: str | None) -> None:
    """Raise PanError USAGE for a value that the setting doesn't take, or a setting that no file has."""
    if not key.in_files:
        raise PanError(
            f"{key.name} says where the files are, so that no file can set it",
            remedy=f"set the variable {key.variable}",
            code=ExitCode.USAGE,
        )
    if value is None:
        return
    try:
        key.read(value)
    except ValueError as error:
        raise PanError(
            f'{key.name} can\'t be "{value}", which is not {error}',
            remedy=f"pancode config explain {key.name}",
            code=ExitCode.USAGE,
        ) from None


def change(home: str, key: Key, value: str | None, by: str, undoes: int | None = None) -> Change:
    """Write the setting into the user's file, None takes it out; it is on the disk when this returns.

    The change is written down first, in config-changes.jsonl. PanError where the file can't be read,
    isn't YAML or can't be written: then it is as it was.
    """
    check(key, value)
    with _only_one(home):
        path = user_path(home)
        text = _text(path)
        made = Change(key.name, _before(path, key.name), value)
        edited = _edited(path, text, key.name, value)
        if edited == text:
            return made
        record = {"key": key.name, "before": made.before, "after": value, "by": by, "undoes": undoes}
        _note(home, record)
        # A link stays one: people keep such files elsewhere.
        files.write_atomic(os.path.realpath(path), edited)
        return made


def last(home: str) -> tuple[int, Change]:
    """Give the last change that holds, and its number; PanError where there is none, or none any more.

    One that was written down and then not made, as by a crash, is passed over.
    """
    records = _records(home)
    undone = {record["undoes"] for record in records if record.get("undoes") is not None}
    path = user_path(home)
    for record in reversed(records):
        if record["seq"] in undone or record.get("undoes") is not None or record["key"] not in BY_NAME:
            continue
        made = Change(record["key"], record.get("before"), record.get("after"))
        now = _before(path, made.key)
        if now == made.before:
            continue
        if now != made.after:
            raise PanError(
                f'{made.key} was changed by hand since: it is "{now or "not set"}" in {path}',
                remedy=f"pancode config set {made.key} VALUE",
                code=ExitCode.CONFLICT,
            )
        return int(record["seq"]), made
    raise PanError("there is no change to undo", remedy="pancode config list", code=ExitCode.NOT_FOUND)


def undo(home: str, by: str, wanted: int | None = None) -> Change:
    """Take the last change back, and give what that changes; `wanted` is its number, if it was looked at."""
    number, made = last(home)
    if wanted is not None and wanted != number:
        raise PanError(
            "another change was made meanwhile", remedy="pancode config undo", code=ExitCode.CONFLICT
        )
    return change(home, BY_NAME[made.key], made.before, by, undoes=number)


def _before(path: str, key: str) -> str | None:
    given = read_settings(path).given.get(key)
    return None if given is None else given.text


def _text(path: str) -> str:
    from pancode.engine.documents import read_text

    try:
        return read_text(path)
    except FileNotFoundError:
        if os.path.islink(path):
            problem = f"{path} is a link to nothing"
            raise PanError(problem, remedy="remove it, or mend it", code=ExitCode.CONFIG) from None
        return ""
    except OSError as error:
        raise files.unusable(f"{path} can't be read and was left as it is", error, "mend it") from None
    except ValueError as error:
        raise PanError(
            f"{path} can't be read and was left as it is: {error}", remedy="mend it", code=ExitCode.CONFIG
        ) from None


def _edited(path: str, text: str, key: str, value: str | None) -> str:
    from pancode.domains.panconfigure import editing

    if value is None:
        return editing.without(path, text, key)
    return editing.with_value(path, text, key, value)


def _records(home: str) -> list[dict[str, Any]]:
    return [record for record in files.read_journal(os.path.join(home, JOURNAL)) if _is_change(record)]


def _is_change(record: dict[str, Any]) -> bool:
    texts = all(isinstance(record.get(name), str | None) for name in ("before", "after"))
    return texts and isinstance(record.get("key"), str) and isinstance(record.get("undoes"), int | None)


def _note(home: str, record: dict[str, Any]) -> None:
    known = _records(home)
    seq = known[-1]["seq"] + 1 if known else 1
    path = os.path.join(home, JOURNAL)
    try:
        files.append_record(path, {"seq": seq, "t": round(clock.now(), 3), **record})
    except OSError as error:
        raise files.unusable(f"can't write {path}", error, "free some space or make it writable") from None


@contextlib.contextmanager
def _only_one(home: str) -> Iterator[None]:
    """Keep every other writer of this home out."""
    path = os.path.join(home, LOCK)
    try:
        os.makedirs(home, mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise files.unusable(f"can't write {path}", error, "make the directory writable") from None
    try:
        until = clock.monotonic() + PATIENCE_S
        while not _locked(descriptor):
            if clock.monotonic() > until:
                raise PanError(
                    "somebody else is changing the settings", remedy="try again", code=ExitCode.CONFLICT
                )
            time.sleep(_LOOK_AGAIN_S)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
