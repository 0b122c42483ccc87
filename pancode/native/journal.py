"""A run's conversation on the disk: the history after each step, and the calls of the step under way."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pancode.native.messages import Messages

HISTORY, CALLS = "history.json", "tool_calls.jsonl"


class UnkeptError(Exception):
    """The conversation can't be written down, so that no step may follow; the text says why."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a call of the step under way has ended."""

    ok: bool
    text: str


class Journal:
    """What a loop that takes over from a dead one needs; in the run's folder, outside of the sandbox."""

    def __init__(self, folder: str) -> None:
        """Look into the run's folder."""
        self._folder = folder
        self._history = os.path.join(folder, HISTORY)
        self._calls = os.path.join(folder, CALLS)
        self._log: int | None = None

    def load(self) -> Messages | None:
        """Give the conversation as it stood after the last step of this run; None at its very beginning."""
        return read_history(self._history)

    def save(self, messages: Messages) -> None:
        """Put the conversation onto the disk, whole or not at all; raise UnkeptError."""
        with _kept(self._history):
            self._save(messages)

    def _save(self, messages: Messages) -> None:
        new = f"{self._history}.new"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(messages.dump())
            file.flush()
            os.fdatasync(file.fileno())
        os.rename(new, self._history)

    def begin(self, step: int, place: int, number: int) -> None:
        """Note that the call at `place` of the answer `step` is sent to the tools as `number`."""
        self._write({"step": step, "place": place, "number": number})

    def end(self, step: int, place: int, done: Done) -> None:
        """Note how it has ended."""
        self._write({"step": step, "place": place, "ok": done.ok, "text": done.text})

    def calls(self, step: int) -> tuple[dict[int, Done], dict[int, int]]:
        """Give the calls of the answer `step` that have ended, and the numbers of those that only began."""
        done: dict[int, Done] = {}
        begun: dict[int, int] = {}
        for line in self._lines():
            try:
                found = json.loads(line)
                if found["step"] != step:
                    continue
                if "number" in found:
                    begun[found["place"]] = found["number"]
                else:
                    done[found["place"]] = Done(bool(found["ok"]), str(found["text"]))
            except (ValueError, KeyError, TypeError):
                continue  # The last line of a loop that was killed.
        return done, {place: number for place, number in begun.items() if place not in done}

    def clear(self) -> None:
        """Forget the calls of a step that is in the history now."""
        if self._log is not None:
            os.ftruncate(self._log, 0)
        else:
            with contextlib.suppress(OSError):
                os.unlink(self._calls)

    def _lines(self) -> list[bytes]:
        try:
            with open(self._calls, "rb") as file:
                return file.read().splitlines()
        except OSError:
            return []

    def _write(self, record: dict[str, object]) -> None:
        with _kept(self._calls):
            self._append(record)

    def _append(self, record: dict[str, object]) -> None:
        if self._log is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._log = os.open(self._calls, flags, 0o600)
        # A line of a killed loop may be without its end.
        data = b"\n" + json.dumps(record).encode() + b"\n"
        if os.write(self._log, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def _kept(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnkeptError(f"the conversation can't be kept in {path}: {error.strerror or error}") from None


def read_history(path: str) -> Messages | None:
    """Read a history; None if there is none. Raise ValueError for one that can't be used."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    return Messages.parse(data)
