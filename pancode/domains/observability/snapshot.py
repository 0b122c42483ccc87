"""The status object, made from the world alone; every figure says where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pancode.core.effects import agent_pid
from pancode.core.health import assess
from pancode.core.questions import told
from pancode.core.state import (
    Asking,
    Finished,
    Metered,
    Paused,
    Queued,
    Run,
    Starting,
    Stopping,
    Working,
    World,
)
from pancode.domains.observability.api import usage
from pancode.domains.panconfigure.api import Settings, scripted_model


class WorldSnapshot:
    """Reads the world whenever it is asked."""

    def __init__(
        self,
        world: Callable[[], World],
        now: Callable[[], float],
        about: dict[str, Any],
        spent: Callable[[], dict[str, Any]],
        changes: Callable[[str], dict[str, Any] | None] = lambda _: None,
        cost: Callable[[Run], dict[str, Any]] | None = None,
        settings: Callable[[], Settings] = lambda: Settings(home=""),
    ) -> None:
        """`about` holds what never changes: session, project, controller, tmux; `spent` the budget.

        `changes` tells what an isolated run has left, None as long as that isn't known; `cost` what a run
        has cost, where that is more than the agent's own word. `disk` may be set to what tells of the disk.
        """
        self._cost = cost
        self._settings = settings
        self._changes = changes
        self._world = world
        self._now = now
        self._about = about
        self._spent = spent
        self.disk: Callable[[], dict[str, Any]] = dict

    def status(self) -> dict[str, Any]:
        """Give the whole status."""
        world = self._world()
        rows = [self._row(run) for run in world.runs.values()]
        return {**self._about, **self.session(), "workers": rows}

    def session(self) -> dict[str, Any]:
        """Give what holds for the session."""
        world, settings = self._world(), self._settings()
        return {
            "preset": settings.preset,
            "scripted_model": scripted_model(settings),
            "theme": settings.theme,
            "mode": world.session.mode.value,
            "safety": world.session.level.value,
            "budget": self._spent(),
            "disk": self.disk(),
            "totals": totals(world),
            "attached": bool(world.session.attached),
            "draining": world.session.draining,
            "raising": world.session.raise_asked is not None,
        }

    def row(self, run_id: str) -> dict[str, Any]:
        """Give one worker's row."""
        return self._row(self._world().runs[run_id])

    def _row(self, run: Run) -> dict[str, Any]:
        known = run.isolated and not run.is_live
        own = {"changes": self._changes(run.id) if known else None}
        return {**_row(run, self._now()), **own, **({"cost": self._cost(run)} if self._cost else {})}


def totals(world: World) -> dict[str, int]:
    """Count the runs in memory: live, waiting for a person, done, and ended otherwise."""
    ended = [run.state for run in world.runs.values() if isinstance(run.state, Finished)]
    done = sum(state.status == "done" for state in ended)
    live = sum(run.is_live for run in world.runs.values())
    waiting = sum(isinstance(run.state, Asking) for run in world.runs.values())
    return {"live": live, "waiting": waiting, "done": done, "failed": len(ended) - done}


def _row(run: Run, now: float) -> dict[str, Any]:
    state, source = _state(run)
    finished = run.state if isinstance(run.state, Finished) else None
    return {
        "run_id": run.id,
        "agent": run.agent,
        "runtime": run.runtime,
        "task": run.task,
        "model": run.model,
        **_may(run),
        "state": state,
        "state_source": source,
        "since": run.state.since,
        **_order(run),
        "isolated": run.isolated,
        "doing": run.doing,
        "questions": [told(run.id, question) for question in run.questions],
        "retrying": run.retrying,
        "pid": agent_pid(run),
        "shim_pid": run.shim_pid if run.is_live else None,
        "pane": run.pane,
        "window": run.window,
        "cost": {"usd": run.tally.usd, "source": "unknown" if run.tally.usd is None else "agent"},
        "usage": usage(run.tally),
        "calls": _calls(run.metered),
        "heartbeat": _heartbeat(run, now),
        "health": _health(run, now),
        "reason": finished.reason if finished else None,
        "queued": run.queued,
        "started": run.started,
        "ended": finished.since if finished else None,
        "turns": run.tally.turns,
        "continues": run.continues,
    }


def _may(run: Run) -> dict[str, Any]:
    """Give what the run may do, and what keeps it there."""
    return {
        "mode": run.grant.mode.value,
        "safety": run.grant.level.value,
        "read_only": run.grant.read_only,
        "grade": None if run.grade is None else run.grade.get("sandbox"),
        "sandbox": None if run.grade is None else dict(run.grade),
    }


def _order(run: Run) -> dict[str, Any]:
    """Give when a run's turn is and what it belongs to, and why it stands still if it does."""
    return {
        "waits": run.state.waits if isinstance(run.state, Queued) else None,
        "paused": {"by": run.state.by, "why": run.state.why} if isinstance(run.state, Paused) else None,
        "priority": run.priority,
        "after": list(run.after),
        "group": run.group,
        "node": run.node,
        "parent": run.parent,
    }


def _calls(metered: Metered) -> dict[str, Any]:
    """Give what the gateway counted: calls begun, those under way, and since when the oldest of them is."""
    flying = metered.inflight.values()
    return {"count": metered.calls, "inflight": len(flying), "since": min(flying, default=None)}


def _state(run: Run) -> tuple[str, str]:
    """Name the state and the source that says so."""
    match run.state:
        case Queued():
            return "queued", "controller"
        case Starting():
            return "starting", "tmux"
        case Working():
            return "working", "journal"
        case Asking():
            return "asking", "controller"
        case Paused():
            return "paused", "journal"
        case Stopping(by=by):
            return "stopping", f"asked by {by}"
        case Finished(status=status):
            return status, "controller" if status in ("refused", "lost") else "journal"


def _health(run: Run, now: float) -> dict[str, Any] | None:
    """Say how a live run is, who says so, and how old that evidence is."""
    found = assess(run, now)
    if found is None:
        return None
    if run.health is not None and run.health.source == "process table":
        found = run.health
    age = None if found.at is None else max(0.0, round(now - found.at, 1))
    return {
        "state": found.word,
        "since": found.since,
        "source": found.source,
        "at": found.at,
        "age_s": age,
        "why": found.why,
    }


def _heartbeat(run: Run, now: float) -> dict[str, Any]:
    if run.beat is None:
        return {"at": None, "age_s": None, "every_s": run.heartbeat_s, "evidence": None}
    return {
        "at": run.beat.at,
        "age_s": max(0.0, round(now - run.beat.at, 1)),
        "every_s": run.heartbeat_s,
        "evidence": dict(run.beat.evidence),
    }
