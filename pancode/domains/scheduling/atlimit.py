"""What happens at a limit: the run stands still, or its request is held, until a person speaks, or ends."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from pancode.core import events as ev
from pancode.core.errors import PanError
from pancode.core.state import Paused, Question, Run
from pancode.domains.safety.api import OtherQuestions
from pancode.domains.scheduling.accounts import Shortfall
from pancode.domains.scheduling.amounts import Amount, Limit, figure_words, to_json
from pancode.domains.scheduling.budgetfile import Budgets
from pancode.domains.scheduling.calls import Wanted
from pancode.domains.scheduling.purse import Purse, whose, words
from pancode.engine import files

BY = "budget"
"""Who stops and pauses runs at a limit; the shim's verdict on a stop is then `budget`."""
WATCH_S = 1.0
"""How soon a limit that another session has set is noticed by those that are asked about it."""
SHARE = 4
"""A yes raises a limit, for one run, by what is missing and by this part of it: a quarter."""


@dataclass(slots=True)
class Open:
    """A question that waits: about which limit, by how much a yes raises it, and who waits for the answer."""

    question: Question
    short: Shortfall
    by: Amount
    answer: asyncio.Future[bool]
    paused: bool = False


class AtLimit:
    """One open question a run; all in the controller's one thread."""

    def __init__(self, purse: Purse, questions: OtherQuestions, folder: Callable[[str], str]) -> None:
        """`folder` gives a run's folder, where a raised limit is kept."""
        self._purse = purse
        self._questions = questions
        self._folder = folder
        self._open: dict[str, Open] = {}
        self._watches = False
        self._seen: Budgets | None = None

    def reached(self, run: Run, short: Shortfall) -> None:
        """Let a run stand still, or end, of whose limit nothing is left."""
        known = self._open.get(run.id)
        if known is None:
            known = self._begin(run, short)
        if known is None or known.paused:
            return
        known.paused = not isinstance(run.state, Paused) or run.state.by == BY
        if not isinstance(run.state, Paused):
            pause = ev.PauseAsked(run=run.id, at=self._now(), by=BY, why=words(short))
            self._purse.around.post(pause)

    async def ask(self, wanted: Wanted, short: Shortfall) -> bool:
        """Ask for a request that doesn't fit, while it is held; whether the limit was raised."""
        run = self._purse.around.world().runs.get(wanted.run)
        if run is None or not run.is_live:
            return False
        known = self._open.get(run.id) or self._begin(run, short)
        if known is None:
            return False
        return await asyncio.shield(known.answer)

    def stop(self, run: str, why: str) -> None:
        """End a run for want of money, tokens or turns."""
        self._purse.around.post(ev.StopAsked(run=run, at=self._now(), by=BY, why=why))

    def look_again(self) -> None:
        """Take back what is asked about limits that have been changed, as far as there is room again."""
        self._seen = self._budgets()
        for run_id in self._purse.relimit():
            if self._purse.book[run_id].raised:
                self._keep(run_id)
        for run_id, known in list(self._open.items()):
            run = self._purse.around.world().runs.get(run_id)
            try:
                room = self._purse.room(run_id, known.short)
            except PanError:
                room = False
            if run is not None and room:
                self._questions.take_back(run, known.question, "the limit was changed")
                self._end(run_id, allow=True)

    def on_run(self, event: ev.RunChanged) -> None:
        """Let nobody wait for a run that has ended."""
        if event.ended and event.run_id in self._open:
            self._end(event.run_id, allow=False)

    def _begin(self, run: Run, short: Shortfall) -> Open | None:
        """Ask; stop the run instead where that is set, or where the question can't be written down."""
        budgets = self._budgets()
        if budgets is None or budgets.at_limit == "stop":
            self.stop(run.id, words(short))
            return None
        own = short.scope in ("run", "tree")
        by = step(short, self._own(run.id) if own else budgets.limit(short.scope))
        question = self._question(run, short, by, budgets)
        known = Open(question, short, by, asyncio.get_running_loop().create_future())
        self._open[run.id], self._seen = known, budgets
        self._watch_later()
        try:
            self._questions.ask(run, question, lambda allow, why: self._answered(run.id, why, allow=allow))
        except PanError as error:
            self.stop(run.id, f"{words(short)}; {error.problem}")
            self._end(run.id, allow=False)
            return None
        return known

    def _watch_later(self) -> None:
        if not self._watches:
            self._watches = True
            asyncio.get_running_loop().call_later(WATCH_S, self._watch)

    def _watch(self) -> None:
        """Look again while somebody is asked: another session may have set the limit of the day."""
        self._watches = False
        if self._open:
            if self._budgets() is not self._seen:
                self.look_again()
            self._watch_later()

    def _question(self, run: Run, short: Shortfall, by: Amount, budgets: Budgets) -> Question:
        more = figure_words(short.figure, getattr(by, short.figure))
        source = budgets.sources.get(short.scope) or "pancode run --budget"
        spec = self._purse.around.spec(run.id)
        return Question(
            id=_id(short, more),
            tool="more budget",
            what=f"{more} more than {whose(short.scope)} budget, for this run alone",
            kind="budget",
            why=words(short),
            rule=f"{short.scope} budget",
            source=source,
            recoverable="nothing is lost meanwhile; a no ends the run",
            cwd=str(spec.get("cwd") or ""),
            since=self._now(),
            deadline=None,
            is_held=False,
        )

    def _answered(self, run: str, why: str, *, allow: bool) -> None:
        known = self._open[run]
        if allow:
            self._purse.raise_limit(run, known.short.scope, known.by)
            self._keep(run)
        else:
            self.stop(run, f"{words(known.short)}; {why}")
        self._end(run, allow=allow)

    def _end(self, run: str, *, allow: bool) -> None:
        known = self._open.pop(run)
        if known.paused and allow:
            self._purse.around.post(ev.ResumeAsked(run=run, at=self._now(), by=BY))
        if not known.answer.done():
            known.answer.set_result(allow)

    def _keep(self, run: str) -> None:
        """Write down what was raised, for the next controller."""
        raised = self._purse.book[run].raised
        path = os.path.join(self._folder(run), "budget.json")
        try:
            files.write_json(path, {"raised": {scope: to_json(by) for scope, by in raised.items()}})
        except PanError as error:
            self._purse.around.note(f"that the budget of {run} was raised can't be written down: {error}")

    def _own(self, run: str) -> Limit:
        account = self._purse.book.get(run)
        return account.limit if account is not None else Limit()

    def _budgets(self) -> Budgets | None:
        try:
            return self._purse.current()
        except PanError:
            return None

    def _now(self) -> float:
        return self._purse.around.now()


def step(short: Shortfall, limit: Limit) -> Amount:
    """Give by how much a yes raises a limit: what is missing, and a part of the limit on top.

    >>> step(Shortfall("run", "tokens", 100, 90, 80), Limit(tokens=100))
    Amount(nano=0, tokens=95, turns=0)
    """
    figures = {"nano": 0, "tokens": 0, "turns": 0}
    figures[short.figure] = max(0, short.held + short.needs - short.limit)
    return limit.share(SHARE) + Amount(**figures)


def _id(short: Shortfall, more: str) -> str:
    """Give the same id to a question about the same limit, whichever controller asks, and to no other."""
    about = f"{short.scope} {short.figure} {short.limit} {more}"
    return f"b{hashlib.sha256(about.encode()).hexdigest()[:6]}"
