"""Shutting down in four phases: drain, stop the workers, persist, exit. Each is bounded in time and told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.host import Args, Caller
from pancode.core.state import Queued, Run, World
from pancode.engine import clock

PATIENCE = 8.0
"""Seconds that workers get before they are killed; their own ladder takes about four."""
LAST_PATIENCE = 3.0
"""Seconds after the kill order until the controller leaves regardless."""
PERSIST = 5.0
"""Seconds for what ended runs still have to leave on the disk; the next controller does the rest."""
LONGEST_DRAIN = 24 * 3600.0
STEP = 0.02
WHY = "pancode down"
WHY_QUEUED = "pancode down came before its start"

Persist = Callable[[list[Run]], Awaitable[list[str]]]
"""Has the books of these runs written; gives a sentence for whatever is left to the next controller."""


class Shutdown:
    """The verb `shutdown`; `force` goes straight to killing, also for one that is under way."""

    def __init__(
        self,
        world: Callable[[], World],
        post: Callable[[ev.Event], None],
        persist: Persist,
        leave: Callable[[], None],
    ) -> None:
        """`leave` ends the controller's main task after the answer was sent."""
        self._world = world
        self._post = post
        self._persist = persist
        self._leave = leave
        self._forced = asyncio.Event()
        self._work: asyncio.Task[dict[str, Any]] | None = None

    async def shutdown(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Send {"phase", …} as the phases go by; answer when all is done, or when time is up.

        `drain` is how many seconds workers may go on before they are stopped. A session that has begun to
        end does so, also when whoever asked for it goes away.
        """
        if args.get("force"):
            self._forced.set()
        if self._work is None:
            said = args.get("drain")
            drain = min(float(said), LONGEST_DRAIN) if isinstance(said, int | float) and said > 0 else 0.0
            self._work = asyncio.create_task(self._end(caller, drain))
        return await asyncio.shield(self._work)

    async def _end(self, caller: Caller, drain: float) -> dict[str, Any]:
        left: list[str] = []
        try:
            self._post(ev.DrainStarted(at=clock.now()))
            await self._drain(caller, drain)
            live = await self._stop(caller)
            await _tell(caller, {"phase": "persist"})
            with contextlib.suppress(TimeoutError):
                left = await asyncio.wait_for(self._persist(list(self._world().runs.values())), PERSIST)
            await _tell(caller, {"phase": "exit", "left": left})
        finally:
            self._leave()
        return {"left": live, "unwritten": left}

    async def _drain(self, caller: Caller, seconds: float) -> None:
        """Start nothing more: end what is queued, by name, and let the others go on as long as they may."""
        queued = [run.id for run in self._live() if isinstance(run.state, Queued) and not run.state.cleared]
        for run in queued:
            self._post(ev.StopAsked(run=run, at=clock.now(), by="operator", why=WHY_QUEUED, force=False))
        await _tell(caller, {"phase": "drain", "queued": queued, "live": len(self._live())})
        await self._until_none_lives(caller, "drain", seconds)

    async def _stop(self, caller: Caller) -> int:
        """End every worker, the polite way first; give how many are left."""
        for force, seconds in ((False, PATIENCE), (True, LAST_PATIENCE)):
            if force or not self._forced.is_set():
                for run in self._live():
                    self._post(ev.StopAsked(run=run.id, at=clock.now(), by="operator", why=WHY, force=force))
                await self._until_none_lives(caller, "stop", seconds, is_last=force)
        return len(self._live())

    async def _until_none_lives(
        self, caller: Caller, phase: str, seconds: float, *, is_last: bool = False
    ) -> None:
        """Wait, and tell how many are left; somebody who forces ends every wait but the last."""
        told, until = -1, clock.monotonic() + seconds
        while (live := len(self._live())) and clock.monotonic() < until:
            if self._forced.is_set() and not is_last:
                return
            if live != told:
                told = live
                await _tell(caller, {"phase": phase, "live": live})
            await clock.pause(STEP)

    def _live(self) -> list[Run]:
        return [run for run in self._world().runs.values() if run.is_live]


async def _tell(caller: Caller, event: Mapping[str, Any]) -> None:
    if not caller.gone:
        with contextlib.suppress(ConnectionError):
            await caller.send(event)
