"""From the agent's bytes to events: lines, JSON, the adapter; nothing that an agent writes is fatal."""

from __future__ import annotations

import sys

from pancode.worker.lean_json import loads
from pancode.worker.redaction import KeyLines
from pancode.worker.sanitise import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from pancode.worker.protocol import Session, Usage

LONGEST_LINE = 16 << 20
"""Bytes of a line that are parsed; a longer one stays in `stream.raw` and is counted."""
MOST_NOTICES = 1000
"""Lines that aren't JSON are journaled up to this many, and counted beyond."""
LONGEST_NOTICE = 2000


class AdapterError(Exception):
    """The adapter can't be used; the text is a sentence for people."""


_adapters: dict[str, Any] = {}


def load_session(path: str, previous: Usage | None) -> Session:
    """Give a new reader of the agent's stream, made by the adapter file at `path`; raise AdapterError."""
    try:
        session: Session = load_adapter(path).Session(previous)
    except AdapterError:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever is wrong with somebody's file, it has to be said
        raise AdapterError(f"can't use the adapter {path}: {type(error).__name__}: {error}") from None
    return session


def load_adapter(path: str) -> Any:  # noqa: ANN401 -- a module
    """Give the module of the adapter file at `path`, loaded once; raise AdapterError."""
    if path in _adapters:
        return _adapters[path]
    # Frozen into the interpreter, and it caches the bytecode; `importlib` would have to be imported.
    from _frozen_importlib_external import SourceFileLoader

    try:
        loader = SourceFileLoader("pancode_adapter", path)
        module = type(sys)("pancode_adapter")
        module.__file__ = path
        loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 -- whatever is wrong with somebody's file, it has to be said
        raise AdapterError(f"can't use the adapter {path}: {type(error).__name__}: {error}") from None
    if not hasattr(module, "Session"):
        from pancode.worker import records

        vars(module).update(Session=records.Session, hook_asks=records.hook_asks, hook_says=records.hook_says)
    _adapters[path] = module
    return module


class Lines:
    """Cuts bytes into lines; one that is too long comes as None."""

    __slots__ = ("_parts", "_size")

    def __init__(self) -> None:
        """Begin at the start of a line."""
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes | None]:
        """Take in bytes; give the lines that they complete, without their newlines."""
        first, *rest = data.split(b"\n")
        self._keep(first)
        if not rest:
            return []
        *whole, last = rest
        lines = [self.end(), *whole]
        self._keep(last)
        return lines

    def end(self) -> bytes | None:
        """Give the line begun so far."""
        line = None if self._size > LONGEST_LINE else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return line

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > LONGEST_LINE:
            self._parts.clear()
        elif part:
            self._parts.append(part)


class Reader:
    """Feeds one agent's standard output and standard error to its adapter, and the events to `take`.

    `take` may refuse an event that isn't well formed by raising; `aside` is told every line of standard
    error that a person should see.
    """

    __slots__ = ("_aside", "_errors", "_keys", "_notices", "_output", "_session", "_take", "unknown")

    def __init__(
        self, session: Session, take: Callable[[Mapping[str, Any]], None], aside: Callable[[str], None]
    ) -> None:
        """Begin with two empty streams."""
        self._session = session
        self._take = take
        self._aside = aside
        self._output = Lines()
        self._errors = Lines()
        self._notices = 0
        self._keys = KeyLines()
        self.unknown: dict[str, int] = {}

    def output(self, data: bytes) -> None:
        """Take in bytes of standard output."""
        for line in self._output.feed(data):
            self._record(line)

    def errors(self, data: bytes) -> None:
        """Take in bytes of standard error."""
        for line in self._errors.feed(data):
            self._complaint(line)

    def end(self, files: Mapping[str, Any]) -> None:
        """Take what has no newline behind it, then let the adapter read `files` and flush."""
        self._record(self._output.end())
        self._complaint(self._errors.end())
        self._pass(lambda: self._session.end(files))

    def _record(self, line: bytes | None) -> None:
        if line is None:
            self._count(f"line over {LONGEST_LINE >> 20} MB")
            return
        text = line.decode("utf-8", "replace").strip()
        if not text:
            return
        record = None
        if text.startswith("{"):
            try:  # noqa: SIM105 -- contextlib costs 3 ms
                record = loads(text)
            except ValueError:
                pass
        if isinstance(record, dict):
            self._pass(lambda: self._session.feed(record))
            return
        self._count("not JSON")
        self._notices += 1
        words = self._without_key(plain(text))
        if words and self._notices <= MOST_NOTICES:
            self._take({"kind": "notice", "text": words[:LONGEST_NOTICE]})
        self._pass(lambda: self._session.noise(words[:LONGEST_NOTICE]))

    def _without_key(self, line: str) -> str:
        """Give a line of text without what belongs to a private key, as only that has many lines."""
        suspect = "PRIVATE KEY" in line
        if not suspect and not self._keys.inside:
            return line
        told = self._keys.line(line.encode("utf-8", "surrogatepass"), suspect=suspect)
        return told.decode("utf-8", "surrogatepass")

    def _complaint(self, line: bytes | None) -> None:
        text = "" if line is None else plain(line.decode("utf-8", "replace")).rstrip()
        if not text.strip():
            return
        self._pass(lambda: self._session.noise(text))
        if not text.lstrip().startswith("{"):
            self._aside(text)

    def _pass(self, events: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        try:
            for event in events():
                self._take(event)
        except Exception as error:  # noqa: BLE001 -- a record that an adapter stumbles over must not end the run
            self._count("adapter error")
            if self.unknown["adapter error"] == 1:
                words = f"the adapter failed on a record: {type(error).__name__}: {error}"
                self._take({"kind": "notice", "text": words[:LONGEST_NOTICE]})

    def _count(self, what: str) -> None:
        self.unknown[what] = self.unknown.get(what, 0) + 1
