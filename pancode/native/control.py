"""The line to the shim: asks before each action, uses the session's board, hears stop, pause and resume."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pancode.native.lines import GoneError, Lines

if TYPE_CHECKING:
    from pancode.worker.profile import Action


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was said to an action."""

    allow: bool
    why: str


class Control:
    """One connection to the shim, for as long as the run lasts."""

    def __init__(self) -> None:
        """Wait for the line; `live` does the hearing."""
        self._lines: Lines
        self._number = 0
        self.there = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.stopping = asyncio.Event()
        self.going = asyncio.Event()
        self.going.set()

    async def live(self, lines: Lines) -> None:
        """Talk by `lines`; hear until the shim has gone, or wants the run to end."""
        self._lines = lines
        self.there.set()
        try:
            while not self.stopping.is_set():
                self._heard(await lines.hear())
        except GoneError:
            self.stopping.set()

    async def ask(self, action: Action) -> Verdict:
        """Have an action judged; waits as long as the operator does. Raise GoneError."""
        said = await self._request({"ask": action})
        return Verdict(said.get("allow") is True, str(said.get("why") or ""))

    async def board(self, request: Mapping[str, Any]) -> tuple[bool, str]:
        """Pass a request on to the session's board; raise GoneError."""
        said = await self._request({"board": request})
        return said.get("ok") is True, str(said.get("text") or "")

    async def _request(self, message: dict[str, Any]) -> dict[str, Any]:
        await self.there.wait()
        number = self._number = self._number + 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._lines.say({"id": number, **message})
            return await answer
        finally:
            self._waiting.pop(number, None)

    def _heard(self, message: Mapping[str, Any]) -> None:
        match message.get("do"):
            case "stop":
                self.stopping.set()
            case "pause":
                self.going.clear()
            case "resume":
                self.going.set()
            case _:
                number = message.get("id")
                answer = self._waiting.get(number) if isinstance(number, int) else None
                if answer is not None and not answer.done():
                    answer.set_result(dict(message))
