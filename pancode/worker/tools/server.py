"""The tool server: answers requests on its standard input, a socket, until that ends; one thread, one poll.

A request is `{"id", "tool", "args"}` on a line, an answer `{"id", "ok", "text", "meta"}`; a command tells
`{"id", "more"}` before its answer; `{"id", "cancel": true}` ends a call. Whatever is wrong with a request is
an answer, never the end of the server.
"""

from __future__ import annotations

import os
import select
import time

from pancode.worker import signals
from pancode.worker.kernel import adopt_orphans, keep_to_oneself
from pancode.worker.lean_json import dumps, loads
from pancode.worker.tools.calls import Calls
from pancode.worker.tools.limits import LONGEST_REQUEST
from pancode.worker.tools.outcome import Outcome, bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LINE = 0
_READ = 1 << 18
_CONGESTED = 1 << 20
"""Bytes of answers that nobody has read: until they are, no output is read either."""
_ENDING = (signals.SIGTERM, signals.SIGINT, signals.SIGHUP)
_LONGEST_ID = 200


def main() -> int:
    """Serve standard input to its end; give the exit status."""
    keep_to_oneself()  # Of what its tools start.
    wake = signals.wakeups()
    adopt_orphans()
    os.set_blocking(_LINE, False)
    return Server(_LINE, wake).serve()


class Server:
    """The line to the host: cuts it into requests, and sends answers as fast as they are read."""

    def __init__(self, line: int, wake: int) -> None:
        """`wake` gives the numbers of signals."""
        self._line = line
        self._wake = wake
        self._in = bytearray()
        self._searched = 0
        self._skipping = False
        self._out = bytearray()
        self._open = True
        self._calls = Calls(self._answer, self._more)

    def serve(self) -> int:
        """Serve until the line ends, or a signal says so; nothing that was started is left then."""
        while self._open:
            for fd, _ in self._wait():
                if fd == self._line:
                    self._read()
                elif fd == self._wake:
                    self._signals()
                else:
                    self._calls.ready(fd)
            self._calls.step()
            self._write()
        self._calls.end()
        return 0

    def _wait(self) -> list[tuple[int, int]]:
        poller = select.poll()
        poller.register(self._line, select.POLLIN | (select.POLLOUT if self._out else 0))
        poller.register(self._wake, select.POLLIN)
        for fd in self._calls.watched(output=len(self._out) < _CONGESTED):
            poller.register(fd, select.POLLIN)
        at = self._calls.next_at()
        wait_ms = None if at is None else max(0.0, at - time.monotonic()) * 1000 + 1
        return poller.poll(wait_ms)

    def _signals(self) -> None:
        numbers = signals.pending(self._wake)
        if any(number in _ENDING for number in numbers):
            self._open = False
        self._calls.collect()

    # What comes in.

    def _read(self) -> None:
        try:
            data = os.read(self._line, _READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._open = False
            return
        self._in += data
        while (end := self._in.find(b"\n", self._searched)) >= 0:
            line = bytes(self._in[:end])
            del self._in[: end + 1]
            self._searched = 0
            if self._skipping:
                self._skipping = False
                self._refuse(None, f"the request is longer than {LONGEST_REQUEST >> 20} MB")
            elif line.strip():
                self._request(line)
        self._searched = len(self._in)
        if len(self._in) > LONGEST_REQUEST:
            self._skipping = True
            self._in.clear()
            self._searched = 0

    def _request(self, line: bytes) -> None:
        try:
            asked = loads(line.decode())
        except ValueError as error:
            self._refuse(None, f"this is not a request: {error}")
            return
        key = _key(asked)
        if key is None:
            self._refuse(None, "a request is an object with an id, a number or a short text")
        elif asked.get("cancel") is True:
            self._calls.cancel(key)
        elif self._calls.is_open(key):
            self._refuse(None, f"the id {key} is that of a call that has no answer yet")
        else:
            self._calls.begin(key, asked.get("tool"), asked.get("args", {}))

    # What goes out.

    def _refuse(self, key: int | str | None, why: str) -> None:
        self._answer(key, Outcome(why, ok=False))

    def _answer(self, key: int | str | None, outcome: Outcome) -> None:
        text = bounded(outcome.text)
        self._send({"id": key, "ok": outcome.ok, "text": text, "meta": outcome.meta})

    def _more(self, key: int | str, text: str) -> None:
        self._send({"id": key, "more": bounded(text)})

    def _send(self, record: dict[str, Any]) -> None:
        self._out += dumps(record).encode() + b"\n"

    def _write(self) -> None:
        try:
            while self._out:
                del self._out[: os.write(self._line, self._out[:_READ])]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._open = False


def _key(asked: object) -> int | str | None:
    """Give the id of a request, None if it has none that can be used."""
    key = asked.get("id") if isinstance(asked, dict) else None
    if isinstance(key, bool) or not isinstance(key, (int, str)):
        return None
    return key if len(str(key)) <= _LONGEST_ID else None
