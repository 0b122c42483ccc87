"""The line to the tool server inside the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pancode.native.journal import Done
from pancode.native.lines import GoneError, Lines
from pancode.worker.tools.outcome import bounded

SHARE = 1_000_000
"""Numbers of one loop: a later one's answers are never taken for those to an earlier one."""
MOST_SAID = 100_000
"""Characters of an answer that are taken in; the server bounds them itself, by less."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A call that has no answer yet; `printed` gets what it prints meanwhile."""

    answer: asyncio.Future[dict[str, Any]]
    printed: Callable[[str], None]


class Toolbox:
    """Calls tools, several at a time if need be."""

    def __init__(self) -> None:
        """Wait for the line, without which nothing can be called."""
        self._lines: Lines
        self._number = 0
        self._is_fresh = True
        self._open: dict[int, _Open] = {}
        self._hearing: asyncio.Task[None] | None = None

    def attach(self, lines: Lines, generation: int) -> None:
        """Talk by `lines`; `generation` counts the loops that this run has had before."""
        self._lines = lines
        self._number = generation * SHARE
        self._is_fresh = generation == 0

    def number(self) -> int:
        """Give the number of the next call."""
        self._number += 1
        return self._number

    async def call(
        self, number: int, name: str, args: Mapping[str, Any], printed: Callable[[str], None]
    ) -> tuple[Done, dict[str, Any]]:
        """Have a tool called; give how that ended, and what is told of it. Raise GoneError.

        `printed` gets what a command prints while it runs.
        """
        await self._begin()
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._open[number] = _Open(answer, printed)
        try:
            if self._hearing is None or self._hearing.done():
                self._hearing = asyncio.create_task(self._hear())
            await self._lines.say({"id": number, "tool": name, "args": args})
            said = await answer
        finally:
            del self._open[number]
        meta = said.get("meta")
        # The other end is the worker's: what it may say is bounded here, too.
        done = Done(said["ok"] is True, bounded(str(said.get("text") or ""), MOST_SAID))
        return done, meta if isinstance(meta, dict) else {}

    async def _hear(self) -> None:
        try:
            while True:
                self._heard(await self._lines.hear())
        except GoneError:
            for each in self._open.values():
                if not each.answer.done():
                    each.answer.set_exception(GoneError())

    def _heard(self, said: dict[str, Any]) -> None:
        number = said.get("id")
        call = self._open.get(number) if isinstance(number, int) else None
        if call is None or call.answer.done():
            return
        if "ok" in said:
            call.answer.set_result(said)
        elif isinstance(said.get("more"), str):
            call.printed(said["more"])

    async def cancel(self, numbers: Iterable[int]) -> None:
        """Have calls ended that nobody waits for any more; raise GoneError."""
        await self._begin()
        for number in numbers:
            await self._lines.say({"id": number, "cancel": True})

    async def _begin(self) -> None:
        if not self._is_fresh:
            self._is_fresh = True
            await self._lines.separate()
