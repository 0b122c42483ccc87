"""The socket's verbs of the inbox: `approvals` lists what is open, `answer` answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.grades import weaker
from pancode.core.host import Args, Caller
from pancode.core.ids import resolve
from pancode.core.questions import told
from pancode.core.redact import redact
from pancode.core.state import Question, Run, World
from pancode.domains.safety.inbox import Inbox
from pancode.domains.safety.inbox_others import OtherQuestions

LONGEST_WHY = 1_000
"""Characters of a reason that a person gives; it goes to the agent."""

IsWorker = Callable[[int | None], bool]
"""Whether the process that asks belongs to a worker, or nobody can say to whom it belongs."""


class InboxVerbs:
    """Answers requests about open questions."""

    def __init__(
        self,
        inbox: Inbox,
        others: OtherQuestions,
        world: Callable[[], World],
        now: Callable[[], float],
        is_worker: IsWorker,
    ) -> None:
        """Keep what the verbs need."""
        self._inbox = inbox
        self._others = others
        self._world = world
        self._now = now
        self._is_worker = is_worker

    async def approvals(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """List the open questions, the oldest first; `what` narrows the list to a run or to one question."""
        what = args.get("what")
        found = self._found(_text(what, "what")) if what is not None else self._all()
        return {"questions": [self._told(run, question) for run, question in found]}

    async def answer(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Answer `what`, a question's id or a run's; `allow` true or false, `why` for the agent.

        `always` allows this very action for the rest of the run; `all` answers every question of the run.
        """
        if self._is_worker(caller.pid):
            raise PanError(
                "a worker can't answer, neither for itself nor for another",
                remedy="answer from a terminal of yours",
                code=ExitCode.REFUSED,
            )
        allow, always = args.get("allow"), args.get("always") is True
        if not isinstance(allow, bool):
            raise PanError('"allow" must be true or false', code=ExitCode.USAGE)
        because = _text(args.get("why") or "", "why").strip()[:LONGEST_WHY]
        found = self._found(_text(args.get("what"), "what"))
        if len(found) > 1 and args.get("all") is not True:
            raise PanError(
                f"run {found[0][0].id} asks {len(found)} questions:\n"
                + "\n".join(f"    {_line(run, question)}" for run, question in found),
                remedy="name one of them, or answer them together with --all",
                code=ExitCode.USAGE,
            )
        why = because or ("approved" if allow else "denied by the operator")
        for run, question in found:
            if question.is_held:
                self._inbox.answer(run, question.id, allow=allow, why=why, always=always)
            else:
                self._others.answer(run, question, allow=allow, why=why)
        return {"answered": [f"{run.id}.{question.id}" for run, question in found], "allow": allow}

    def _all(self) -> list[tuple[Run, Question]]:
        runs = self._world().runs.values()
        return sorted(((run, one) for run in runs for one in run.questions), key=lambda pair: pair[1].since)

    def _found(self, what: str) -> list[tuple[Run, Question]]:
        """Give the open questions that `what` names; raise PanError where there are none."""
        prefix, dot, id_ = what.partition(".")
        runs = self._world().runs
        asking = {run.id for run, _ in self._all()}
        known = next((ids for ids in (asking, set(runs)) if any(name.startswith(prefix) for name in ids)), ())
        run = runs[resolve(prefix, known)]
        found = [(run, one) for one in run.questions if not dot or one.id == id_]
        if not found:
            raise self._nothing(run, f"{run.id}.{id_}" if dot else None)
        return found

    def _nothing(self, run: Run, full_id: str | None) -> PanError:
        if full_id is None:
            problem = f"run {run.id} asks nothing" if run.is_live else f"run {run.id} has ended"
            return PanError(problem, remedy="pancode approvals", code=ExitCode.NOT_FOUND)
        earlier = self._inbox.earlier_answer(full_id) or self._others.earlier_answer(full_id)
        if earlier is None:
            problem, code = f'there is no open question "{full_id}"', ExitCode.NOT_FOUND
        else:
            problem, code = f'"{full_id}" has its answer already: {earlier}', ExitCode.CONFLICT
        return PanError(problem, remedy="pancode approvals", code=code)

    def _told(self, run: Run, question: Question) -> dict[str, Any]:
        """Give a question, whose it is, the seconds that it still waits (None: for ever), and its parts."""
        left = None if question.deadline is None else max(0.0, round(question.deadline - self._now(), 1))
        parts = [
            {
                "text": redact(one.part.text),
                "class": one.kind.value,
                "decision": one.decision.value,
                "rule": one.rule,
                "source": one.source,
                "why": redact(one.why),
            }
            for one in (self._inbox.verdict(run.id, question.id).parts if question.is_held else ())
        ]
        about = {"run_id": run.id, "agent": run.agent, "safety": run.grant.level.value}
        about |= {"weaker": weaker(run.grade), "lost": (run.grade or {}).get("lost", [])}
        return {**told(run.id, question), **about, "remaining_s": left, "parts": parts}


def _line(run: Run, question: Question) -> str:
    text = " ".join(question.what.split())
    return f"{run.id}.{question.id}  {text[:100]}"


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise PanError(f'"{name}" must be a text', code=ExitCode.USAGE)
    return value
