"""Starting, stopping and going on: requests become facts, effects become processes."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pancode.core import events as ev
from pancode.core.effects import CloseBooks, OpenPane, OrderStop, TryAgain
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Asked, Refusal
from pancode.core.ids import new_id, resolve
from pancode.core.state import Run, World
from pancode.domains.agents.api import Agents, LaunchAsk
from pancode.domains.dispatch.admission import Admission, grant_for
from pancode.domains.dispatch.books import Books
from pancode.domains.dispatch.folders import Folders, Order, grant_of, refused_spec, spec_of
from pancode.domains.dispatch.links import Links
from pancode.engine import clock, files
from pancode.engine.places import Places
from pancode.engine.shipped import boot_file
from pancode.engine.store import Store
from pancode.engine.tmux.workers import WorkerPane, WorkerPanes

if TYPE_CHECKING:
    from pancode.domains.dispatch.requests import RunRequest

KEPT_WINDOWS = 10
"""Windows of ended runs that stay open for reading; `pancode logs` shows the others."""
KEPT_RUNS = 100
"""Ended runs that stay in memory and on the status pane."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside things that dispatch works with."""

    places: Places
    store: Store
    panes: WorkerPanes
    post: Callable[[ev.Event], None]
    world: Callable[[], World]
    forget: Callable[[str], None]
    spawn: Callable[[str, Coroutine[Any, Any, None]], None]
    environment: Callable[[], Mapping[str, str]]
    note: Callable[[str], None]


