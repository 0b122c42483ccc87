"""Questions for which no shim holds an action, such as one more dollar: asked and answered like others."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

from pancode.core import events as ev
from pancode.core.errors import ExitCode, PanError
from pancode.core.state import Question, Run
from pancode.domains.safety.audit import Decided, Word

KEPT_ANSWERS = 500
"""Answered questions that are remembered, so that a second answer is told what the first one was."""
Answered = Callable[[bool, str], None]
"""Told once what a person has said: yes or no, and why."""


class OtherQuestions:
    """Open questions by run and id. They go with the controller: whoever asks, asks the next one again."""

    def __init__(
        self,
        post: Callable[[ev.Event], None],
        now: Callable[[], float],
        write: Callable[[Decided], object],
        session: str,
    ) -> None:
        """Write what is asked and answered into the audit log, by `write`."""
        self._post = post
        self._now = now
        self._write = write
        self._session = session
        self._open: dict[tuple[str, str], Answered] = {}
        self._answered: OrderedDict[str, str] = OrderedDict()

    def ask(self, run: Run, question: Question, answered: Answered) -> None:
        """Ask a person; `question.is_held` must be False. PanError if it can't be written down."""
        self._audit(run, question, Word.ASKED, "policy", question.why)
        self._open[run.id, question.id] = answered
        self._post(ev.QuestionRaised(run=run.id, at=self._now(), question=question))

    def answer(self, run: Run, question: Question, *, allow: bool, why: str) -> None:
        """Take a person's answer; a yes that can't be written down is none, and is a PanError."""
        answered = self._open.get((run.id, question.id))
        if answered is None:
            full_id = f"{run.id}.{question.id}"
            problem = f'"{full_id}" has its answer already: {self._answered.get(full_id)}'
            raise PanError(problem, remedy="pancode approvals", code=ExitCode.CONFLICT)
        word = Word.APPROVED if allow else Word.DENIED
        self._audit(run, question, word, "operator", why)
        self._close(run, question, word, why, by="operator")
        answered(allow, why)

    def take_back(self, run: Run, question: Question, why: str) -> None:
        """Ask no longer: what was asked about has settled itself."""
        if (run.id, question.id) in self._open:
            self._close(run, question, Word.EXPIRED, why, by="policy")

    def earlier_answer(self, full_id: str) -> str | None:
        """Give what became of a question that is not open any more, as far as it is remembered."""
        return self._answered.get(full_id)

    def on_run(self, event: ev.RunChanged) -> None:
        """Forget what was asked about a run that has ended."""
        if event.ended:
            for key in [key for key in self._open if key[0] == event.run_id]:
                self._forget(key, "the run has ended")

    def _close(self, run: Run, question: Question, word: Word, why: str, *, by: str) -> None:
        self._forget((run.id, question.id), f"{word.value} by {by}")
        self._post(
            ev.ActionAnswered(
                run=run.id,
                at=self._now(),
                id=question.id,
                allow=word is Word.APPROVED,
                why=why,
                by=by,
                kind=question.kind,
                rule=question.rule,
                decision=word.value,
            )
        )

    def _forget(self, key: tuple[str, str], words: str) -> None:
        self._open.pop(key, None)
        self._answered[".".join(key)] = words
        if len(self._answered) > KEPT_ANSWERS:
            self._answered.popitem(last=False)

    def _audit(self, run: Run, question: Question, word: Word, by: str, why: str) -> None:
        action = {"tool": question.tool, "command": question.what}
        digest = hashlib.sha256(f"{question.tool}\0{question.what}".encode()).hexdigest()
        self._write(
            Decided(
                run=run.id, session=self._session, agent=run.agent, action=action, digest=digest,
                kind=question.kind, decision=word, by=by, rule=question.rule, why=why,
            )
        )  # fmt: skip
