"""The scheduler: listens to facts and timers, asks the pure decision, and posts what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pancode.core import events as ev
from pancode.core.state import Finished, Queued, Run, World
from pancode.domains.scheduling import health as providers
from pancode.domains.scheduling.api import Prospect
from pancode.domains.scheduling.health import Answered, Began, Ended, Evidence, Failed, Health
from pancode.domains.scheduling.limits import Limits
from pancode.domains.scheduling.queue import Steps, next_steps
from pancode.domains.scheduling.view import Live, View, Waiting

LOOK_AT_MONEY = 1.0
"""Seconds until what is left of the budgets is looked at again for a run that waits for it."""
AFTER_A_FAULT = 2.0
"""Seconds until the queue is looked at again after something went wrong with that."""
TELLING = frozenset({"retrying", "usage", "tool_started"})
"""Records of a worker's journal that say something about its provider; its end comes another way."""


class Alarm(Protocol):
    """Something that was arranged for later."""

    def cancel(self) -> None:
        """Let it not happen."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the scheduler asks and tells. `clock` never jumps; `wall` is the time of day.

    `limits` gets the agents that wait; `ended` gives how a run that has left memory ended; `chance` gives
    a number from 0 to 1; `later` calls something after some seconds.
    """

    world: Callable[[], World]
    post: Callable[[ev.Event], None]
    clock: Callable[[], float]
    wall: Callable[[], float]
    later: Callable[[float, Callable[[], None]], Alarm]
    limits: Callable[[Iterable[str]], Limits]
    ended: Callable[[str], str]
    memory: Callable[[], int | None]
    chance: Callable[[], float]
    reserve: Callable[[Run], str | None] = lambda _: None
    """Sets aside what a run is expected to cost; or gives the sentence why it must wait for that."""


