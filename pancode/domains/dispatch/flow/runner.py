"""The thin part of the engine: performs the steps of each flow, and hears how its runs end."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.ids import new_id
from pancode.core.patience import NotYetError, patiently
from pancode.domains.agents.api import Agents
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.flow import strangers
from pancode.domains.dispatch.flow.definition import Flow
from pancode.domains.dispatch.flow.ends import Ends
from pancode.domains.dispatch.flow.grounding import Grounding, about_of
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.merging import Merging
from pancode.domains.dispatch.flow.past import Past
from pancode.domains.dispatch.flow.posting import Posting, Terms
from pancode.domains.dispatch.flow.reuse import Earlier, Ground, Reuse, earlier_of, ground_from
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
    winner_of,
)
from pancode.domains.dispatch.flow.steps import Close, Halt, Post, ReadItems, Step, next_steps
from pancode.domains.dispatch.flow.trees import Trees
from pancode.domains.dispatch.flow.view import brief, view
from pancode.domains.dispatch.outside import Outside
from pancode.engine import clock

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.requests import FlowStart

REMEMBERED = 100
"""Flows, the newest, that a repeated request is recognised by after a restart; it comes within seconds."""
AGAIN = 2.0
"""Seconds until a step is tried again that the disk has refused."""


@dataclass(slots=True)
class Live:
    """A flow that is under way."""

    id: str
    state: State
    terms: Terms
    seq: int = 0
    ground: Ground | None = None
    earlier: Earlier | None = None
    collecting: set[str] = field(default_factory=set)
    collected: set[str] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: set[asyncio.Event] = field(default_factory=set)


class Flows:
    """All flows of the session."""

    def __init__(self, dispatcher: Dispatcher, agents: Agents, outside: Outside) -> None:
        """Nothing is read until `recover`."""
        self.folders = FlowFolders.of(outside.places.state)
        self._agents = agents
        self.posting = Posting(self.folders, agents, dispatcher)
        self._ends = Ends(dispatcher, self.folders, outside.world)
        self._reuse = Reuse(self.folders, agents, self._ends)
        self._past = Past(self.folders, self.posting, self._reuse)
        self._merging = Merging(dispatcher)
        self._grounding = Grounding(self.folders, self._reuse, Trees(dispatcher.isolation))
        self.live: dict[str, Live] = {}
        self._outside = outside
        self._of_run: dict[str, Live] = {}
        self._keys: dict[str, str] | None = None

    async def start(self, flow: Flow, request: FlowStart) -> str:
        """Begin a flow; give its id. A request that is repeated with its key gives the same one."""
        if request.key is not None and request.key in self._known_keys():
            return self._known_keys()[request.key]
        strangers.check(flow, self._agents, request.source)
        flow = self.posting.as_agents_wish(flow)
        options = request.options.model_dump(mode="json", exclude_defaults=True)
        about = {**about_of(flow, request), "created": clock.now(), "options": options, "key": request.key}
        ground = await self._grounding.begin(flow, request, about)
        flow_id = "f" + new_id({name[1:] for name in self.folders.names()}, secrets.choice)
        self.folders.make(flow_id, flow, {**about, "ground": asdict(ground) if ground else None})
        if request.key is not None:
            self._known_keys()[request.key] = flow_id
        live = Live(flow_id, State(flow=flow), Terms(about["cwd"], options, request.env), ground=ground)
        self._begin(live, None if request.fresh else request.resumes)
        return flow_id

    def _known_keys(self) -> dict[str, str]:
        """Give the flows by the keys of the requests for them, those of an earlier controller among them."""
        if self._keys is None:
            abouts = ((name, self.folders.about(name) or {}) for name in self.folders.newest(REMEMBERED))
            self._keys = {str(about["key"]): name for name, about in abouts if about.get("key")}
        return self._keys

    async def recover(self) -> None:
        """Go on with the flows that an earlier controller has begun."""
        for flow_id in self.folders.names():
            if flow_id in self.live or self.folders.has_ended(flow_id):
                continue
            about, loaded = self.folders.about(flow_id), self.folders.load(flow_id)
            if about is None or loaded is None or loaded[0].closed is not None:
                continue
            terms = Terms(str(about.get("cwd") or "/"), about.get("options") or {})
            ground = ground_from(about.get("ground"))
            self._begin(Live(flow_id, loaded[0], terms, loaded[1], ground=ground), about.get("resumes"))

    def _begin(self, live: Live, resumes: str | None) -> None:
        self.live[live.id] = live
        live.earlier = earlier_of(self.folders, resumes)
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
        """Perform step after step until the flow is closed; what went wrong is tried again."""
        while live.state.closed is None:
            live.wake.clear()
            try:
                self._collect(live)
                steps, over = next_steps(live.state), _over(live.state)
                for step in steps:
                    await self._perform(live, step)
                    if _over(live.state) != over:
                        break  # What was to come next is not wanted any more.
            except Exception as error:  # noqa: BLE001 -- a flow that nobody drives would wait for good
                self._outside.note(f"flow {live.id} tries again: {type(error).__name__}: {error}")
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
                self._apply(live, self._past.items(live, step))
            case Halt():
                self._stop_run(step)
                self._apply(live, Halting(step.unit))
            case Close():
                if live.ground is not None:
                    await self._grounding.note(live.id, live.terms.cwd, live.terms.env)
                self._apply(live, Closed(step.status, clock.now()))
                about = self.folders.about(live.id) or {}
                self.folders.end(live.id, brief(view(live.id, about, live.state, lambda _: None)))
            case Post():
                await self._merge_or_post(live, step)
                await clock.pause(0)  # What else waits for the loop gets its turn between two runs.

    def _stop_run(self, step: Halt) -> None:
        run = self._outside.world().runs.get(step.run)
        if run is not None and run.is_live:
            self._outside.post(ev.StopAsked(run=step.run, at=clock.now(), by="flow", why=step.why))

    async def _merge_or_post(self, live: Live, step: Post) -> None:
        node = live.state.flow.node(live.state.unit(step.unit).node)
        if not node.merge or step.role == "check":
            await patiently(lambda: self._post(live, step), self._outside.note)
            return
        yes = bool(live.terms.options.get("yes"))
        outcome = await self._merging.merge(live.state, node, live.terms.env, yes=yes)
        self._apply(live, Ended(step.unit, "work", outcome))

    def _post(self, live: Live, step: Post) -> None:
        try:
            if (found := self._past.reused(live, step)) is not None:
                self._apply(live, Ended(step.unit, "work", found))
                return
            run = self.posting.post(live.id, step, live.state, live.terms)
        except NotYetError:
            raise
        except PanError as error:
            status = "refused" if error.code is ExitCode.REFUSED else "failed"
            outcome = Outcome(status=status, reason="not-started", said=str(error))
            self._apply(live, Ended(step.unit, step.role, outcome))
            return
        self._of_run[run] = live
        self._apply(live, Posted(step.unit, step.role, step.attempt, run))

    def _collect(self, live: Live) -> None:
        """Take in the ends of the flow's runs; one in a clone has ended once its changes are collected."""
        for unit in live.state.all_units():
            run = unit.active
            if run is None or not self._ends.has_ended(run):
                continue
            if run not in live.collected and self._ends.waits_for_changes(run):
                if run not in live.collecting:
                    live.collecting.add(run)
                    self._outside.spawn(f"flow {live.id} waits for {run}", self._await_changes(live, run))
                continue
            self._take_in(live, unit, run)

    async def _await_changes(self, live: Live, run: str) -> None:
        try:
            await self._ends.collected(run)
        finally:
            live.collected.add(run)
            live.wake.set()

    def _take_in(self, live: Live, unit: Unit, run: str) -> None:
        role: Role = "work" if unit.phase == "working" else "check"
        outcome = self._ends.outcome(live.id, unit, run)
        if live.ground is not None and role == "work" and outcome.is_done:
            with contextlib.suppress(PanError):  # Its agent is not there any more: it is not kept for later.
                outcome = replace(outcome, key=self._past.key(live, unit))
        self._apply(live, Ended(unit.name, role, outcome))
        end = live.state.unit(unit.name)
        if end.phase == "ended" and end.outcome is not None:
            self._reuse.keep(live.id, unit.name, end.outcome)


def _over(state: State) -> bool:
    """Whether nothing more is to be started: somebody has stopped the flow, or won the race."""
    return state.stop is not None or winner_of(state) is not None
