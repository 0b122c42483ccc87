"""The gate for a shell agent's command, which is an action before anything has been started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pancode.core.actions import Decision
from pancode.core.errors import PanError
from pancode.core.gates import placed
from pancode.core.host import Asked, Gate, Refusal
from pancode.domains.safety.audit import Decided, Word
from pancode.domains.safety.commands.judgement import Place
from pancode.domains.safety.evaluate import Verdict, evaluate
from pancode.domains.safety.rules import Rules
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.worker.profile import Action

_LONGEST_ARGUMENT = 131_072


def typed_gate(rules: Callable[[], Rules], audit: Callable[[Decided], object], session: str) -> Gate:
    """Give the gate that judges what a shell agent is told to run, as it would judge an agent's own action.

    What the level asks about needs the operator's yes with the order: nobody is asked twice.
    """

    def check(asked: Asked) -> Refusal | None:
        if asked.command is None or not _can_be_given(asked.command):
            return None
        action: Action = {"tool": "shell", "command": asked.command, "cwd": asked.cwd}
        place = Place(places.project_root(asked.cwd), asked.cwd)
        verdict = evaluate(action, asked.grant, place, rules())
        word, by = _word(verdict, asked)
        if asked.is_dry:
            return _refusal(verdict, word)
        decided = Decided(
            run="", session=session, agent=asked.agent, action=action, digest=verdict.digest,
            kind=verdict.kind.value, decision=word, by=by, rule=verdict.rule, why=verdict.why,
        )  # fmt: skip
        try:
            audit(decided)
        except PanError as error:
            return Refusal("audit", f"{error.problem}, and nothing is done without its record", error.remedy)
        return _refusal(verdict, word)

    return placed("rules", check)


def _can_be_given(command: str) -> bool:
    """Whether a shell could be given it at all; if not, the launch says so better."""
    return "\0" not in command and len(command.encode("utf-8", "replace")) < _LONGEST_ARGUMENT


def _word(verdict: Verdict, asked: Asked) -> tuple[Word, str]:
    if verdict.decision is Decision.ALLOW:
        return Word.ALLOWED, "policy"
    if verdict.decision is Decision.ASK and asked.approved:
        return Word.APPROVED, "operator"
    return (Word.ASKED if verdict.decision is Decision.ASK else Word.BLOCKED), "policy"


def _refusal(verdict: Verdict, word: Word) -> Refusal | None:
    if word in (Word.ALLOWED, Word.APPROVED):
        return None
    if word is Word.ASKED:
        remedy = "say it with the order: pancode run --yes …"
        return Refusal("approval", f"this needs a yes: {verdict.why}", remedy)
    return Refusal(
        "rules",
        verdict.why,
        "`pancode safety explain -- COMMAND` names every part of it; your own terminal is not bound by this",
    )
