"""Starting, stopping and going on: requests become facts, effects become processes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pancode.core import events as ev
from pancode.core.effects import CloseBooks, OpenPane, OrderStop
from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Refusal
from pancode.core.ids import Either, new_id, resolve
from pancode.core.redact import redact_value
from pancode.core.state import Run
from pancode.domains.agents.api import Agents
from pancode.domains.dispatch.admission import Admission
from pancode.domains.dispatch.applying import Applications, Case
from pancode.domains.dispatch.asking import run_of
from pancode.domains.dispatch.books import Books, result_of
from pancode.domains.dispatch.folders import Folders, refused_spec
from pancode.domains.dispatch.forking import Forking
from pancode.domains.dispatch.links import Links
from pancode.domains.dispatch.opening import Opening
from pancode.domains.dispatch.outside import Outside
from pancode.domains.dispatch.preparation import Preparation
from pancode.domains.dispatch.replay import begun, end_record, replayed, said
from pancode.domains.dispatch.said import Said, no_conversation
from pancode.domains.dispatch.shelf import Shelf
from pancode.domains.isolation.api import Isolation
from pancode.domains.isolation.api import read as read_changes
from pancode.domains.safety.api import Enclosures
from pancode.engine import clock, files, processes
from pancode.engine.tmux.failure import TmuxGoneError
from pancode.engine.tmux.workers import WorkerPane

if TYPE_CHECKING:
    from pancode.domains.dispatch.requests import RunRequest

KEPT_KEYS = 1000
"""Requests that are known again when a client repeats one whose answer it didn't get."""