class Dispatcher:
    """Admits runs and performs what the reducer's decisions ask for."""

    def __init__(self, outside: Outside, agents: Agents, admission: Admission) -> None:
        """Nothing happens until a request or an effect comes."""
        self.folders = Folders(outside.places)
        self.links = Links(outside.post)
        self.books = Books(self.folders, outside.store, outside.places.runs)
        self._outside = outside
        self._agents = agents
        self._admission = admission

    def run(self, request: RunRequest, *, continued: Run | None = None, is_retry: bool = False) -> str:
        """Admit or refuse one run and give its id; raise PanError when it can't be planned at all."""
        outside, session = self._outside, self._outside.world().session
        agent = self._agents.get(request.agent)
        if request.safety is not None and request.safety.rank > session.level.rank:
            raise PanError(
                f"refused: the session's level is {session.level}; a run can't be given more than the"
                " session has",
                remedy=f"raise it yourself first: Ctrl+Y, or pancode safety {request.safety}",
                code=ExitCode.REFUSED,
            )
        grant = grant_for(session, agent_is_read_only=agent.readonly, asked=request.safety)
        asked = Asked(agent.name, request.task, request.cwd, agent.readonly, grant)
        refusal = self._admission.refusal(asked)
        order = Order(
            run=new_id({*outside.world().runs, *outside.store.ids()}, secrets.choice),
            task=request.task,
            cwd=os.path.realpath(request.cwd),
            grant=grant,
            created=clock.now(),
            continues=continued.id if continued else None,
        )
        if refusal is None:
            self._admit(order, request, continued, is_retry=is_retry)
        else:
            self._refuse(order, agent.name, refusal)
        return order.run

    def _refuse(self, order: Order, agent: str, refusal: Refusal) -> None:
        self.folders.make(order.run)
        spec = refused_spec(order, agent)
        self.folders.write_spec(spec)
        self._outside.store.queued(spec)
        problem = str(PanError(refusal.problem, remedy=refusal.remedy))
        self._outside.post(
            ev.RunRefused(
                run=order.run, at=order.created, agent=agent, task=order.task, grant=order.grant,
                gate=refusal.gate, problem=problem,
            )
        )  # fmt: skip

    def _admit(self, order: Order, request: RunRequest, continued: Run | None, *, is_retry: bool) -> None:
        outside = self._outside
        plan = self._agents.plan(
            LaunchAsk(
                agent=request.agent,
                task=order.task,
                cwd=order.cwd,
                run_id=order.run,
                run_dir=self.folders.path(order.run),
                grant=order.grant,
                environment={**outside.environment(), **request.env},
                model=request.model,
                endpoint=request.endpoint,
                timeout_s=request.timeout,
                session=continued.agent_session if continued else None,
                runtime=continued.runtime if continued else None,
                previous=self._tokens_so_far(continued) if continued else None,
            )
        )
        self.folders.make(order.run)
        handoff = self.folders.write_launch(order.run, plan)
        spec = {
            **spec_of(order, plan, outside.places, handoff),
            "request": request.model_dump(mode="json", exclude={"env"}),
            "retry": plan.retry_on_failure and not is_retry,
        }
        self.folders.write_spec(spec)
        outside.store.queued(spec)
        outside.post(queued_from(spec))

    def _tokens_so_far(self, run: Run) -> Any:  # noqa: ANN401 -- a Usage, as JSON keeps it
        """Add up a conversation's tokens: its earlier turns, and the one that has just ended."""
        spec, result = self.folders.spec(run.id) or {}, self.folders.result(run.id) or {}
        before, last = spec.get("previous") or {}, result.get("usage") or {}
        return {
            key: None if before.get(key) is None and last.get(key) is None
            else (before.get(key) or 0) + (last.get(key) or 0)
            for key in ("input", "output", "cache_read", "cache_write", "reasoning", "turns", "tool_calls")
        }  # fmt: skip

    def find(self, prefix: str) -> str:
        """Give the id of the run that `prefix` names, live or ended; raise PanError NOT_FOUND."""
        world = self._outside.world()
        if prefix in world.runs:
            return prefix
        return resolve(prefix, {*world.runs, *self._outside.store.ids()})

    def say(self, run: Run, text: str, env: dict[str, str]) -> str:
        """Go on with an ended run's conversation as a new run; give its id."""
        from pancode.domains.dispatch.requests import RunRequest

        spec = self.folders.spec(run.id) or {}
        if run.agent_session is None:
            raise PanError(
                f'run {run.id} has no conversation to go on with: agent "{run.agent}" reported none',
                remedy="start a new run and say what it needs to know",
                code=ExitCode.REFUSED,
            )
        request = RunRequest.model_validate({**spec["request"], "task": text, "env": env})
        return self.run(request, continued=run)

    def open_pane(self, effect: OpenPane) -> None:
        """Perform OpenPane."""
        self._outside.spawn(f"open {effect.run}", self._open(effect.run))

    async def _open(self, run_id: str) -> None:
        outside, run = self._outside, self._outside.world().runs[run_id]
        argv = [sys.executable, "-I", "-S", boot_file(), self.folders.path(run_id)]
        spec = self.folders.spec(run_id) or {}
        try:
            pane = await outside.panes.open(run_id, run.agent, argv, str(spec.get("cwd") or "/"))
        except PanError as error:
            outside.post(ev.WorkerVanished(run=run_id, at=clock.now(), why=str(error)))
            return
        self.watch(pane)

    def watch(self, pane: WorkerPane) -> None:
        """Know a worker's pane, and notice the end of its shim."""
        self._outside.post(
            ev.PaneOpened(
                run=pane.run_id, at=clock.now(), pane=pane.pane, window=pane.window, shim_pid=pane.shim_pid
            )
        )
        self._outside.panes.on_death(pane.shim_pid, lambda: self.shim_ended(pane.run_id))

    def shim_ended(self, run_id: str) -> None:
        """Read what the shim wrote last; a run without an end record is lost."""
        outside = self._outside
        run = outside.world().runs.get(run_id)
        if run is None or not run.is_live:
            return
        for record in files.read_journal(self.folders.journal(run_id), run.seq):
            at = float(record.get("t") or 0.0)
            outside.post(ev.WorkerSaid(run=run_id, at=at, seq=record["seq"], record=record))
        outside.post(
            ev.WorkerVanished(run=run_id, at=clock.now(), why="the shim ended without an end record")
        )

    def order_stop(self, effect: OrderStop) -> None:
        """Perform OrderStop."""
        order = {"do": "stop", "by": effect.by, "why": effect.why, "force": effect.force}
        self.links.order(effect.run, order)

    def close_books(self, effect: CloseBooks) -> None:
        """Perform CloseBooks, and let go of what is no longer needed."""
        outside = self._outside
        self.books.close(outside.world().runs[effect.run], shim_vanished=effect.shim_vanished)
        self.links.forget(effect.run)
        ended = [run for run in outside.world().runs.values() if not run.is_live]
        ended.sort(key=lambda run: run.state.since)
        for run in ended[:-KEPT_WINDOWS]:
            if run.pane is not None:
                outside.spawn(f"close {run.id}", outside.panes.close(run.pane))
        for run in ended[:-KEPT_RUNS]:
            outside.forget(run.id)

    def try_again(self, effect: TryAgain) -> None:
        """Perform TryAgain: the same request once more; the new run doesn't try again in turn."""
        from pancode.domains.dispatch.requests import RunRequest

        spec = self.folders.spec(effect.run) or {}
        try:
            self.run(RunRequest.model_validate(spec["request"]), is_retry=True)
        except PanError as error:
            self._outside.note(f"run {effect.run} is not tried again: {error.problem}")


def queued_from(spec: Mapping[str, Any]) -> ev.RunQueued:
    """Give the fact that a spec stands for."""
    return ev.RunQueued(
        run=spec["run"],
        at=float(spec["created"]),
        agent=spec["agent"],
        runtime=spec["runtime"],
        task=spec["task"],
        model=spec.get("model"),
        grant=grant_of(spec),
        continues=spec.get("continues"),
        retry=bool(spec.get("retry")),
        heartbeat_s=float(spec.get("heartbeat_s") or 10.0),
    )
