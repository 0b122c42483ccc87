"""What ends with a turn that is stopped: the runs and flows that it has started, but for those to be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.state import Finished, Run, World
from pancode.domains.agents.api import ORCHESTRATOR
from pancode.domains.dispatch.flow.runner import Flows
from pancode.domains.dispatch.folders import Folders
from pancode.engine import clock, files


class Stopping:
    """Stops runs; with a turn of the conversation's, what works for it."""

    def __init__(
        self, folders: Folders, flows: Flows, world: Callable[[], World], post: Callable[[ev.Event], None]
    ) -> None:
        """`folders` tell which runs were asked for to outlive the turn."""
        self._folders = folders
        self._flows = flows
        self._world = world
        self._post = post
        self._turns: dict[str, str] = {}

    def stop(self, run: Run, *, by: str, why: str, force: bool) -> dict[str, Any]:
        """Ask a live run to end; tell what else is asked to, `stopped` and `flows`, and what is `kept`."""
        self._post(ev.StopAsked(run=run.id, at=clock.now(), by=by, why=why, force=force))
        if not _is_turn(run):
            return {}
        self._turns[run.id] = by
        return self._below(run.id, by)

    def on_change(self, event: ev.RunChanged) -> None:
        """Stop what a turn has still started after it was asked to end, when it has.

        A controller that took over in between knows of the stop from the turn's folder.
        """
        if not event.ended:
            return
        by = self._turns.pop(event.run_id, None) or self._stopped_by(self._world().runs.get(event.run_id))
        if by is not None:
            self._below(event.run_id, by)

    def _stopped_by(self, run: Run | None) -> str | None:
        if run is None or not _is_turn(run) or not _was_stopped(run):
            return None
        order = files.read_json(self._folders.path(run.id, "stop.json"))
        return None if order is None else str(order.get("by"))

    def _below(self, turn: str, by: str) -> dict[str, Any]:
        why = f"run {turn}, which it works for, is stopped"
        flows = [flow for flow in self._flows_of(turn) if self._flows.stop(flow, by, why)]
        found = list(below(self._world(), turn, self._is_kept))
        ending, kept = ([run for run, is_kept in found if is_kept is which] for which in (False, True))
        for run in ending:
            if run.group not in flows:  # The flow ends those itself.
                self._post(ev.StopAsked(run=run.id, at=clock.now(), by=by, why=why))
        return {"stopped": _named(ending), "flows": flows, "kept": _named(kept)}

    def _flows_of(self, turn: str) -> list[str]:
        options = ((flow.id, flow.terms.options) for flow in self._flows.live.values())
        return [id_ for id_, each in options if each.get("parent") == turn and not each.get("keep")]

    def _is_kept(self, run: Run) -> bool:
        request = (self._folders.spec(run.id) or {}).get("request")
        return isinstance(request, Mapping) and request.get("keep") is True


def _is_turn(run: Run) -> bool:
    return run.agent == ORCHESTRATOR and run.parent is None


def _was_stopped(run: Run) -> bool:
    return isinstance(run.state, Finished) and run.state.status == "cancelled"


def below(world: World, top: str, is_kept: Callable[[Run], bool]) -> Iterator[tuple[Run, bool]]:
    """Give the live runs that a run has started, and those that they have; nothing below a kept one.

    Each with whether it is to be kept.
    """
    for run in world.runs.values():
        if run.parent != top:
            continue
        kept = run.is_live and is_kept(run)
        if run.is_live:
            yield run, kept
        if not kept:
            yield from below(world, run.id, is_kept)


def _named(runs: list[Run]) -> list[dict[str, str]]:
    return [{"run_id": run.id, "agent": run.agent} for run in runs]
