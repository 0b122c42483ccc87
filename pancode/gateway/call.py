"""One request on its way: asked about, sent, passed back as it comes, counted, and written down."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import h11

from pancode.gateway import refusals
from pancode.gateway.books import Book
from pancode.gateway.controller import RETRY_AFTER_S, Controller, Verdict
from pancode.gateway.front import Asked, Front
from pancode.gateway.keys import with_key
from pancode.gateway.meter import Meter, Reading
from pancode.gateway.passes import Pass
from pancode.gateway.refusals import Problem
from pancode.gateway.upstream import Line, Lines, UpstreamError
from pancode.gateway.usage import NAMES, NOTHING, priced
from pancode.gateway.wires import UNNAMED_OUTPUT, Route, Wire, read_ask

QUIET_S = 30.0
"""How long a request is held without a word; then comments begin, which keep the agent's time-outs away."""
BEAT_S = 10.0
_COMMENT = b": PanCode holds this request until its operator has answered\n\n"
_ERROR = 400
_LONGEST_ERROR = 1 << 16
_NO_KEEPING = frozenset((b"content-length", b"transfer-encoding"))


@dataclass(frozen=True, slots=True)
class Desk:
    """What every call works with; `settle` gets a book to be brought to the disk."""

    controller: Controller
    lines: Lines
    settle: Callable[[Book], None]
    quiet_s: float = QUIET_S


