"""The one inbox: judges each held action at once, and keeps the ones that a person is asked about.

A shim holds an action until it is answered. What the policy allows or blocks is answered in the same
turn of the loop; the rest becomes a question. Nothing here outlives the controller but what the journals
have, so a new controller judges what is still held anew, and asks again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pancode.core import events as ev
from pancode.core.actions import ActionClass, Decision
from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.core.questions import question_of
from pancode.core.redact import redact
from pancode.core.state import Ask, Question, Run, Stopping, World
from pancode.domains.safety.audit import Word
from pancode.domains.safety.commands.judgement import Part, Place, judgement
from pancode.domains.safety.decide import Whereabouts, action_of, grant_now, whereabouts, words_of
from pancode.domains.safety.evaluate import Verdict, decide, evaluate
from pancode.domains.safety.inbox_breaker import Breakers
from pancode.domains.safety.inbox_ledger import Held, Ledger
from pancode.domains.safety.inbox_recovery import recoverable
from pancode.domains.safety.push import is_push
from pancode.domains.safety.rescue import Rescue
from pancode.domains.safety.rules import Rules

UNWRITTEN = "the decision can't be written to the audit log, so nothing is done"
UNKEPT = "what it may destroy could not be kept, as had been promised; ask once more"
CUT = Part("…", ActionClass.NOT_UNDERSTOOD, "too-long", "it is too long: a part of it is not known")
WARM = Grant(Mode.PLAN, Level.SUGGEST)
KEPT_ANSWERS = 500
"""Answered questions that are remembered, so that a second answer is told what the first one was."""


_YES = frozenset({Word.ALLOWED, Word.APPROVED})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the inbox works with: `spec` reads a run's spec.json, `ledger` writes a decision down.

    `instead` does in the worker's stead what it can't do itself, and gives what the agent is told then.
    """

    world: Callable[[], World]
    post: Callable[[ev.Event], None]
    now: Callable[[], float]
    spec: Callable[[str], Mapping[str, Any]]
    rules: Callable[[], Rules]
    ledger: Ledger
    note: Callable[[str], None]
    instead: Callable[[str, Verdict], Awaitable[str | None]]
    rescue: Rescue = field(default_factory=Rescue)


