"""What happens to a run's held actions and open questions: the reducer's part, and how a question is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pancode.core.evolve import evolve
from pancode.core.state import Always, Ask, Asking, Question, Run, Stopping, Working


def asked(run: Run, record: Mapping[str, Any], at: float) -> Run:
    """Give the run with the action that an `asked` record holds; one without a name or an action is none."""
    id_, action = record.get("id"), record.get("action")
    if not isinstance(id_, str) or not id_ or not isinstance(action, Mapping):
        return run
    said = record.get("deadline")
    deadline = float(said) if isinstance(said, int | float) and math.isfinite(said) else None
    held = Ask(id_, at, deadline, action, is_cut=bool(record.get("cut")))
    return evolve(run, asks={**run.asks, id_: held})


def raised(run: Run, question: Question, at: float) -> Run:
    """Give the run that waits for a person; unchanged if the action isn't held any more, or is answered."""
    ask = run.asks.get(question.id)
    if question.is_held and (ask is None or ask.is_answered):
        return run
    if question_of(run, question.id) is not None:
        return run
    if isinstance(run.state, Stopping):
        return run
    return _in_state(evolve(run, questions=(*run.questions, question)), at)


def answered(run: Run, id_: str, at: float, *, always: bool) -> Run:
    """Give the run whose held action has its answer on the way; the first answer is the only one."""
    ask, question = run.asks.get(id_), question_of(run, id_)
    if question is not None and not question.is_held:
        return _in_state(_without(run, id_, run.asks), at)
    if ask is None or ask.is_answered:
        return run
    if always and question is not None:
        run = _approved_for_good(run, Always(question.kind, question.rule, ask.action))
    return _in_state(_without(run, id_, {**run.asks, id_: replace(ask, is_answered=True)}), at)


def settled(run: Run, record: Mapping[str, Any], at: float) -> Run:
    """Give the run after an `answered` record: the action isn't held any more, whoever has answered."""
    id_ = str(record.get("id"))
    ask = run.asks.get(id_)
    if ask is None:
        return run
    if record.get("allow") is True and record.get("always") is True:
        kept = Always(str(record.get("class")), str(record.get("rule")), ask.action)
        run = _approved_for_good(run, kept)
    return _in_state(_without(run, id_, {key: one for key, one in run.asks.items() if key != id_}), at)


def without_questions(run: Run) -> Run:
    """Give the run with nothing held: it has ended."""
    return evolve(run, asks={}, questions=())


def question_of(run: Run, id_: str) -> Question | None:
    """Give the run's open question of this id; None if there is none."""
    return next((one for one in run.questions if one.id == id_), None)


def told(run: str, question: Question) -> dict[str, Any]:
    """Give a question as every screen and `--json` has it; its id is good for `pancode approve`."""
    return {
        "id": f"{run}.{question.id}",
        "tool": question.tool,
        "what": question.what,
        "class": question.kind,
        "why": question.why,
        "rule": question.rule,
        "source": question.source,
        "recoverable": question.recoverable,
        "cwd": question.cwd,
        "since": question.since,
        "deadline": question.deadline,
    }


def _without(run: Run, id_: str, asks: Mapping[str, Ask]) -> Run:
    return evolve(run, asks=asks, questions=tuple(one for one in run.questions if one.id != id_))


def _approved_for_good(run: Run, kept: Always) -> Run:
    return run if kept in run.always else evolve(run, always=(*run.always, kept))


def _in_state(run: Run, at: float) -> Run:
    """Let the state say whether a person is waited for; its time is that of the change."""
    if isinstance(run.state, Working) and run.questions:
        return evolve(run, state=Asking(at, run.state.agent_pid))
    if isinstance(run.state, Asking) and not run.questions:
        return evolve(run, state=Working(at, run.state.agent_pid))
    return run
