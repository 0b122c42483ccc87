"""What a call would raise is asked of the operator: one question each, and the call waits for the answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from pancode.core import events as ev
from pancode.core.state import Question
from pancode.domains.panos.session import Turn
from pancode.domains.safety.api import OtherQuestions

Answer = tuple[bool, str]
"""Whether a person has said yes, and why or why not."""


class Asking:
    """The open questions of turns; they end with their turn."""

    def __init__(self, questions: OtherQuestions, now: Callable[[], float]) -> None:
        """Ask through the session's one inbox."""
        self._questions = questions
        self._now = now
        self._open: dict[str, set[asyncio.Future[Answer]]] = {}

    async def ask(self, turn: Turn, tool: str, what: str, *, why: str, kind: str) -> Answer:
        """Ask, wait, and give the answer; PanError if the question can't be written down."""
        run = turn.run
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        question = Question(
            id=_id(turn.key, what),
            tool=tool,
            what=what,
            kind=kind,
            why=why,
            rule="the orchestrator raises nothing",
            source="built in",
            recoverable="nothing is changed meanwhile; a no is told to the orchestrator",
            cwd=turn.cwd,
            since=self._now(),
            deadline=None,
            is_held=False,
        )
        self._questions.ask(run, question, lambda allow, said: _settle(answer, allow, said))
        self._open.setdefault(run.id, set()).add(answer)
        try:
            return await answer
        finally:
            self._open.get(run.id, set()).discard(answer)
            if not answer.done() or answer.cancelled():
                self._questions.take_back(run, question, "the turn doesn't wait for it any more")

    def on_run(self, event: ev.RunChanged) -> None:
        """Let nobody wait for a turn that has ended."""
        if event.ended:
            for answer in self._open.pop(event.run_id, set()):
                _settle(answer, allow=False, said="the turn has ended")


def _id(call: str, what: str) -> str:
    """Give the same id to the same question of the same call, whichever controller asks, and to no other."""
    about = f"{call}\0{what}"
    return f"p{hashlib.sha256(about.encode()).hexdigest()[:6]}"


def _settle(answer: asyncio.Future[Answer], allow: bool, said: str) -> None:
    if not answer.done():
        answer.set_result((allow, said))
