"""One ended run as evidence: what it was for, who did it, what it came to, and at what cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pancode.domains.intelligence.features import Features, features

Arm = tuple[str, str]
"""An agent and the model that it ran with; "" where nobody said which."""
V = 1
NO_EVIDENCE = frozenset({"refused", "cancelled"})
"""Statuses that say nothing about an agent: a gate or a person ended the run."""
NOT_ITS_FAULT = frozenset(
    {"auth", "model-unknown", "rate-limit", "overload", "network", "stream-cut", "stopped"}
)
"""Reasons that say nothing about an agent: its model's service, or somebody else."""
NANO = 1e9
_FAR = 1e15


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run that says something. `at` is when it ended; `went_well` takes in what became of it later."""

    at: float
    kind: str
    size: str
    agent: str
    model: str
    went_well: bool
    why: str
    usd: float | None = None
    seconds: float | None = None

    @property
    def arm(self) -> Arm:
        """Give who did it."""
        return self.agent, self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterwards:
    """What became of a run after it had ended: its check, its changes, a second attempt."""

    check: str | None = None  # the status of its verify run
    fate: str | None = None  # what became of the changes in its clone
    retried: bool = False


def outcome_of(
    row: Mapping[str, Any], spec: Mapping[str, Any], result: Mapping[str, Any], after: Afterwards
) -> Outcome | None:
    """Read a run as evidence: `row` is its charge in the ledger. None where it says nothing about its agent.

    Commands, conversations with the orchestrator, checks of flows, and later turns of a conversation don't.
    """
    status, reason = str(result.get("status")), str(result.get("reason"))
    if "shell" in (row.get("agent"), spec.get("runtime")) or row.get("role") == "orchestrator":
        return None
    if status in NO_EVIDENCE or reason in NOT_ITS_FAULT or spec.get("continues"):
        return None
    well, why = _judged(status, reason, after)
    what = features(str(spec.get("task") or ""))
    started, ended = result.get("started"), result.get("ended")
    timed = isinstance(started, int | float) and isinstance(ended, int | float)
    nano = row.get("nano")
    return Outcome(
        at=float(row.get("at") or 0.0),
        kind=what.kind,
        size=what.size,
        agent=str(row.get("agent")),
        model=str(row.get("model") or ""),
        went_well=well,
        why=why,
        usd=nano / NANO if isinstance(nano, int) else None,
        seconds=round(ended - started, 1) if timed else None,  # type: ignore[operator] # both are numbers
    )


def _judged(status: str, reason: str, after: Afterwards) -> tuple[bool, str]:
    """Say whether a run came to something, and by what that is known."""
    if status != "done":
        return False, reason
    if after.check is not None and after.check != "done":
        return False, "its check failed"
    if after.fate == "discarded":
        return False, "its changes were discarded"
    if after.retried:
        return False, "it was tried again"
    if after.check == "done":
        return True, "its check passed"
    return True, "its changes were merged" if after.fate == "merged" else "done, by its own word"


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Give a line of a recorded ledger; no text of a task is in it."""
    return {"v": V, **asdict(outcome)}


def from_json(told: Mapping[str, Any]) -> Outcome:
    """Read a line of a recorded ledger; ValueError says what is wrong with it.

    A line may give the `task` in the place of `kind` and `size`.
    """
    what = features(str(told["task"])) if "task" in told else None
    try:
        return Outcome(
            at=_number(told, "at") or 0.0,
            kind=str(told["kind"] if what is None else what.kind),
            size=str(told.get("size", "small") if what is None else what.size),
            agent=str(told["agent"]),
            model=str(told.get("model") or ""),
            went_well=_flag(told["went_well"]),
            why=str(told.get("why", "")),
            usd=_number(told, "usd"),
            seconds=_number(told, "seconds"),
        )
    except KeyError as error:
        raise ValueError(f'there is no "{error.args[0]}"') from None


def what_of(outcome: Outcome) -> Features:
    """Give what its task was like."""
    return Features(outcome.kind, outcome.size)  # type: ignore[arg-type] # read from features


def _number(told: Mapping[str, Any], key: str) -> float | None:
    value = told.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_FAR < value < _FAR:
        raise ValueError(f'"{key}" is not a number')
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError('"went_well" is neither true nor false')  # noqa: TRY004 -- one error for all
    return value
