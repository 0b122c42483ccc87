"""The gateway's end of the controller's socket: asks for permission, and tells what was counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PATIENCE_S = 10.0
"""How long a call waits for a controller that is away: tmux has it back within a second."""
RETRY_AFTER_S = 2
_AGAIN_S = 0.1
_LINE_LIMIT = 4 << 20
_AT_ONCE = 200
_USAGE = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may go out. `away`: there was nobody to ask. `rates`: US dollars per token, if known."""

    allow: bool
    why: str = ""
    away: bool = False
    rates: Mapping[str, Any] | None = None


class AwayError(Exception):
    """The controller has gone while it was asked."""


class Controller:
    """One connection, made again whenever it is lost."""

    def __init__(self, socket: str, patience_s: float = PATIENCE_S) -> None:
        """Talk to the Unix socket at `socket`; `live` does the work."""
        self._socket = socket
        self._patience_s = patience_s
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._count = 0
        self._untold: dict[str, deque[Mapping[str, Any]]] = {}
        self._news = asyncio.Event()

    async def live(self) -> None:
        """Connect, and connect again, until cancelled."""
        telling = asyncio.create_task(self._tell_all())
        try:
            while True:
                with contextlib.suppress(OSError):
                    await self._once()
                await asyncio.sleep(_AGAIN_S)
        finally:
            telling.cancel()

    async def admit(self, args: Mapping[str, Any]) -> Verdict:
        """Ask whether a call may go out; wait as long as the operator does, but not for a controller."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        while True:
            try:
                async with asyncio.timeout_at(until):
                    await self._connected.wait()
                answer = await self._request("call_admit", args)
            except TimeoutError:
                return Verdict(allow=False, why="PanCode's controller is away", away=True)
            except AwayError:
                until = loop.time() + self._patience_s
                continue
            return _verdict(answer)

    def say(self, run: str, record: Mapping[str, Any]) -> None:
        """Tell the controller of a record as soon as it listens."""
        self._untold.setdefault(run, deque()).append(record)
        self._news.set()

    async def _tell_all(self) -> None:
        while True:
            await self._news.wait()
            await self._connected.wait()
            self._news.clear()
            try:
                for run in list(self._untold):
                    await self._tell(run)
            except AwayError:
                self._news.set()

    async def _tell(self, run: str) -> None:
        while waiting := self._untold.get(run):
            records = [waiting[place] for place in range(min(len(waiting), _AT_ONCE))]
            # What is refused is not told again: it stands in the run's calls.jsonl.
            await self._request("call_said", {"run": run, "records": records})
            for _ in records:
                waiting.popleft()
        self._untold.pop(run, None)

    async def _request(self, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        if self._writer is None:
            raise AwayError
        self._count += 1
        number = self._count
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        line = json.dumps({"id": number, "verb": verb, "args": args}, separators=(",", ":")) + "\n"
        self._writer.write(line.encode())
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def _once(self) -> None:
        reader, writer = await asyncio.open_unix_connection(self._socket, limit=_LINE_LIMIT)
        self._writer = writer
        self._connected.set()
        try:
            while line := await reader.readline():
                self._heard(line)
        except ValueError:
            return
        finally:
            self._connected.clear()
            self._writer = None
            writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(AwayError())

    def _heard(self, line: bytes) -> None:
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            number = message.get("id") if isinstance(message, dict) else None
            answer = self._waiting.get(number) if isinstance(number, int) else None
            if answer is not None and not answer.done() and "event" not in message:
                answer.set_result(message)


def _verdict(answer: Mapping[str, Any]) -> Verdict:
    if answer.get("ok") is True:
        result = answer.get("result")
        found = result if isinstance(result, Mapping) else {}
        if found.get("allow") is True:
            rates = found.get("rates")
            return Verdict(allow=True, rates=rates if isinstance(rates, Mapping) else None)
        words = (found.get("why"), found.get("remedy"))
        return Verdict(allow=False, why="; ".join(str(word) for word in words if word) or "refused")
    error = answer.get("error")
    told = error if isinstance(error, Mapping) else {}
    if told.get("code") == _USAGE and "no verb" in str(told.get("problem")):
        return Verdict(allow=True)  # This controller sets no limits.
    return Verdict(allow=False, why=str(told.get("problem") or "the controller can't say"), away=True)