class Dispatcher:
    """Admits runs and performs what the reducer's decisions ask for."""

    def __init__(
        self,
        outside: Outside,
        agents: Agents,
        admission: Admission,
        enclosures: Enclosures,
        isolation: Isolation,
    ) -> None:
        """Nothing happens until a request or an effect comes."""
        self.folders = Folders(outside.places)
        self.links = Links(outside.post)
        self.books = Books(self.folders, outside.store, outside.places.runs)
        self._outside = outside
        self.forking = Forking(outside.places, outside.panes)
        self._opening = Opening(self.folders, outside.panes, self.forking)
        self.isolation = isolation
        self.preparation = Preparation(outside, self.folders, agents, enclosures, isolation)
        self.gatekeeper = self.preparation.gatekeeper
        self.native = self.preparation.native
        self.applications = Applications(
            outside, agents, admission, self.preparation, self._new_id, self.find, self.recall
        )
        self.said = Said(self.folders, outside.world, self._next_turn, outside.note, outside.spawn)
        self.post, self.note = outside.post, outside.note
        self.shelf = Shelf(self._close, outside.forget)
        self._keys: dict[str, str] = {}
        self.operators: dict[str, dict[str, str]] = {}
        """The variables that the operators' terminals had, of live runs."""
        self.remarks: dict[str, list[str]] = {}
        """What the gates have remarked about live runs."""

    def run(self, request: RunRequest, *, continued: Run | None = None, is_retry: bool = False) -> str:
        """Admit or refuse one run and give its id; raise PanError when it can't be planned at all."""
        if request.key is not None and request.key in self._keys:
            return self._keys[request.key]
        case = self.applications.judge(request, continued, is_dry=False)
        if case.fault is not None and case.refusal is not None and case.refusal.gate == "launch":
            raise case.fault
        if case.refusal is None:
            self._admit(case, is_retry=is_retry)
        else:
            self._refuse(case, case.refusal)
        return case.order.run

    def _new_id(self) -> str:
        return new_id(Either(self.folders, self._outside.store), secrets.choice)

    def _refuse(self, case: Case, refusal: Refusal) -> None:
        problem = str(PanError(refusal.problem, remedy=refusal.remedy))
        spec = refused_spec(case.order, case.asked.agent, {"gate": refusal.gate, "problem": problem})
        with self.folders.new(case.order.run):
            self.folders.write_spec(spec)
        self._begin(spec)

    def _admit(self, case: Case, *, is_retry: bool) -> None:
        if case.draft is None:
            raise TypeError(f"run {case.order.run} was admitted without a plan")
        try:
            spec = self.preparation.prepare(case.draft, case.request, is_retry=is_retry, remarks=case.remarks)
        except PanError as error:
            if error.code is not ExitCode.REFUSED:
                raise
            # Whether the sandbox keeps what it promises is only known once it has been made.
            self._refuse(case, Refusal("grade", error.problem, error.remedy))
            return
        self.operators[case.order.run] = case.request.env
        self.remarks[case.order.run] = spec["remarks"]
        self._begin(spec)

    def _begin(self, spec: Mapping[str, Any]) -> None:
        self._outside.store.queued(spec)
        self.remember_key(spec)
        self._outside.post(begun(spec))

    def remember_key(self, spec: Mapping[str, Any]) -> None:
        """Know the request that led to this run, should its client ask again."""
        if spec.get("key"):
            self._keys[spec["key"]] = spec["run"]
            if len(self._keys) > KEPT_KEYS:
                del self._keys[next(iter(self._keys))]

    def find(self, prefix: str) -> str:
        """Give the id of the run that `prefix` names, live or ended; raise PanError NOT_FOUND."""
        world = self._outside.world()
        if prefix in world.runs:
            return prefix
        return resolve(prefix, {*world.runs, *self._outside.store.ids()})

    def asker(self, pid: int | None) -> str | None:
        """Give the live run whose worker a process belongs to; None for an operator's."""
        return run_of(self._outside.world(), pid)

    def recall(self, run_id: str) -> Run:
        """Give a run, from its folder if it has left memory; raise PanError if that can't be read."""
        run = self._outside.world().runs.get(run_id)
        if run is None:
            spec = self.folders.spec(run_id)
            if spec is None:
                raise PanError(f"the folder of run {run_id} can't be read", code=ExitCode.ENVIRONMENT)
            run = replayed(self.folders, spec, has_ended=True)
        return run

    def say(  # noqa: PLR0913 -- each is a field of the request
        self,
        run: Run,
        text: str,
        env: dict[str, str],
        accept: tuple[str, ...] = (),
        parent: str | None = None,
        key: str | None = None,
        *,
        by_operator: bool = False,
        fork: bool = False,
    ) -> str:
        """Go on with an ended run's conversation as a new run; give its id.

        What was accepted for the earlier run holds for that one alone; `accept` is for this one. `parent`
        is who says it, None: whoever asked for the earlier run. `key`, `by_operator`, `fork` as in a request.
        """
        from pancode.domains.dispatch.requests import RunRequest, parse

        request = (self.folders.spec(run.id) or {}).get("request")
        if run.agent_session is None:
            raise no_conversation(run)
        if not isinstance(request, dict):
            raise PanError(f"the folder of run {run.id} can't be read", code=ExitCode.ENVIRONMENT)
        own = {"task": text, "env": env, "key": key, "accept_weaker": accept, "yes": False, "keep": False}
        own |= {"written": None, "after": (), "at_once": None, "parent": parent or request.get("parent")}
        own |= {"by_operator": by_operator, "fork": fork}
        return self.run(parse(RunRequest, {**request, **own}), continued=run)

    def _next_turn(self, run: Run, text: str) -> str:
        return self.say(run, text, self.operators.get(run.id, {}))

    def said_before(self, run_id: str) -> None:
        """Send what was said to a run that had ended before this controller began, unless it was sent."""
        if self.said.waits(run_id) and not self._outside.store.has_next(run_id):
            self.said.send(run_id)

    def open_pane(self, effect: OpenPane) -> None:
        """Perform OpenPane."""
        self._outside.spawn(f"open {effect.run}", self._open(effect.run))

    def begin_again(self, pane: WorkerPane) -> None:
        """See to it that a worker begins in a pane in which none has, as its controller died on the way."""
        self._outside.spawn(f"open {pane.run_id}", self._open(pane.run_id, pane))

    async def _open(self, run_id: str, known: WorkerPane | None = None) -> None:
        outside = self._outside
        try:
            if known is None:
                await self.preparation.ready(run_id)
                pane = await self._opening.open(run_id, outside.world().runs[run_id].agent)
            else:
                pane = await self._opening.again(run_id, known)
        except TmuxGoneError:
            return  # So is this controller, in a moment; the next one goes on with the run.
        except Exception as error:  # noqa: BLE001 -- a run that was let start and never does would wait for good
            why = str(error) if isinstance(error, PanError) else f"{type(error).__name__}: {error}"
            outside.post(ev.WorkerVanished(run=run_id, at=clock.now(), why=why))
            return
        if pane is None:
            self.shim_ended(run_id)
        else:
            self.watch(pane)

    def _close(self, pane: str) -> None:
        self._outside.spawn(f"close {pane}", self._outside.panes.close(pane))

    def survived(self, run_id: str) -> bool:
        """Whether the run's worker can live: it was not started before the machine was."""
        return not self._opening.leases.is_of_an_earlier_boot(run_id)

    def watch(self, pane: WorkerPane) -> None:
        """Know a worker's pane, and notice the end of its shim."""
        self._outside.post(
            ev.PaneOpened(
                run=pane.run_id, at=clock.now(), pane=pane.pane, window=pane.window, shim_pid=pane.shim_pid
            )
        )
        self._outside.panes.on_death(pane.shim_pid, lambda: self.shim_ended(pane.run_id))

    def shim_ended(self, run_id: str, why: str = "the shim ended without an end record") -> None:
        """Read what the shim wrote last; a run without an end record is lost."""
        outside = self._outside
        run = outside.world().runs.get(run_id)
        if run is None or not run.is_live:
            return
        for record in files.read_journal(self.folders.journal(run_id), run.seq):
            outside.post(said(run_id, record))
        run = outside.world().runs.get(run_id)
        if run is None or not run.is_live:
            return
        if result := self.folders.result(run_id):
            # The agent has cut its journal, or the disk has: the result is the word that counts.
            outside.post(said(run_id, end_record(result, run.seq + 1)))
        elif self.survived(run_id) and processes.is_shim_of(run.shim_pid, self.folders.path(run_id)):
            # What ended was a second one, that gave way to the shim which had begun already.
            self.watch(WorkerPane(run_id, run.pane or "", run.window or "", run.shim_pid or 0))
            return
        outside.post(ev.WorkerVanished(run=run_id, at=clock.now(), why=why))

    def order_stop(self, effect: OrderStop) -> None:
        """Perform OrderStop."""
        order = {"do": "stop", "by": effect.by, "why": effect.why, "force": effect.force}
        self.links.order(effect.run, order)
        # For the next controller, should this one be killed before the shim knows.
        files.write_json(self.folders.path(effect.run, "stop.json"), redact_value(order))

    def close_books(self, effect: CloseBooks) -> None:
        """Perform CloseBooks, and let go of what is no longer needed."""
        outside = self._outside
        self.finish_books(outside.world().runs[effect.run], shim_vanished=effect.shim_vanished)
        for path in self.preparation.clear_up(effect.run):
            self.note(f"run {effect.run} has refreshed the login in {path}")
        self.links.forget(effect.run)
        self.forking.let_go(effect.run)
        self.remarks.pop(effect.run, None)
        self.shelf.keep(outside.world().runs[effect.run])
        # A second try and a next turn, which follow at once, get what the operator's terminal had.
        asyncio.get_running_loop().call_soon(self.operators.pop, effect.run, None)

    def finish_books(self, run: Run, *, shim_vanished: bool = False) -> None:
        """Close the books of an ended run; a disk that refuses them changes nothing about its end."""
        try:
            self.books.close(run, shim_vanished=shim_vanished)
        except (PanError, OSError) as error:
            self._outside.note(f"run {run.id} has ended, but that can't be written down: {error}")

    def result(self, run: str) -> dict[str, Any] | None:
        """Give how a run ended, from memory if its folder can't be written; None while it is live."""
        known = self._outside.world().runs.get(run)
        found = self.folders.result(run)
        if found is None and known is not None and not known.is_live:
            found = result_of(known)
        left = None if found is None else read_changes(self.folders.path(run))
        return found if found is None or left is None else {**found, "changes": left.told}
