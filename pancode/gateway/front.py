"""One connection of an agent: reads its requests, writes the answers, notices when it hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import h11

from pancode.gateway.refusals import LATER_STATUS, NO_PASS, Problem, document, headers
from pancode.gateway.room import Lobby, Room
from pancode.gateway.upstream import CHUNK, HEAD_LIMIT
from pancode.gateway.wires import Wire, route

BODY_LIMIT = 256 << 20
"""Bytes of a request: more than any provider takes, and less than would fill the memory."""
EARLY_LIMIT = 1 << 20
"""Bytes of further requests that may come before one is answered; who sends more is hung up on."""
IDLE_S, HEAD_S, BODY_S = 600.0, 30.0, 60.0
"""Seconds that a connection may say nothing between requests; a head may take; a body may stand still."""
STRANGER_S = 20.0
"""Seconds that a connection may say nothing on which no run has named itself."""
_RESET, _FLUSH = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)
"""What the kernel does at the end of a socket: a killed gateway's are reset, and most agents ask again."""
_HOP = frozenset(
    (b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"proxy-connection", b"proxy-authorization")
)
"""Headers that are about one connection only."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, whole."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]  # names in lower case; none that is about the connection
    body: bytes


Headers = tuple[tuple[bytes, bytes], ...]


def _kept(event: h11.Request) -> Headers:
    """Give the headers that are not about the connection."""
    named = {
        name.strip()
        for key, value in event.headers
        if key == b"connection"
        for name in value.lower().split(b",")
    }
    return tuple(pair for pair in event.headers if pair[0] not in _HOP and pair[0] not in named)


class HungUpError(Exception):
    """The agent has gone."""


class Front:
    """The server's side of one connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        room: Room,
        run_of: Callable[[Headers, str], str | None],
        lobby: Lobby,
    ) -> None:
        """Speak HTTP/1.1 on the streams; the body of a request is read only if its key is that of a run."""
        self._reader = reader
        self._writer = writer
        self._room = room
        self._run_of = run_of
        self._lobby = lobby
        self._is_known = False
        self._alarm: asyncio.TimerHandle | None = None
        self._held = 0
        self._wire = Wire.UNKNOWN
        self._linger(_RESET)
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)

    def may_rest(self) -> None:
        """Let the connection rest between requests as one does on which a run has named itself."""
        self._is_known = True

    def hang_up(self) -> None:
        """End the connection at once; what waits for it hears that it has ended."""
        self._writer.transport.abort()

    async def serve(self, answer: Callable[[Asked, Front], Awaitable[None]]) -> None:
        """Have each request answered, until one side ends the connection."""
        try:
            while (asked := await self._request()) is not None:
                await self._answered(asked, answer)
                self._let_go()
                if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
            await self._writer.drain()
        except (OSError, h11.ProtocolError, HungUpError):
            pass
        finally:
            self._due(None)
            self._let_go()
            self._linger(_FLUSH)
            self._writer.close()

    def _due(self, seconds: float | None) -> None:
        """Hang up in so many seconds, unless this is called again before that."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None
        if seconds is not None:
            self._alarm = asyncio.get_running_loop().call_later(seconds, self.hang_up)

    def _linger(self, how: bytes) -> None:
        with contextlib.suppress(OSError):
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)

    async def _answered(self, asked: Asked, answer: Callable[[Asked, Front], Awaitable[None]]) -> None:
        """Let the answer be made; give that up at once when the agent hangs up."""
        work = asyncio.ensure_future(answer(asked, self))
        gone = asyncio.ensure_future(self._hung_up())
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (work, gone):
                each.cancel()
            # Not `await work`: what cancels this connection must not be taken for the end of the work.
            await asyncio.wait((work, gone))
        if work.cancelled():
            raise HungUpError
        if not gone.cancelled():
            gone.exception()  # else it would be reported as lost
        work.result()

    async def _hung_up(self) -> None:
        # A second request that comes before the first is answered waits in h11, as far as it goes.
        waiting = 0
        while data := await self._reader.read(CHUNK):
            waiting += len(data)
            if waiting > EARLY_LIMIT:
                return
            self._http.receive_data(data)

    async def _request(self) -> Asked | None:
        self._due(IDLE_S if self._is_known else STRANGER_S)
        event = await self._next(first=HEAD_S)
        self._due(None)
        if not isinstance(event, h11.Request):
            return None
        target = event.target.decode("latin-1")
        if not target.startswith("/"):  # A server may take "http://elsewhere/..." at its word: with our key.
            self.refuse(Wire.UNKNOWN, Problem(400, "the request must name a path"), close=True)
            return None
        kept = _kept(event)
        self._wire = route(event.method.decode(), target).wire
        run = self._run_of(kept, target)
        if run is not None and not self._lobby.name(self, run):
            words = f"run {run} has as many connections as PanCode's gateway lets one run have"
            self._turn_away(Problem(LATER_STATUS, words, 5))
            return None
        self._is_known = self._is_known or run is not None
        body = await self._body(is_known=run is not None)
        return None if body is None else Asked(event.method.decode(), target, kept, body)

    async def _body(self, *, is_known: bool) -> bytes | None:
        """Read the body; None, and an answer where one helps, if it is too much or breaks off."""
        limit, parts = BODY_LIMIT if is_known else EARLY_LIMIT, []
        while isinstance(more := await self._next(each=BODY_S), h11.Data):
            if not self._room.take(len(more.data)):
                self._turn_away(Problem(LATER_STATUS, "PanCode's gateway is full of requests", 5))
                return None
            self._held += len(more.data)
            if self._held > limit:
                too_long = Problem(413, "the request is too long")
                self._turn_away(too_long if is_known else NO_PASS)
                return None
            parts.append(bytes(more.data))
        self._due(None)
        return b"".join(parts) if isinstance(more, h11.EndOfMessage) else None

    def _turn_away(self, problem: Problem) -> None:
        self.refuse(self._wire, problem, close=True)

    def _let_go(self) -> None:
        self._room.give_back(self._held)
        self._held = 0

    async def _next(
        self, first: float | None = None, each: float | None = None
    ) -> h11.Event | type[h11.PAUSED]:
        """Give what comes next: `first` seconds after its first byte at most, `each` after every one."""
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            if self._http.they_are_waiting_for_100_continue:
                self._write(h11.InformationalResponse(status_code=100, headers=[]))
            if each is not None:
                self._due(each)
            data = await self._reader.read(CHUNK)
            if first is not None:
                self._due(first)
                first = None
            self._http.receive_data(data)

    # The answer.

    def begin(self, status: int, head: Iterable[tuple[bytes, bytes]], reason: bytes = b"") -> None:
        """Send the head of the answer."""
        kept = [
            (name, value) for name, value in head if name.lower() not in _HOP and name != b"transfer-encoding"
        ]
        self._write(h11.Response(status_code=status, headers=kept, reason=reason))

    def send(self, data: bytes) -> None:
        """Send a piece of the body, at once."""
        if data:
            self._write(h11.Data(data=data))

    async def drained(self) -> None:
        """Wait until the agent has taken most of what was sent."""
        await self._writer.drain()

    def end(self) -> None:
        """Say that the answer is complete."""
        self._write(h11.EndOfMessage())

    def break_off(self) -> None:
        """Hang up in the middle, so that nobody takes what was sent for the whole."""
        self._http.send_failed()
        self._linger(_FLUSH)
        self._writer.close()

    def refuse(self, wire: Wire, problem: Problem, *, close: bool = False) -> None:
        """Answer with an error in the shape of the wire."""
        body = document(wire, problem)
        head = [(name.encode(), value.encode()) for name, value in headers(problem)]
        head += [(b"connection", b"close")] if close else []
        self._write(
            h11.Response(
                status_code=problem.status, headers=[*head, (b"content-length", str(len(body)).encode())]
            )
        )
        self.send(body)
        self.end()

    def _write(self, event: h11.Event) -> None:
        if self._writer.is_closing():
            raise HungUpError
        self._writer.write(self._http.send(event) or b"")