class Inbox:
    """Judges, asks, and takes answers; all in the controller's one thread."""

    def __init__(self, around: Surroundings, breakers: Breakers) -> None:
        """Begin with an empty inbox; `begin` takes up what is held already."""
        self._around = around
        self._breakers = breakers
        self._places: dict[str, Whereabouts] = {}
        self._open: dict[tuple[str, str], Held] = {}
        self._answered: OrderedDict[str, str] = OrderedDict()
        self._pushing: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Judge what was held when this controller began, and have the parser ready for what comes."""
        for run in list(self._around.world().runs.values()):
            for ask in list(run.asks.values()):
                self.consider(run.id, ask.id)
        # The first command that is parsed imports the parser: while nobody waits for it.
        await asyncio.to_thread(evaluate, {"tool": "shell", "command": "true"}, WARM, Place(), Rules())

    def on_said(self, event: ev.WorkerSaid) -> None:
        """Take in a journal record: an action that is held, or the shim's word that it isn't any more."""
        kind = event.record.get("kind")
        if kind == "asked":
            self.consider(event.run, str(event.record.get("id")))
        elif kind == "answered":
            self._settled(event.run, event.record)
        elif kind in ("tool_started", "tool_finished"):
            run = self._around.world().runs.get(event.run)
            if run is not None and run.is_live:
                self._breakers.on_tool(run, event.record)

    def on_run(self, event: ev.RunChanged) -> None:
        """Forget what concerns a run that has ended."""
        if event.ended:
            self._breakers.on_end(self._around.world().runs[event.run_id])
            self._places.pop(event.run_id, None)
            for key in [key for key in self._open if key[0] == event.run_id]:
                self._end(key, "the run has ended")

    def on_session(self, _: ev.SessionChanged) -> None:
        """Take back questions that the mode or the level of this moment doesn't leave to anybody."""
        for (run_id, id_), held in list(self._open.items()):
            run = self._around.world().runs[run_id]
            verdict = self._judge(run, held.ask)
            if verdict.decision is Decision.BLOCK and question_of(run, id_) is not None:
                self._answer(run, id_, verdict, Word.BLOCKED, by="policy", why=verdict.why)

    def consider(self, run_id: str, id_: str) -> None:
        """Judge one held action, unless it is judged already: answer it, or ask."""
        run = self._around.world().runs.get(run_id)
        ask = run.asks.get(id_) if run is not None else None
        if run is None or ask is None or ask.is_answered or question_of(run, id_) is not None:
            return
        if ask.deadline is not None and ask.deadline <= self._around.now():
            return  # The shim has denied it by itself; its record of that is on the way.
        verdict = self._judge(run, ask)
        if isinstance(run.state, Stopping):
            self._answer(run, id_, verdict, Word.DENIED, by="stopped", why="the run is being stopped")
        elif verdict.decision is Decision.ALLOW:
            self._answer(run, id_, verdict, Word.ALLOWED, by="policy", why=verdict.why)
        elif verdict.decision is Decision.BLOCK:
            self._answer(run, id_, verdict, Word.BLOCKED, by="policy", why=verdict.why)
        elif self._is_approved_for_good(run, ask, verdict):
            why = "approved for the rest of this run"
            self._answer(run, id_, verdict, Word.APPROVED, by="operator", why=why)
        else:
            self._ask(run, ask, verdict)

    def answer(self, run: Run, id_: str, *, allow: bool, why: str, always: bool = False) -> None:
        """Take a person's answer to an open question; raise PanError CONFLICT if it isn't the first one."""
        known, full_id = self._open.get((run.id, id_)), f"{run.id}.{id_}"
        if known is None:
            raise PanError(
                f'"{full_id}" has its answer already: {self._answered.get(full_id)}',
                remedy="pancode approvals",
                code=ExitCode.CONFLICT,
            )
        decision = Word.APPROVED if allow else Word.DENIED
        self._answer(run, id_, known.verdict, decision, by="operator", why=why, always=always)

    def verdict(self, run: str, id_: str) -> Verdict:
        """Give how an open question was judged; KeyError for one that isn't open."""
        return self._open[run, id_].verdict

    def earlier_answer(self, full_id: str) -> str | None:
        """Give what became of a question that is not open any more, as far as it is remembered."""
        return self._answered.get(full_id)

    def _judge(self, run: Run, ask: Ask) -> Verdict:
        place, grant = self._where(run.id).place, grant_now(run, self._around.world().session)
        verdict = evaluate(action_of(ask), grant, place, self._around.rules())
        if not ask.is_cut:
            return verdict
        # What is cut off may be anything: at most what is not understood is let through.
        cut = replace(decide(judgement((CUT,)), grant, Rules()), digest=verdict.digest)
        return max(verdict, cut, key=lambda one: one.decision.rank)

    def _where(self, run_id: str) -> Whereabouts:
        if run_id not in self._places:
            self._places[run_id] = whereabouts(self._around.spec(run_id))
        return self._places[run_id]

    @staticmethod
    def _is_approved_for_good(run: Run, ask: Ask, verdict: Verdict) -> bool:
        return any(
            one.kind == verdict.kind.value and one.rule == verdict.rule and one.action == ask.action
            for one in run.always
        )

    def _ask(self, run: Run, ask: Ask, verdict: Verdict) -> None:
        where = self._where(run.id)
        # What is deleted is told too where it alone would have been allowed.
        telling = [
            one.part
            for one in verdict.parts
            if one.decision is not Decision.ALLOW or one.kind is ActionClass.FILE_DELETE
        ]
        grade = run.grade or {}
        question = Question(
            id=ask.id,
            tool=redact(str(ask.action.get("tool") or "?")),
            what=words_of(ask.action),
            kind=verdict.kind.value,
            why=_reason(verdict),
            rule=verdict.rule,
            source=verdict.source,
            recoverable=redact(
                recoverable(
                    telling,
                    where.place,
                    sandbox=str(grade.get("sandbox", "none")),
                    kept=f"pancode restore {run.id} --before {ask.id}"
                    if self._around.rescue.promise(run.id, ask.id)
                    else None,
                )
            ),
            cwd=redact(str(ask.action.get("cwd") or where.cwd)),
            since=ask.since,
            deadline=ask.deadline,
        )
        if not self._around.ledger.write(run, Held(ask, verdict), Word.ASKED, "policy", verdict.why):
            self._answer(run, ask.id, verdict, Word.DENIED, by="policy", why=UNWRITTEN)
            return
        self._open[run.id, ask.id] = Held(ask, verdict)
        self._around.post(ev.QuestionRaised(run=run.id, at=self._around.now(), question=question))

    def _answer(
        self, run: Run, id_: str, verdict: Verdict, decision: Word, *, by: str, why: str, always: bool = False
    ) -> None:
        ask = run.asks[id_]
        # First on disk, then in the world: nothing is done without its record.
        if not self._around.ledger.write(run, Held(ask, verdict), decision, by, why) and decision in _YES:
            decision, by, why, always = Word.DENIED, "policy", UNWRITTEN, False
        allow = decision in _YES
        if not allow:
            why = self._breakers.refused(run, verdict.digest, why)
        self._close((run.id, id_), f"{decision.value} by {by}")
        answer = ev.ActionAnswered(
            run=run.id,
            at=self._around.now(),
            id=id_,
            allow=allow,
            why=why,
            by=by,
            kind=verdict.kind.value,
            rule=verdict.rule,
            decision=decision.value,
            always=always,
        )
        if allow and is_push(verdict):
            self._later(self._push(answer, verdict))
            return
        if decision is Word.APPROVED and self._around.rescue.owes(run.id, id_):
            self._later(self._keep(answer))
            return
        self._around.post(answer)
        self._breakers.act(run)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._pushing.add(task)
        task.add_done_callback(self._pushing.discard)

    async def _keep(self, answer: ev.ActionAnswered) -> None:
        """Keep what the approved action may destroy, as its question has promised; then let it go on."""
        try:
            await self._around.rescue.keep(answer.run, answer.id)
        except Exception as error:  # noqa: BLE001 -- an agent must not wait for what has gone wrong
            self._around.note(f"what {answer.run}.{answer.id} may destroy can't be kept: {error}")
            answer = replace(answer, allow=False, why=f"approved, but not done: {UNKEPT}")
        self._around.post(answer)

    async def _push(self, answer: ev.ActionAnswered, verdict: Verdict) -> None:
        """Push in the worker's stead; whatever comes of it, the agent gets its answer."""
        try:
            told = await self._around.instead(answer.run, verdict)
        except Exception as error:  # noqa: BLE001 -- an agent must not wait for what has gone wrong
            self._around.note(f"the push of {answer.run} went wrong: {error!r}")
            told = "approved, but PanCode could not push for you"
        self._around.post(answer if told is None else replace(answer, allow=False, why=told))

    def _settled(self, run_id: str, record: Mapping[str, Any]) -> None:
        """Note what the shim has decided by itself: nobody answered in time, or nobody waits any more."""
        by = record.get("by")
        if by == "deadline":
            self._end((run_id, str(record.get("id"))), "nobody answered in time", Word.EXPIRED, "deadline")
        elif by in ("gone", "stopped", "shim"):
            self._end((run_id, str(record.get("id"))), str(record.get("why")), by=str(by))

    def _end(self, key: tuple[str, str], why: str, decision: Word = Word.DENIED, by: str = "stopped") -> None:
        run, known = self._around.world().runs.get(key[0]), self._open.get(key)
        if run is not None and known is not None:
            self._around.ledger.write(run, known, decision, by, why)
            if decision is Word.EXPIRED:
                self._breakers.refused(run, known.verdict.digest, why)
                self._breakers.act(run)
        self._close(key, f"{decision.value}: {why}")

    def _close(self, key: tuple[str, str], words: str) -> None:
        if self._open.pop(key, None) is not None:
            self._answered[".".join(key)] = words
            if len(self._answered) > KEPT_ANSWERS:
                self._answered.popitem(last=False)


def _reason(verdict: Verdict) -> str:
    """Give why a person is asked, without the rule and the level, which the question names beside it."""
    deciding = (one for one in verdict.parts if one.decision is verdict.decision and one.rule == verdict.rule)
    first = next(deciding, None)
    return redact(first.why if first is not None else verdict.why)
