"""The line to the tool server inside the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pancode.native.journal import Done
from pancode.native.lines import Lines
from pancode.worker.tools.outcome import bounded

SHARE = 1_000_000
"""Numbers of one loop: a later one's answers are never taken for those to an earlier one."""
MOST_SAID = 100_000
"""Characters of an answer that are taken in; the server bounds them itself, by less."""


class Toolbox:
    """Calls tools, one at a time."""

    def __init__(self, lines: Lines, generation: int) -> None:
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
        await self._lines.say({"id": number, "tool": name, "args": args})
        while True:
            said = await self._lines.hear()
            if said.get("id") == number and "ok" in said:
                meta = said.get("meta")
                # The other end is the worker's: what it may say is bounded here, too.
                done = Done(said["ok"] is True, bounded(str(said.get("text") or ""), MOST_SAID))
                return done, meta if isinstance(meta, dict) else {}
            if said.get("id") == number and isinstance(said.get("more"), str):
                printed(said["more"])

    async def cancel(self, numbers: Iterable[int]) -> None:
        """Have calls ended that nobody waits for any more; raise GoneError."""
        await self._begin()
        for number in numbers:
            await self._lines.say({"id": number, "cancel": True})

    async def _begin(self) -> None:
        if not self._is_fresh:
            self._is_fresh = True
            await self._lines.separate()
