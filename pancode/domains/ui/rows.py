"""The controller's status object, read tolerantly into what the screens draw from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pancode.domains.ui.text import age, clean, money

BEATS_MISSED = 3.5
"""Intervals without a heartbeat after which a working run shows "no beat"."""
BEAT_EVERY_S = 10.0
"""The interval that the shim uses unless the row says another."""
FRESH_S = 600.0
"""How long a failure stays above the working ones; after that it has been seen, or nobody looks."""
ENDED = frozenset({"done", "failed", "refused", "timeout", "budget", "cancelled", "lost"})
_SICK = frozenset({"stale", "dead"})
_TROUBLE = frozenset({"failed", "timeout", "budget", "lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run as the screens know it; None = nobody has said. Times are wall seconds."""

    run_id: str
    agent: str
    task: str
    state: str
    mode: str
    model: str
    doing: str
    retrying: str
    reason: str
    pane: str | None
    pid: int | None
    grade: str
    usd: float | None
    estimated: bool
    tokens_in: int | None
    tokens_out: int | None
    turns: int | None
    queued: float | None
    started: float | None
    ended: float | None
    beat_at: float | None
    beat_every: float
    health: str
    health_why: str
    is_quiet: bool
    silent_since: float | None
    questions: tuple[Mapping[str, Any], ...] = ()
    """What a person is asked, the oldest first, as the controller tells it."""

    @property
    def is_live(self) -> bool:
        """Whether the run has not ended."""
        return self.state not in ENDED

    @property
    def asks(self) -> str:
        """Give what is asked in one line: the oldest question, and how many there are."""
        if not self.questions:
            return self.doing or self.task
        more = f" (and {len(self.questions) - 1} more)" if len(self.questions) > 1 else ""
        return clean(self.questions[0].get("what")) + more

    def face(self, now: float) -> str:
        """Give the key of the theme: the state, or what is odd about a working run."""
        if self.health in _SICK:
            return self.health
        if self.state != "working":
            return self.state
        if self.retrying:
            return "retrying"
        if self.beat_at is not None and now - self.beat_at > BEATS_MISSED * self.beat_every:
            return "no-beat"
        return "silent" if self.is_quiet else "working"

    def what(self, now: float) -> str:
        """Give the line's free text: what it does, why it waits, how it ended."""
        match self.face(now):
            case "asking":
                return f"asks: {self.asks}"
            case "stale" | "dead":
                return _joined(self.health_why, self.doing)
            case "retrying":
                return self.retrying
            case "no-beat":
                return _joined(f"no heartbeat for {age(now - (self.beat_at or now))}", self.doing)
            case "silent":
                # A command has no events, so nobody knows since when.
                since = "" if self.silent_since is None else f" {age(now - self.silent_since)}"
                return _joined(f"silent{since}", self.doing or self.task)
            case "done":
                return self.task
            case face if face in ENDED:
                return _joined(self.reason if self.reason != face else "", self.task, by=": ")
            case _:
                return self.doing or self.task

    def elapsed(self, now: float) -> float | None:
        """Give the seconds it has run, or ran; None before its start."""
        if self.started is None:
            return None
        if self.ended is not None:
            return self.ended - self.started
        return now - self.started if self.is_live else None


