"""The thin part of the engine: performs the steps of each flow, and hears how its runs end."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.ids import new_id
from pancode.domains.agents.api import Agents
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.flow import outputs
from pancode.domains.dispatch.flow.asks import Asks, Terms
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.state import (
    Closed,
    Ended,
    Event,
    Halting,
    Opened,
    Outcome,
    Passed,
    Posted,
    Role,
    State,
    StopAsked,
    Unit,
    reduce,
)
from pancode.domains.dispatch.flow.steps import Close, Halt, Post, ReadItems, Step, next_steps
from pancode.domains.dispatch.flow.template import Output
from pancode.domains.dispatch.outside import Outside
from pancode.engine import clock

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.requests import FlowStart

AGAIN = 2.0
"""Seconds until a step is tried again that the disk has refused."""


@dataclass(slots=True)
class Live:
    """A flow that is under way."""

    id: str
    state: State
    terms: Terms
    seq: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: set[asyncio.Event] = field(default_factory=set)


class Flows:
    """All flows of the session."""

    def __init__(self, dispatcher: Dispatcher, agents: Agents, outside: Outside) -> None:
        """Nothing is read until `recover`."""
        self.folders = FlowFolders(os.path.join(outside.places.state, "flows"))
        self.asks = Asks(self.folders, agents)
        self.live: dict[str, Live] = {}
        self._dispatcher = dispatcher
        self._outside = outside
        self._of_run: dict[str, Live] = {}
        self._keys: dict[str, str] = {}

    def start(self, flow: Flow, request: FlowStart) -> str:
        """Begin a flow; give its id. A request that is repeated with its key gives the same one."""
        if request.key is not None and request.key in self._keys:
            return self._keys[request.key]
        flow_id = "f" + new_id({name[1:] for name in self.folders.names()}, secrets.choice)
        options = request.options.model_dump(mode="json", exclude_defaults=True)
        cwd = os.path.realpath(request.cwd)
        about = {
            "created": clock.now(),
            "cwd": cwd,
            "source": request.source,
            "options": options,
        }
        self.folders.make(flow_id, flow, about)
        live = Live(flow_id, State(flow=flow), Terms(cwd, options, request.env))
        if request.key is not None:
            self._keys[request.key] = flow_id
        self._begin(live)
        return flow_id

    async def recover(self) -> None:
        """Go on with the flows that an earlier controller has begun."""
        for flow_id in self.folders.names():
            about, loaded = self.folders.about(flow_id), self.folders.load(flow_id)
            if about is None or loaded is None or loaded[0].closed is not None or flow_id in self.live:
                continue
            terms = Terms(str(about.get("cwd") or "/"), about.get("options") or {})
            self._begin(Live(flow_id, loaded[0], terms, loaded[1]))

    def _begin(self, live: Live) -> None:
        self.live[live.id] = live
        for unit in live.state.all_units():
            for run in (unit.run, unit.check):
                if run is not None:
                    self._of_run[run] = live
        self._outside.spawn(f"flow {live.id}", self._drive(live))

    def stop(self, flow_id: str, by: str, why: str) -> bool:
        """Ask a flow to end; give whether it was under way."""
        live = self.live.get(flow_id)
        if live is None:
            return False
        self._apply(live, StopAsked(by, why))
        live.wake.set()
        return True

    def on_change(self, event: ev.RunChanged) -> None:
        """Wake the flow that a run belongs to."""
        live = self._of_run.get(event.run_id)
        if live is not None:
            if event.ended:
                live.wake.set()
            self._tell(live)

    @staticmethod
    def _tell(live: Live) -> None:
        for watcher in live.watchers:
            watcher.set()

    async def _drive(self, live: Live) -> None:
        """Perform step after step until the flow is closed; one that the disk refuses is tried again."""
        while live.state.closed is None:
            live.wake.clear()
            try:
                self._collect(live)
                steps = next_steps(live.state)
                for step in steps:
                    await self._perform(live, step)
            except PanError as error:
                self._outside.note(f"flow {live.id} waits: {error.problem}")
                await clock.pause(AGAIN)
                continue
            if not steps:
                await live.wake.wait()
        del self.live[live.id]
        self._of_run = {run: flow for run, flow in self._of_run.items() if flow is not live}
        self._tell(live)

    def _apply(self, live: Live, event: Event) -> None:
        """Write an event down, then let it count."""
        self.folders.append(live.id, live.seq + 1, clock.now(), event)
        live.seq += 1
        live.state = reduce(live.state, event)
        self._tell(live)

    async def _perform(self, live: Live, step: Step) -> None:
        match step:
            case Opened() | Passed():
                self._apply(live, step)
            case ReadItems():
                self._apply(live, self._read_items(live, step))
            case Halt():
                self._stop_run(step)
                self._apply(live, Halting(step.unit))
            case Close():
                self._apply(live, Closed(step.status, clock.now()))
            case Post():
                self._post(live, step)
                await clock.pause(0)  # What else waits for the loop gets its turn between two runs.

    def _stop_run(self, step: Halt) -> None:
        run = self._outside.world().runs.get(step.run)
        if run is not None and run.is_live:
            self._outside.post(ev.StopAsked(run=step.run, at=clock.now(), by="flow", why=step.why))

    def _read_items(self, live: Live, step: ReadItems) -> Opened | Passed:
        foreach = live.state.flow.node(step.node).foreach
        text = "\n".join(
            self.folders.kept(live.id, unit.name) for unit in live.state.units.get(step.source, ())
        )
        try:
            return Opened(step.node, outputs.items_of(text, foreach.reading if foreach else "lines"))
        except PanError as error:
            return Passed(step.node, "failed", f'foreach of "{step.source}": {error.problem}')

    def _post(self, live: Live, step: Post) -> None:
        unit = live.state.unit(step.unit)
        node = live.state.flow.node(unit.node)
        try:
            run = self._run(live, step, node, unit)
        except PanError as error:
            status = "refused" if error.code is ExitCode.REFUSED else "failed"
            outcome = Outcome(status=status, reason="not-started", said=str(error))
            self._apply(live, Ended(step.unit, step.role, outcome))
            return
        self._of_run[run] = live
        self._apply(live, Posted(step.unit, step.role, step.attempt, run))

    def _run(self, live: Live, step: Post, node: Node, unit: Unit) -> str:
        from pancode.domains.dispatch.flow.template import for_shell
        from pancode.domains.dispatch.requests import RunRequest, parse

        values = self.asks.values(live.id, live.state, node, unit)
        if step.role == "check":
            text = for_shell(node.verify or "", values)
            own: dict[str, Any] = {"agent": "shell", "cwd": self._tree(live, unit), "model": None}
        else:
            text = self.asks.work(unit, node, values)
            own = {"agent": node.agent, "model": node.model, "timeout": node.timeout}
        asked = self.asks.request(live.id, step, node, text, live.terms)
        return self._dispatcher.run(parse(RunRequest, {**asked, **own}), is_retry=True)

    def _tree(self, live: Live, unit: Unit) -> str:
        """Give the directory that a unit's work was done in."""
        spec = self._dispatcher.folders.spec(unit.run or "") or {}
        return str(spec.get("cwd") or live.terms.cwd)

    def _collect(self, live: Live) -> None:
        """Take in the ends of the flow's runs."""
        for unit in live.state.all_units():
            run_id = unit.active
            if run_id is None:
                continue
            run = self._outside.world().runs.get(run_id)
            if run is None or not run.is_live:
                role: Role = "work" if unit.phase == "working" else "check"
                outcome = self._outcome(live, unit, run_id, self._dispatcher.result(run_id))
                self._apply(live, Ended(unit.name, role, outcome))

    def _outcome(self, live: Live, unit: Unit, run_id: str, result: Mapping[str, Any] | None) -> Outcome:
        if result is None:
            return Outcome(status="lost", reason="lost", run=run_id)
        text = str(result.get("result") or "")
        spec = self._dispatcher.folders.spec(run_id) or {}
        if spec.get("adapter") is None:
            text = outputs.tail(self._dispatcher.folders.path(run_id, "stream.raw")) or text
        name = unit.name if unit.phase == "working" else f"{unit.name}.check"
        cost, started = result.get("cost") or {}, result.get("started")
        outcome = Outcome(
            status=str(result["status"]), reason=str(result["reason"]), run=run_id,
            output=self.folders.keep(live.id, name, text) if text else Output(),
            said=outputs.explained(result),
            seconds=result["ended"] - started if started else None,
            usd=cost.get("usd"),
        )  # fmt: skip
        return replace(outcome, said=outcome.said or outcome.reason)
