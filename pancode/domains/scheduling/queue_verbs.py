"""The verbs of the queue: what waits and why, the limits, how providers answer; and moving a run in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.core.ids import resolve
from pancode.core.state import Queued, Run, World
from pancode.domains.safety.api import is_worker
from pancode.domains.scheduling.health import Health
from pancode.domains.scheduling.limits import MEGABYTE, Limits, Most
from pancode.domains.scheduling.queue import in_order, rank
from pancode.domains.scheduling.scheduler import Scheduler
from pancode.domains.scheduling.view import View, Waiting
from pancode.engine import clock, files
from pancode.engine.places import Places

LEAST, MOST = -100, 100
"""Priorities that a person may give."""


class QueueVerbs:
    """Answers `queue` and `queue_move`."""

    def __init__(
        self,
        scheduler: Scheduler,
        limits: Callable[[list[str]], Limits],
        world: Callable[[], World],
        post: Callable[[ev.Event], None],
        places: Places,
    ) -> None:
        """Ask `scheduler` and `limits`."""
        self._scheduler = scheduler
        self._limits = limits
        self._world = world
        self._post = post
        self._places = places

    async def queue(self, _args: Args, _caller: Caller) -> Mapping[str, Any]:
        """Tell what waits, in its order, and what it waits for."""
        view, now = self._scheduler.view(), clock.monotonic()
        limits = self._limits([one.agent for one in view.waiting] + [one.agent for one in view.live])
        order = in_order(view.waiting, now)
        return {
            "waiting": [self._row(place, one, rank(one, now)) for place, one in enumerate(order, 1)],
            "session": {"live": len(view.live), "limit": limits.session},
            "agents": _used(view, "agent", limits.agent),
            "providers": [
                {**row, **_health(view.health.get(row["name"], Health()), now, view.offset)}
                for row in _used(view, "provider", limits.provider, view.health)
            ],
            "nodes": _used(view, "node", limits.node),
            "memory": {
                "free_mb": None if view.memory is None else view.memory // MEGABYTE,
                "kept_mb": limits.free // MEGABYTE,
            },
            "health_since": self._scheduler.since,
        }

    def _row(self, place: int, one: Waiting, weight: int) -> dict[str, Any]:
        run = self._world().runs[one.run]
        return {
            "position": place,
            "run_id": run.id,
            "agent": run.agent,
            "task": run.task,
            "provider": run.provider,
            "priority": run.priority,
            "weight": weight,
            "since": run.queued,
            "waits": run.state.waits if isinstance(run.state, Queued) else None,
            "after": list(run.after),
            "group": run.group,
            "parent": run.parent,
        }

    async def move(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Give a queued run another priority; it keeps that over a restart of the controller."""
        if is_worker(self._world(), caller.pid):
            raise PanError(
                "a worker can't move runs in the queue",
                remedy="do it in a terminal of yours",
                code=ExitCode.REFUSED,
            )
        priority = args.get("priority")
        if not isinstance(priority, int) or not LEAST <= priority <= MOST:
            raise PanError(
                f"a priority is a whole number from {LEAST} to {MOST}",
                remedy="pancode queue move RUN --priority 10",
                code=ExitCode.USAGE,
            )
        run = self._queued(str(args.get("run")))
        files.write_json(os.path.join(self._places.runs, run.id, "queue.json"), {"priority": priority})
        self._post(ev.PriorityChanged(run=run.id, at=clock.now(), priority=priority, by="operator"))
        return {"run_id": run.id, "priority": priority}

    def _queued(self, prefix: str) -> Run:
        runs = self._world().runs
        run = runs[resolve(prefix, set(runs))]
        if not isinstance(run.state, Queued) or run.state.cleared:
            raise PanError(
                f"run {run.id} doesn't wait any more",
                remedy="pancode queue shows what does",
                code=ExitCode.CONFLICT,
            )
        return run


def _used(view: View, kind: str, most: Most, also: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Count the live runs of each name, and add the names that only wait or are only known."""
    live = [getattr(one, kind) for one in view.live]
    waiting = [getattr(one, kind) for one in view.waiting]
    names = {name for name in (*live, *waiting, *(also or {})) if name is not None}
    return [
        {"name": name, "live": live.count(name), "waiting": waiting.count(name), "limit": most.of(name)}
        for name in sorted(names)
    ]


def _health(health: Health, now: float, offset: float) -> dict[str, Any]:
    """Give a provider's health; `state` is ok, resting (back-off), open or trying (breaker)."""
    state, until = "ok", None
    if health.retry_at is not None:
        state, until = ("open", health.retry_at) if health.probe is None else ("trying", None)
    elif now < health.until:
        state, until = "resting", health.until
    return {
        "state": state,
        "until": None if until is None else round(until + offset, 3),
        "why": health.why if state != "ok" else None,
        "answered": health.answered,
        "of": len(health.attempts),
        "probe": health.probe,
    }