class Call:
    """A request of a known run."""

    def __init__(self, desk: Desk, book: Book, front: Front, asked: Asked, to: Pass, found: Route) -> None:
        """Get ready to carry `asked` to where the pass leads."""
        self._desk = desk
        self._book = book
        self._front = front
        self._asked = asked
        self._to = to
        self._route = found
        self._ask = read_ask(found, asked.body) if found.metered else None
        self._id = secrets.token_hex(6)
        self._http: int | None = None
        self._sent = False
        self._has_begun = False
        self._meter: Meter | None = None
        self._retry_after: int | None = None
        self._first = False
        self._has_line = False
        self._verdict = Verdict(allow=False, why="the agent hung up")

    async def go(self, token: str) -> None:
        """Carry it; a call that was begun in the books is ended in them, whatever happens."""
        if self._ask is None:
            await self._pass_on(token)
            return
        getting = asyncio.ensure_future(self._desk.lines.get(self._to))
        try:
            if not await self._admitted():
                return
            await self._metered(getting, token)
        finally:
            if not self._has_line:
                _spared(getting, self._desk.lines)

    async def _permission(self) -> Verdict:
        ask = self._ask
        assert ask is not None  # noqa: S101 -- narrows the type
        args = {
            "run": self._to.run,
            "call": self._id,
            "model": ask.model,
            "input_estimate": ask.input_estimate,
            "max_output": ask.max_output,
        }
        asking = asyncio.ensure_future(self._desk.controller.admit(args))
        try:
            done, _ = await asyncio.wait((asking,), timeout=self._desk.quiet_s if ask.stream else None)
            while not done:
                if not self._has_begun:
                    self._has_begun = True
                    self._front.begin(200, [(b"content-type", b"text/event-stream")])
                self._front.send(_COMMENT)
                await self._front.drained()
                done, _ = await asyncio.wait((asking,), timeout=BEAT_S)
            return asking.result()
        finally:
            asking.cancel()

    async def _admitted(self) -> bool:
        """Get permission; what isn't given is in the books, also where nobody waited for it any more."""
        try:
            self._verdict = await self._permission()
        finally:
            if not self._verdict.allow:
                self._book.write("call_refused", self._id, why=self._verdict.why, **self._about())
                self._desk.settle(self._book)
        if not self._verdict.allow:
            self._refuse(self._verdict)
        return self._verdict.allow

    def _refuse(self, verdict: Verdict) -> None:
        if verdict.away:
            self._error(Problem(refusals.LATER_STATUS, verdict.why, RETRY_AFTER_S))
        else:
            self._error(Problem(refusals.LIMIT_STATUS, f"stopped by PanCode's budget: {verdict.why}"))

    def _about(self) -> dict[str, Any]:
        return {"model": self._ask.model if self._ask else None, "wire": self._route.wire.value}

    def _error(self, problem: Problem) -> None:
        if self._has_begun:
            self._front.send(refusals.in_stream(self._route.wire, problem))
            self._front.end()
        else:
            self._front.refuse(self._route.wire, problem)

    async def _metered(self, getting: asyncio.Future[Line], token: str) -> None:
        guess = self._ask.input_estimate if self._ask else 0
        self._book.write("call_started", self._id, **self._about(), input_estimate=guess)
        whole, why = False, "the agent hung up"
        try:
            await self._carry(getting, token)
            whole, why = True, ""
        except UpstreamError as error:
            why = str(error)
            self._sent = self._sent and error.sent
            self._break_off(why)
        finally:
            self._ended(why, whole=whole)

    def _break_off(self, why: str) -> None:
        """Tell the agent as it would have heard it from the provider."""
        if self._http is not None:
            self._front.break_off()
        else:
            self._error(Problem(refusals.UNREACHABLE_STATUS, why))

    async def _carry(self, getting: asyncio.Future[Line], token: str) -> None:
        kept = await asyncio.shield(getting)
        self._has_line = True
        line, answer = await self._answer_of(kept, token)
        try:
            self._http = answer.status_code
            named = dict(answer.headers)
            self._meter = Meter(
                self._route.wire, _text(named, b"content-type"), _text(named, b"content-encoding")
            )
            self._retry_after = _seconds(_text(named, b"retry-after"))
            if self._has_begun:
                await self._into_stream(line, answer)
            else:
                self._front.begin(answer.status_code, answer.headers, answer.reason)
                await self._pour(line)
            self._front.end()
        except BaseException:
            line.close()
            raise
        self._desk.lines.give_back(line)

    async def _answer_of(self, line: Line, token: str) -> tuple[Line, h11.Response]:
        """Ask upstream; on a connection that had been kept too long, once more on a fresh one."""
        asked = self._asked
        head, target = with_key(asked.headers, asked.target, token, self._to)
        if asked.body or asked.method not in ("GET", "HEAD"):
            head.append((b"content-length", str(len(asked.body)).encode()))
        try:
            request = h11.Request(method=asked.method, target=target.encode("latin-1"), headers=head)
        except h11.LocalProtocolError:  # Its words have the key in them.
            self._desk.lines.give_back(line)
            raise UpstreamError("its key holds what can't be in a header", sent=False) from None
        while True:
            try:
                self._sent = True
                return line, await line.ask(request, asked.body)
            except BaseException as error:
                line.close()
                if not isinstance(error, UpstreamError) or not line.used:
                    raise
            line = await self._desk.lines.get(self._to, fresh=True)

    async def _pour(self, line: Line) -> None:
        front, meter = self._front, self._meter
        async for data in line.body():
            front.send(data)
            if not self._first and self._ask is not None:
                self._first = True
                self._book.write("call_first_byte", self._id)
            if meter is not None:
                meter.feed(data)
            await front.drained()

    async def _into_stream(self, line: Line, answer: h11.Response) -> None:
        """Go on with a stream that began with comments; there, an error can only be an event."""
        if answer.status_code < _ERROR:
            await self._pour(line)
            return
        said = b""
        async for data in line.body():
            said = (said + data)[:_LONGEST_ERROR]
        words = said.decode("utf-8", "replace") or f"HTTP {answer.status_code}"
        self._front.send(refusals.in_stream(self._route.wire, Problem(answer.status_code, words)))

    def _ended(self, why: str, *, whole: bool) -> None:
        found = self._cost(whole=whole)
        usd, source = found.usd, "unknown" if found.usd is None else "provider"
        if usd is None and (usd := priced(found.usage, self._verdict.rates)) is not None:
            source = str((self._verdict.rates or {}).get("source"))
        more: dict[str, Any] = {"model": found.model} if found.model else {}
        if self._retry_after is not None:
            more["wait_s"] = self._retry_after
        is_whole = whole or found.complete
        self._book.write(
            "call_ended",
            self._id,
            http=self._http,
            ok=is_whole and self._http is not None and self._http < _ERROR,
            usage=found.usage,
            estimate=found.estimate,
            usd=usd,
            usd_source=source,
            why="" if is_whole else why,
            **more,
        )
        self._desk.settle(self._book)

    def _cost(self, *, whole: bool) -> Reading:
        """Give what it cost; errors and what was never sent cost nothing, of an unknown wire nobody knows."""
        if not self._sent or (self._http or 0) >= _ERROR:
            return Reading(NOTHING, estimate=False, complete=False, model=None, usd=None)
        if self._route.wire is Wire.UNKNOWN:
            return Reading(None, estimate=False, complete=False, model=None, usd=None)
        guess = self._ask.input_estimate if self._ask else 0
        if self._meter is None:
            usage = {**dict.fromkeys(NAMES), "input": guess, "output": 0}
            return Reading(usage, estimate=True, complete=False, model=None, usd=None)
        found = self._meter.reading(whole=whole, input_estimate=guess)
        if self._ask and self._ask.behind and found.estimate and found.usage is not None:
            most = self._ask.max_output or UNNAMED_OUTPUT  # Nobody will tell: its worst case counts.
            return replace(found, usage={**found.usage, "output": most})
        return found

    async def _pass_on(self, token: str) -> None:
        """Carry what costs nothing, without asking; it is logged all the same."""
        getting = asyncio.ensure_future(self._desk.lines.get(self._to))
        try:
            await self._carry(getting, token)
        except UpstreamError as error:
            self._break_off(str(error))
        finally:
            if not self._has_line:
                _spared(getting, self._desk.lines)
            path = self._asked.target.partition("?")[0][:200]
            self._book.write(
                "call_passed",
                self._id,
                wire=self._route.wire.value,
                what=self._route.what,
                path=path,
                http=self._http,
            )


def _spared(getting: asyncio.Future[Line], lines: Lines) -> None:
    """Keep a connection that was made in vain, once it is there."""

    def made(done: asyncio.Future[Line]) -> None:
        if not done.cancelled() and done.exception() is None:
            lines.spare(done.result())

    getting.add_done_callback(made)


def _text(named: dict[bytes, bytes], name: bytes) -> str:
    return named.get(name, b"").decode("latin-1")


def _seconds(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 7 else None  # noqa: PLR2004 -- no wait is that long