class Scheduler:
    """Lets queued runs start. What it knows of providers begins anew with the controller."""

    def __init__(self, around: Surroundings) -> None:
        """Begin with an empty queue."""
        self._around = around
        self._queue: set[str] = set()
        self._began: dict[str, float] = {}
        self._alarm: Alarm | None = None
        self.health: dict[str, Health] = {}
        self.since = around.wall()
        """Since when providers' answers are counted, in wall-clock seconds."""

    def begin(self) -> None:
        """Take up what was queued before this controller began."""
        for run in self._around.world().runs.values():
            if _is_waiting(run):
                self._queue.add(run.id)
        self.look()

    def on_queued(self, event: ev.RunQueued) -> None:
        """Start it at once if nothing is in its way; a crowd is looked at once for all."""
        self._queue.add(event.run)
        if len(self._queue) == 1:
            self.look()
        else:
            self._look_in(0.0)

    def on_changed(self, event: ev.RunChanged) -> None:
        """Learn from a run's end, and give its place to the next."""
        if not event.ended:
            return
        self._queue.discard(event.run_id)
        self._began.pop(event.run_id, None)
        run = self._around.world().runs.get(event.run_id)
        if run is not None and isinstance(run.state, Finished):
            record = {"kind": "ended", "status": run.state.status, "reason": run.state.reason}
            self._learn(run, record, self._around.clock())
        if self._queue:
            self._look_in(0.0)

    def on_said(self, event: ev.WorkerSaid) -> None:
        """Learn how a provider answers from a worker's stream."""
        if event.record.get("kind") in TELLING:
            run = self._around.world().runs.get(event.run)
            if run is not None:
                self._learn(run, event.record, float(event.record.get("m") or self._around.clock()))

    def on_call(self, event: ev.CallSaid) -> None:
        """Learn how a provider answers from the gateway."""
        run = self._around.world().runs.get(event.run)
        if run is not None and run.provider is not None:
            around = self._around
            found = providers.called(run.id, event.record, around.clock(), around.chance())
            self._take(run.provider, found)

    def on_priority(self, _: ev.PriorityChanged) -> None:
        """Look at the queue again."""
        self._look_in(0.0)

    def _learn(self, run: Run, record: Mapping[str, Any], at: float) -> None:
        """Take the agent's word; where the gateway sees a run's calls, each is the gateway's to tell."""
        if run.provider is None:
            return
        found = providers.said(run.id, record, at, self._around.chance())
        if isinstance(found, Answered | Failed) and run.metered.seq:
            found = Ended(run.id, at) if record.get("kind") == "ended" else None
        self._take(run.provider, found)

    def _take(self, provider: str, evidence: Evidence | None) -> None:
        if evidence is None:
            return
        before = self.health.get(provider, Health())
        after = self.health[provider] = providers.after(before, evidence)
        if self._queue and (after.until, after.opened, after.probe) != (
            before.until,
            before.opened,
            before.probe,
        ):
            self._look_in(0.0)

    def look(self) -> None:
        """Decide about everything that waits, and arrange for the next look."""
        self._quiet()
        if not self._queue:
            return
        around = self._around
        try:
            view = self.view()
            limits = around.limits({one.agent for one in view.waiting})
            self._follow(next_steps(view, limits, around.clock()), view)
        except Exception:
            self._look_in(AFTER_A_FAULT)  # Else what waits now would wait for whatever happens next.
            raise

    def forecast(self, prospect: Prospect) -> str | None:
        """Give the sentence about what would hold such a run now; None: nothing."""
        around, now = self._around, self._around.clock()
        one = Waiting(
            run="", agent=prospect.agent, since=now, provider=prospect.provider,
            priority=prospect.priority, after=prospect.after, parent=prospect.parent,
        )  # fmt: skip
        view = self.view(prospect.after)
        view = replace(view, waiting=(*view.waiting, one))
        steps = next_steps(view, around.limits({each.agent for each in view.waiting}), now)
        return steps.holds.get("") or steps.dropped.get("")

    def answered(self, provider: str) -> tuple[int, int] | None:
        """Give how many of how many last requests the provider has answered; None: too few, or long ago."""
        known = self.health.get(provider)
        return None if known is None else providers.share(known, self._around.clock())

    def _follow(self, steps: Steps, view: View) -> None:
        around, at = self._around, self._around.wall()
        for run, why in steps.dropped.items():
            self._queue.discard(run)
            around.post(ev.StopAsked(run=run, at=at, by="pancode", why=why))
        poor = self._poor(steps.starts)
        for one in view.waiting:
            if one.run in steps.starts and one.run not in poor and one.provider is not None:
                self._take(one.provider, Began(one.run, around.clock()))
        for run in steps.starts:
            if run in poor:
                continue
            self._queue.discard(run)
            self._began[run] = around.clock()
            around.post(ev.StartCleared(run=run, at=at))
        runs = around.world().runs
        for run, why in {**steps.holds, **poor}.items():
            state = runs[run].state
            if isinstance(state, Queued) and state.waits != why:
                around.post(ev.StartHeld(run=run, at=at, why=why))
        if poor and self._alarm is None:
            self._look_in(LOOK_AT_MONEY)
        elif steps.again is not None and self._alarm is None:
            self._look_in(max(0.0, steps.again - around.clock()))

    def _poor(self, starts: Iterable[str]) -> dict[str, str]:
        """Set aside what each of these is expected to cost; give why the others can't start yet."""
        runs = self._around.world().runs
        said = {run: self._around.reserve(runs[run]) for run in starts}
        return {run: why for run, why in said.items() if why is not None}

    def view(self, also: tuple[str, ...] = ()) -> View:
        """Give the queue and all that is live, as the decision sees them; `also` are runs to look up."""
        around = self._around
        world, now = around.world(), around.clock()
        offset = around.wall() - now
        waiting = [world.runs[run] for run in self._queue if run in world.runs]
        return View(
            waiting=tuple(_waiting(run, min(now, run.queued - offset)) for run in waiting),
            live=tuple(
                _live(run, self._began.get(run.id, min(now, run.queued - offset)))
                for run in world.runs.values()
                if run.is_live and run.id not in self._queue
            ),
            ended=self._ended({*also, *(name for run in waiting for name in run.after)}, world),
            health=self.health,
            memory=around.memory(),
            draining=world.session.draining,
            offset=offset,
        )

    def _ended(self, names: set[str], world: World) -> dict[str, str]:
        """Give how these runs ended; what was begun again, or gone on with, has ended when that has."""
        again = {run.retries or run.continues: run.id for run in world.runs.values()} if names else {}
        found = {}
        for name in names:
            last, status = name, self._status(name, world)
            while status not in (None, "done") and last in again:
                last = again[last]
                status = self._status(last, world)
            if status is not None:
                found[name] = status
        return found

    def _status(self, name: str, world: World) -> str | None:
        run = world.runs.get(name)
        if run is None:
            return self._around.ended(name)
        return run.state.status if isinstance(run.state, Finished) else None

    def _look_in(self, seconds: float) -> None:
        self._quiet()
        self._alarm = self._around.later(seconds, self.look)

    def _quiet(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


def _is_waiting(run: Run) -> bool:
    return isinstance(run.state, Queued) and not run.state.cleared and run.seq == 0 and run.pane is None


def _waiting(run: Run, since: float) -> Waiting:
    return Waiting(
        run=run.id, agent=run.agent, since=since, provider=run.provider, priority=run.priority,
        after=run.after, parent=run.parent, group=_group(run), at_once=run.at_once,
    )  # fmt: skip


def _live(run: Run, began: float) -> Live:
    return Live(
        run=run.id, agent=run.agent, began=began, provider=run.provider, parent=run.parent, group=_group(run)
    )


def _group(run: Run) -> str | None:
    """Name what `at_once` bounds: the flow, and in it the node."""
    return run.group if run.group is None or run.node is None else f"{run.group} {run.node}"
