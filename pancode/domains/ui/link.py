"""The screens' side of the controller's socket: a subscription that outlives controllers, and orders."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

RETRY_S = 0.5
"""Between two attempts to reach a controller that has been away for a while."""
EAGER_S = 0.05
"""Between attempts in the first seconds, when one is most likely just starting."""
ORDER_S = 5.0
"""How long an order waits for its answer."""
EAGER_FOR_S = 3.0
_CHUNK = 262_144
_GONE_FOR_GOOD_S = 3.0
"""A controller that restarts replaces its socket at once; a missing one for this long is a session down."""

Message = dict[str, Any]


def _opened(path: str, verb: str, args: Mapping[str, Any]) -> socket.socket:
    """Connect and send one request without waiting; raise OSError where nobody listens."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        end.setblocking(False)
        end.connect(path)
        end.sendall(json.dumps({"id": 1, "verb": verb, "args": dict(args)}).encode() + b"\n")
    except OSError:
        end.close()
        raise
    return end


def _messages(lines: list[bytes]) -> Iterator[Message]:
    for line in lines:
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            if isinstance(message, dict):
                yield message


class Link:
    """One subscription to the session's status; never blocks, connects again for ever."""

    def __init__(
        self, path: str, clock: Callable[[], float], talks_with: str | None = None, *, is_pane: bool = False
    ) -> None:
        """Start unconnected, counted as gone since now; `clock` gives wall seconds.

        Of the agent that it `talks_with` it hears each record, too. A pane of the session needn't hear all
        at once while nobody is attached.
        """
        self._path = path
        self._wants: Message = {"topics": ["status"]}
        if talks_with is not None:
            self._wants = {"topics": ["status", "events"], "agent": talks_with}
        self._wants["pane"] = is_pane
        self._clock = clock
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._next_try = 0.0
        self.gone_since: float | None = clock()
        self.missing = False
        """Whether the latest attempt found no socket at all, rather than one that nobody serves."""

    def fileno(self) -> int | None:
        """Give the descriptor to wait on, while there is one."""
        return None if self._socket is None else self._socket.fileno()

    def retry_in(self) -> float | None:
        """Give the seconds until `connect` is worth calling; None while connected."""
        return None if self._socket else max(0.0, self._next_try - time.monotonic())

    def connect(self) -> None:
        """Try to reach the controller, if it is time to."""
        if self._socket is not None or (self.retry_in() or 0.0) > 0:
            return
        self._plan_next_try()
        try:
            self._socket = _opened(self._path, "subscribe", self._wants)
        except OSError as error:
            self.missing = error.errno == errno.ENOENT
            return
        self._buffer = b""

    def receive(self) -> list[Message]:
        """Give the events that have come; a closed connection makes the link unconnected."""
        if self._socket is None:
            return []
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.close()
            return []
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        events: list[Message] = []
        for message in _messages(lines):
            if isinstance(message.get("event"), dict):
                self.gone_since = None  # Only a controller that answers is there.
                events.append(message["event"])
            elif message.get("ok") is False:
                self.close()
                break
        return events

    def close(self) -> None:
        """Hang up; the next `connect` begins again after a pause."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._plan_next_try()
        if self.gone_since is None:
            self.gone_since = self._clock()

    def _plan_next_try(self) -> None:
        away = 0.0 if self.gone_since is None else self._clock() - self.gone_since
        self._next_try = time.monotonic() + (EAGER_S if 0 <= away < EAGER_FOR_S else RETRY_S)

    @property
    def session_is_down(self) -> bool:
        """Whether the socket's file is gone and stays gone: no restart, but an end."""
        gone = self.gone_since
        return self.missing and gone is not None and self._clock() - gone >= _GONE_FOR_GOOD_S


def follow(link: Link) -> Iterator[Message | None]:
    """Wait for events for ever, one after the other; None: the controller went away, or still isn't there."""
    while True:
        link.connect()
        descriptor = link.fileno()
        ready, _, _ = select.select([descriptor] if descriptor is not None else [], [], [], link.retry_in())
        was_there = link.gone_since is None
        yield from link.receive() if ready else ()
        if link.fileno() is None and (was_there or not ready):
            yield None


class Call:
    """One order on a connection of its own, answered later."""

    def __init__(self, path: str, verb: str, args: Mapping[str, Any], clock: Callable[[], float]) -> None:
        """Send it; raise OSError when no controller takes it."""
        self._clock = clock
        self._until = clock() + ORDER_S
        self._buffer = b""
        self._socket = _opened(path, verb, args)

    def fileno(self) -> int:
        """Give the descriptor to wait on."""
        return self._socket.fileno()

    def answer(self) -> Message | None:
        """Give the final line once it is there; None: not yet. A lost or late one reads as a failure."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return self._failed("the controller doesn't answer") if self._clock() > self._until else None
        except OSError as error:
            return self._failed(os.strerror(error.errno or 0).lower())
        if not data:
            return self._failed("the controller went away")
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for message in _messages(lines):
            if "ok" in message:
                self._socket.close()
                return message
        return None

    def wait(self) -> Message:
        """Block until the final line, the end of the connection, or the order's time."""
        while True:
            select.select([self._socket], [], [], RETRY_S)
            message = self.answer()
            if message is not None:
                return message

    def _failed(self, problem: str) -> Message:
        self._socket.close()
        return {"ok": False, "error": {"problem": problem}}