def _joined(first: str, second: str, by: str = " · ") -> str:
    return by.join(part for part in (first, second) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The whole session; `rows` by run id."""

    session: str = ""
    mode: str = ""
    safety: str = ""
    limit_usd: float | None = None
    spent_usd: float | None = None
    unknown_runs: int = 0
    attached: bool = True
    draining: bool = False
    raising: bool = False
    totals: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=dict)

    def spent(self) -> str:
        """Give the session's cost in words; what no agent reports is counted and not guessed.

        >>> Fleet(spent_usd=0.41, limit_usd=10.0, unknown_runs=2).spent(), Fleet(unknown_runs=1).spent()
        ('$0.41 of $10 + 2 unknown', '–')
        """
        known = self.spent_usd if self.spent_usd or not self.unknown_runs else None
        text = money(known) + (f" of ${self.limit_usd:g}" if self.limit_usd is not None else "")
        return f"{text} + {self.unknown_runs} unknown" if self.unknown_runs and known is not None else text

    def without(self, run_id: str) -> Fleet:
        """Give the fleet without a run that the controller has dropped from its memory."""
        return replace(self, rows={key: row for key, row in self.rows.items() if key != run_id})

    def with_row(self, row: Row) -> Fleet:
        """Give the fleet with one row added or replaced."""
        return replace(self, rows={**self.rows, row.run_id: row})

    def ordered(self, now: float) -> list[Row]:
        """Give the rows as they are listed: waiting, just failed, live, queued, and then the ended ones."""
        return sorted(self.rows.values(), key=lambda row: _rank(row, now))

    def oldest_beat(self, now: float) -> float | None:
        """Give the age in seconds of the oldest heartbeat of a live run; None where nothing beats."""
        beats = [row.beat_at for row in self.rows.values() if row.is_live and row.beat_at is not None]
        return now - min(beats) if beats else None


def _rank(row: Row, now: float) -> tuple[int, float, str]:
    if row.state == "asking":
        since = _number(row.questions[0].get("since")) if row.questions else row.started
        return 0, since or 0.0, row.run_id
    if row.state in _TROUBLE and now - (row.ended or now) < FRESH_S:
        return 1, -(row.ended or 0.0), row.run_id
    if row.state == "queued":
        return 3, row.queued or 0.0, row.run_id
    if row.is_live:
        return 2, row.started or row.queued or 0.0, row.run_id
    return 4, -(row.ended or 0.0), row.run_id


def read_fleet(status: Mapping[str, Any], now: float) -> Fleet:
    """Read a whole status object; a row that can't be read is left out."""
    workers = status.get("workers")
    listed = workers if isinstance(workers, list) else []
    rows = [read_row(raw, now) for raw in listed if isinstance(raw, Mapping)]
    fleet = Fleet(session=clean(status.get("session")), rows={row.run_id: row for row in rows if row.run_id})
    return with_session(fleet, status)


def with_session(fleet: Fleet, raw: Mapping[str, Any]) -> Fleet:
    """Give the fleet with the session's facts taken from `raw`; what it lacks stays."""
    budget = _mapping(raw.get("budget"))
    totals = raw.get("totals")
    return replace(
        fleet,
        mode=clean(raw.get("mode")) or fleet.mode,
        safety=clean(raw.get("safety")) or fleet.safety,
        limit_usd=_number(budget.get("limit_usd")) if budget else fleet.limit_usd,
        spent_usd=_number(budget.get("spent_usd")) if budget else fleet.spent_usd,
        unknown_runs=_whole(budget.get("unknown_runs")) or 0 if budget else fleet.unknown_runs,
        attached=bool(raw.get("attached", fleet.attached)),
        draining=bool(raw.get("draining", fleet.draining)),
        raising=bool(raw.get("raising", fleet.raising)),
        totals={str(key): _whole(n) or 0 for key, n in totals.items()}
        if isinstance(totals, Mapping)
        else fleet.totals,
    )


def read_row(raw: Mapping[str, Any], now: float) -> Row:
    """Read one worker's row; a field that is missing or of another type counts as unknown."""
    cost, usage, beat = (_mapping(raw.get(key)) for key in ("cost", "usage", "heartbeat"))
    evidence, health = _mapping(beat.get("evidence")), _mapping(raw.get("health"))
    beat_at = _number(beat.get("at"))
    beat_age = _number(beat.get("age_s"))
    if beat_at is None and beat_age is not None:
        beat_at = now - beat_age
    usd = _number(cost.get("usd"))
    return Row(
        run_id=clean(raw.get("run_id")),
        agent=clean(raw.get("agent")),
        task=clean(raw.get("task")),
        state=clean(raw.get("state")),
        mode=clean(raw.get("mode")),
        model=clean(raw.get("model")),
        doing=clean(raw.get("doing")),
        retrying=clean(raw.get("retrying")) or ("retrying" if evidence.get("state") == "retrying" else ""),
        reason=clean(raw.get("reason")),
        pane=clean(raw.get("pane")) or None,
        pid=_whole(raw.get("pid")),
        grade=clean(raw.get("grade")),
        usd=usd,
        estimated=usd is not None and cost.get("source") != "agent",
        tokens_in=_sum(usage, "input", "cache_read", "cache_write"),
        tokens_out=_sum(usage, "output"),
        turns=_whole(raw.get("turns")),
        queued=_number(raw.get("queued")),
        started=_number(raw.get("started")),
        ended=_number(raw.get("ended")),
        beat_at=beat_at,
        beat_every=_number(beat.get("every_s")) or BEAT_EVERY_S,
        health=clean(health.get("state")),
        health_why=clean(health.get("why")),
        is_quiet=evidence.get("state") == "quiet" and beat_at is not None,
        silent_since=_silent_since(evidence, beat_at),
        questions=_questions(raw.get("questions")),
    )


def _questions(listed: object) -> tuple[Mapping[str, Any], ...]:
    """Read what a row asks; a question without an id can't be answered, and is left out."""
    found = listed if isinstance(listed, list) else []
    named = [one for one in found if isinstance(one, Mapping) and isinstance(one.get("id"), str)]
    return tuple(sorted(named, key=lambda one: _number(one.get("since")) or 0.0))


def _silent_since(evidence: Mapping[str, Any], beat_at: float | None) -> float | None:
    last = _number(evidence.get("last_event_age_s"))
    return None if beat_at is None or last is None else beat_at - last


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sum(usage: Mapping[str, Any], *keys: str) -> int | None:
    known = [number for number in (_whole(usage.get(key)) for key in keys) if number is not None]
    return sum(known) if known else None
