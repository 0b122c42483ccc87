"""The watchdog: looks at the evidence about live runs, and does what their agents' definitions say."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from pancode.core import events as ev
from pancode.core.effects import TakeCare, TryAgain
from pancode.core.health import assess
from pancode.core.redact import redact_value
from pancode.core.state import Run, Stopping, World
from pancode.engine import clock, files, processes

if TYPE_CHECKING:
    from pancode.domains.dispatch.dispatcher import Dispatcher

BY = "watchdog"
LOOKS = 4
"""Looks in one interval of the heartbeat."""
SLOWEST_S, FASTEST_S = 5.0, 0.1
JUMP_S = 3.0
"""A wall clock that goes so much further, or less far, than the monotonic one has been set, or slept."""
NUDGE = (
    "You gave no signs of life any more, so your turn was ended from outside. See where you stand, and go on."
)


class Watchdog:
    """Turns evidence into facts, and facts into what is done; it asks no model."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        world: Callable[[], World],
        post: Callable[[ev.Event], None],
        try_again: Callable[[TryAgain], None],
    ) -> None:
        """Begin to look when `watch` is run; `try_again` starts a run once more."""
        self._dispatcher = dispatcher
        self._try_again = try_again
        self._world = world
        self._post = post
        self._clocks = clock.now(), clock.monotonic()
        self._blind_until = 0.0

    async def watch(self) -> None:
        """Look at every live run, several times in an interval of its heartbeat."""
        while True:
            live = [run for run in self._world().runs.values() if run.is_live]
            every = min((run.heartbeat_s for run in live), default=SLOWEST_S) / LOOKS
            await clock.pause(min(max(every, FASTEST_S), SLOWEST_S))
            self.look(clock.now(), clock.monotonic())

    def look(self, now: float, steady: float) -> None:
        """Post what has changed; after a jump of the clock nothing counts until there were new beats."""
        before, self._clocks = self._clocks, (now, steady)
        live = [run for run in self._world().runs.values() if run.is_live]
        if abs((now - before[0]) - (steady - before[1])) > JUMP_S:
            self._blind_until = steady + 2 * max((run.heartbeat_s for run in live), default=0.0)
        if steady < self._blind_until:
            return
        for run in live:
            found = assess(run, now, shim=_shim_of(run, now))
            known = run.health.word if run.health is not None else "healthy"
            if found is not None and found.word != known:
                self._post(ev.HealthChanged(run=run.id, at=now, health=found))

    def take_care(self, effect: TakeCare) -> None:
        """Perform TakeCare. What the watchdog has done for one run it doesn't do again for its successor."""
        dispatcher, run = self._dispatcher, self._world().runs[effect.run]
        action, why = effect.action, effect.why
        dispatcher.note(f"run {run.id} is {why}")
        earlier = self._request(run).get("retries") or run.continues
        if action in ("nudge", "retry") and earlier is not None and self._ended_by_us(str(earlier)):
            action, why = "stop", f"{why}; it was helped once before"
        if isinstance(run.state, Stopping) and action != "notify":
            action = "stop"
        if action == "nudge" and (run.agent_session is None or run.health is None):
            dispatcher.note(f"run {run.id} can't be nudged: it has no conversation to go on with")
            action = "notify"
        if action == "notify":
            return
        if action == "nudge":
            dispatcher.said.keep(run.id, NUDGE)
        elif action == "retry":
            files.write_json(self._again(run.id), redact_value({"why": why}))
        self._end(run, f"{action}: {why}")

    def _end(self, run: Run, why: str) -> None:
        is_dead = run.health is not None and run.health.word == "dead"
        force = is_dead or isinstance(run.state, Stopping)
        self._post(ev.StopAsked(run=run.id, at=clock.now(), by=BY, why=why, force=force))
        if is_dead and processes.is_shim_of(run.shim_pid, self._dispatcher.folders.path(run.id)):
            # It hears no order any more; what it leaves is ended with its books.
            processes.kill([run.shim_pid or 0])

    def on_change(self, event: ev.RunChanged) -> None:
        """Start a run once more that was ended for that."""
        if event.ended and files.read_json(self._again(event.run_id)) is not None:
            os.unlink(self._again(event.run_id))
            self._try_again(TryAgain(event.run_id))

    def _again(self, run_id: str) -> str:
        return self._dispatcher.folders.path(run_id, "again.json")

    def _request(self, run: Run) -> dict[str, object]:
        return (self._dispatcher.folders.spec(run.id) or {}).get("request") or {}

    def _ended_by_us(self, run_id: str) -> bool:
        stop = files.read_json(self._dispatcher.folders.path(run_id, "stop.json")) or {}
        return stop.get("by") == BY


def _shim_of(run: Run, now: float) -> str | None:
    """Look the shim up in the process table, if it should have beaten twice since it last did."""
    beaten = run.beat.at if run.beat is not None else run.started
    if run.shim_pid is None or beaten is None or now - beaten < 2 * run.heartbeat_s:
        return None
    return processes.state(run.shim_pid) or "gone"
