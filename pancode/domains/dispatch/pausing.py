"""Pausing runs and letting them go on: the verbs, the orders to the shims, and what of them outlives us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from pancode.core import events as ev
from pancode.core.effects import OrderPause
from pancode.core.host import Args, Caller, Host
from pancode.core.redact import redact
from pancode.core.state import Asking, Finished, Paused, Queued, Run, Starting, Stopping, Working, World
from pancode.domains.dispatch.asking import check_own
from pancode.engine import clock, files

if TYPE_CHECKING:
    from pancode.domains.dispatch.dispatcher import Dispatcher
    from pancode.domains.dispatch.folders import Folders
    from pancode.domains.dispatch.requests import PauseRequest

CONFIRMED_S = 3.0
"""How long an answer waits for the shims to say that it is so; they need milliseconds."""


def register_pausing(host: Host, dispatcher: Dispatcher) -> None:
    """Serve `pause` and `resume`, and perform the orders."""
    pausing = Pausing(dispatcher, lambda: host.world, host.post)
    host.performs(OrderPause, pausing.order)
    host.on(ev.RunChanged, pausing.on_change)
    host.serve("pause", pausing.pause)
    host.serve("resume", pausing.resume)


class Pausing:
    """The verbs `pause` and `resume`, and the effect that they lead to."""

    def __init__(
        self, dispatcher: Dispatcher, world: Callable[[], World], post: Callable[[ev.Event], None]
    ) -> None:
        """Keep what the verbs need."""
        self._dispatcher = dispatcher
        self._world = world
        self._post = post
        self._changed: set[asyncio.Event] = set()

    def order(self, effect: OrderPause) -> None:
        """Perform OrderPause: the shim gets the order, and the folder keeps it for the next controller."""
        order = {"do": "pause" if effect.pause else "resume", "by": effect.by, "why": effect.why}
        self._dispatcher.links.order(effect.run, order)
        path = self._dispatcher.folders.path(effect.run, "pause.json")
        files.write_json(path, {**order, "why": redact(effect.why)})

    async def pause(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Let one run or all stand still; answer with what became of each."""
        return await self._all(args, caller, pause=True)

    async def resume(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Let one paused run or all go on; answer with what became of each."""
        return await self._all(args, caller, pause=False)

    async def _all(self, args: Args, caller: Caller, *, pause: bool) -> Mapping[str, Any]:
        from pancode.domains.dispatch.requests import PauseRequest, parse

        request = parse(PauseRequest, args)
        runs = self._meant(request)
        for run in runs:
            check_own(self._world(), caller.pid, run)
        for run in runs:
            if run in self._world().runs:
                self._post(_asked(run, request.by, request.why, clock.now(), pause=pause))
        await self._until_so(runs, pause=pause)
        return {"runs": [_told(self._dispatcher.recall(run), pause=pause) for run in runs]}

    def _meant(self, request: PauseRequest) -> list[str]:
        if request.run is not None:
            return [self._dispatcher.find(request.run)]
        return [run.id for run in self._world().runs.values() if run.is_live]

    async def _until_so(self, runs: Collection[str], *, pause: bool) -> None:
        """Wait until the shims say so, but not for ever."""
        changed = asyncio.Event()
        self._changed.add(changed)
        until = clock.monotonic() + CONFIRMED_S
        try:
            while (left := until - clock.monotonic()) > 0:
                known = self._world().runs
                if not any(is_open(known[run], pause=pause) for run in runs if run in known):
                    return
                changed.clear()
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except TimeoutError:
                    return
        finally:
            self._changed.discard(changed)

    def on_change(self, _: ev.RunChanged) -> None:
        """Wake those who wait."""
        for changed in self._changed:
            changed.set()


def _asked(run: str, by: str, why: str, at: float, *, pause: bool) -> ev.PauseAsked | ev.ResumeAsked:
    if pause:
        return ev.PauseAsked(run=run, at=at, by=by, why=why)
    return ev.ResumeAsked(run=run, at=at, by=by)


def is_open(run: Run, *, pause: bool) -> bool:
    """Whether the run's shim has still to say that it stands still, or goes on."""
    return isinstance(run.state, Starting | Working | Asking if pause else Paused)


def _told(run: Run, *, pause: bool) -> dict[str, Any]:
    """Say what became of the order for one run: `confirmed` None where there is nothing to confirm yet."""
    confirmed: bool | None = not is_open(run, pause=pause)
    match run.state:
        case Paused():
            words = "paused" if pause else "asked to go on, but its worker hasn't said yet that it does"
        case Working() | Asking():
            words = "asked to pause, but its worker hasn't said yet that it is" if pause else "goes on"
        case Queued() | Starting():
            confirmed = None
            words = "hasn't begun yet; " + ("pauses as soon as it does" if pause else "isn't held")
        case Stopping():
            words = "is being stopped"
        case Finished(status=status):
            words = f"has ended: {status}"
    state = run.state.status if isinstance(run.state, Finished) else type(run.state).__name__.lower()
    return {"run_id": run.id, "state": state, "confirmed": confirmed, "words": words}


def asked_again(folders: Folders, run: Run, at: float) -> ev.PauseAsked | ev.ResumeAsked | None:
    """Give the latest order of an earlier controller, if it may not have reached the run's shim."""
    order = files.read_json(folders.path(run.id, "pause.json")) or {}
    wanted = {"pause": True, "resume": False}.get(str(order.get("do")))
    if wanted is None or isinstance(run.state, Paused) is wanted or not run.is_live:
        return None
    return _asked(run.id, str(order.get("by")), str(order.get("why") or ""), at, pause=wanted)
