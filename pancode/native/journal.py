"""A run's conversation on the disk: what each step has added, and the calls of the step under way."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pancode.core.conversation import FILE, Kept, Part, head, read
from pancode.native.messages import Messages

CALLS = "tool_calls.jsonl"


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
        self._runs, self._run = os.path.split(folder)
        self._history = os.path.join(folder, FILE)
        self._calls = os.path.join(folder, CALLS)
        self._before: tuple[Part, ...] = ()
        self._size = 0
        self._saved = 0
        self._file: int | None = None
        self._log: int | None = None

    def load(self) -> Messages | None:
        """Give the conversation as it stood after the last step of this run; None at its very beginning.

        Raise OSError, or ValueError for one that can't be used.
        """
        kept = read(self._bytes, self._run)
        if kept is None:
            return None
        own = f"{self._run}/{FILE}"
        self._before = tuple(part for part in kept.parts if part[0] != own)
        self._size = sum(size for place, size in kept.parts if place == own)
        return self._taken(kept)

    def follow(self, earlier: str) -> Messages:
        """Begin with the conversation in the file `earlier`, of another run; raise as `load` does."""
        kept = read(self._bytes, os.path.basename(os.path.dirname(earlier))) or Kept()
        self._before = kept.parts
        return self._taken(kept)

    def _taken(self, kept: Kept) -> Messages:
        messages = Messages.of(kept)
        self._saved = len(messages.all)
        return messages

    def _bytes(self, name: str) -> bytes | None:
        try:
            with open(os.path.join(self._runs, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def save(self, messages: Messages) -> None:
        """Put what was said since the last time onto the disk; raise UnkeptError."""
        self._add(messages.dump(self._saved) + b"\n", messages)

    def begin_anew(self, messages: Messages) -> None:
        """Let these messages take the place of all before, for whoever reads; raise UnkeptError."""
        about = messages.dump(), messages.begun, messages.forgotten
        self._add(b'{"anew":%b,"begun":%d,"turns":%d}\n' % about, messages)
        self.clear()

    def _add(self, data: bytes, messages: Messages) -> None:
        data = data if self._size else head(self._before, messages.begun) + data
        with _kept(self._history):
            if self._file is None:
                self._file = os.open(self._history, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
                os.ftruncate(self._file, self._size)  # A line of a killed loop may be without its end.
            _write(self._file, data, self._size)
            os.fdatasync(self._file)
        self._size += len(data)
        self._saved = len(messages.all)

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
        _write(self._log, data)


def _write(fd: int, data: bytes, at: int | None = None) -> None:
    if (os.write(fd, data) if at is None else os.pwrite(fd, data, at)) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def _kept(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnkeptError(f"the conversation can't be kept in {path}: {error.strerror or error}") from None
