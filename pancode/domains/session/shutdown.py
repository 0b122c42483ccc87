"""Shutting down in four phases: drain, stop the workers, persist, exit. Bounded in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.host import Args, Caller
from pancode.core.state import World
from pancode.engine import clock

PATIENCE = 8.0
"""Seconds that workers get before they are killed; their own ladder takes about four."""
LAST_PATIENCE = 3.0
"""Seconds after the kill order until the controller leaves regardless."""
STEP = 0.02


class Shutdown:
    """The verb `shutdown`; `force` goes straight to killing."""

    def __init__(
        self, world: Callable[[], World], post: Callable[[ev.Event], None], leave: Callable[[], None]
    ) -> None:
        """`leave` ends the controller's main task after the answer was sent."""
        self._world = world
        self._post = post
        self._leave = leave
        self._work: set[asyncio.Task[int]] = set()

    async def shutdown(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Send {"live": n} as workers end; answer when all have, or when time is up.

        A session that has begun to end does so, also when whoever asked for it goes away.
        """
        work = asyncio.create_task(self._end(caller, force=bool(args.get("force"))))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        return {"left": await asyncio.shield(work)}

    async def _end(self, caller: Caller, *, force: bool) -> int:
        try:
            self._post(ev.DrainStarted(at=clock.now()))
            live = await self._stop(caller, force=force, seconds=LAST_PATIENCE if force else PATIENCE)
            if live and not force:
                live = await self._stop(caller, force=True, seconds=LAST_PATIENCE)
        finally:
            self._leave()
        return live

    async def _stop(self, caller: Caller, *, force: bool, seconds: float) -> int:
        for run in list(self._world().runs.values()):
            if run.is_live:
                self._post(
                    ev.StopAsked(run=run.id, at=clock.now(), by="operator", why="pancode down", force=force)
                )
        told, until = -1, clock.monotonic() + seconds
        while (live := self._live()) and clock.monotonic() < until:
            if live != told and not caller.gone:
                told = live
                with contextlib.suppress(ConnectionError):
                    await caller.send({"live": live})
            await clock.pause(STEP)
        return live

    def _live(self) -> int:
        return sum(run.is_live for run in self._world().runs.values())
