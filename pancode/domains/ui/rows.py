"""What the screens draw from: the session, and each run with the words for what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pancode.domains.ui.text import age, clean, money

PANOS = "panos"
"""The agent that the command pane talks with."""
BEATS_MISSED = 3.5
"""Intervals without a heartbeat after which a working run shows "no beat"."""
BEAT_EVERY_S = 10.0
"""The interval that the shim uses unless the row says another."""
FRESH_S = 600.0
"""How long a failure stays above the working ones; after that it has been seen, or nobody looks."""
ENDED = frozenset({"done", "failed", "refused", "timeout", "budget", "cancelled", "lost"})
_SICK = frozenset({"stale", "dead"})
_UNHEALTHY = frozenset({"stale", "dead", "no-beat"})
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
    weaker: str
    """The words for a grade that the operator has accepted though it is a weaker one; else empty."""
    lost: tuple[str, ...]
    """What that grade doesn't keep, in sentences."""
    waits: str
    changes: str
    """Why it is still queued, in a sentence; empty where it isn't, or nobody says."""
    paused: str
    """Who has paused it, and why."""
    calling_since: float | None
    """Since when the oldest of its model calls is under way; None where none is, or none is counted."""
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
        return "silent" if self.is_quiet and self.calling_since is None else "working"

    def what(self, now: float) -> str:
        """Give the line's free text: a weaker grade, then what it does, why it waits, how it ended."""
        return joined(self.weaker, self._what(now))

    def _what(self, now: float) -> str:
        face = self.face(now)
        if face == "asking":
            return f"asks: {self.asks}"
        if face == "retrying":
            return self.retrying
        if face in ENDED:
            why = joined("" if face in ("done", self.reason) else self.reason, self.changes)
            return joined(why, self.task, by=": ")
        return joined(self._note(face, now), self.doing or ("" if face in _UNHEALTHY else self.task))

    def _note(self, face: str, now: float) -> str:
        """Give what is to be known of a live run besides what it does."""
        match face:
            case "queued":
                return self.waits
            case "paused":
                return self.paused
            case "stale" | "dead":
                return self.health_why
            case "no-beat":
                return f"no heartbeat for {age(now - (self.beat_at or now))}"
            case "silent":
                # A command has no events, so nobody knows since when.
                return "silent" + ("" if self.silent_since is None else f" {age(now - self.silent_since)}")
            case "working" if self.is_quiet and self.calling_since is not None:
                return f"asks its model for {age(now - self.calling_since)}"
            case _:
                return ""

    def elapsed(self, now: float) -> float | None:
        """Give the seconds it has run, or ran; None before its start."""
        if self.started is None:
            return None
        if self.ended is not None:
            return self.ended - self.started
        return now - self.started if self.is_live else None


def joined(first: str, second: str, by: str = " · ") -> str:
    """Put two texts together; an empty one leaves no trace."""
    return by.join(part for part in (first, second) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The whole session; `rows` by run id."""

    session: str = ""
    mode: str = ""
    safety: str = ""
    preset: str = ""
    limit_usd: float | None = None
    spent_usd: float | None = None
    unknown_runs: int = 0
    used: float | None = None
    """The share of the fullest budget that is used."""
    warning: str = ""
    disk: str = ""
    """The sentence to show while the disk is nearly full."""
    attached: bool = True
    draining: bool = False
    raising: bool = False
    totals: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, Row] = field(default_factory=dict)

    def spent(self) -> str:
        """Give the session's cost in words; what no agent reports is counted and not guessed.

        >>> Fleet(spent_usd=0.41, limit_usd=10.0, unknown_runs=2).spent(), Fleet(unknown_runs=1).spent()
        ('$0.41 of $10 + 2 unknown', '–')
        >>> Fleet(spent_usd=0.0, used=0.834, warning="83 % of the day's budget is used").spent()
        '$0.00 !83%'
        """
        known = self.spent_usd if self.spent_usd or not self.unknown_runs else None
        text = money(known) + (f" of ${self.limit_usd:g}" if self.limit_usd is not None else "")
        text += f" + {self.unknown_runs} unknown" if self.unknown_runs and known is not None else ""
        return f"{text} !{self.used:.0%}" if self.warning and self.used is not None else text

    def without(self, run_id: str) -> Fleet:
        """Give the fleet without a run that the controller has dropped from its memory."""
        return replace(self, rows={key: row for key, row in self.rows.items() if key != run_id})

    def with_row(self, row: Row) -> Fleet:
        """Give the fleet with one row added or replaced."""
        return replace(self, rows={**self.rows, row.run_id: row})

    def ordered(self, now: float) -> list[Row]:
        """Give the rows as they are listed: waiting, just failed, live, queued, and then the ended ones.

        Of the conversation's turns that ended well the latest is enough.
        """
        turns = [row for row in self.rows.values() if row.agent == PANOS and row.state == "done"]
        latest = max(turns, key=lambda row: row.queued or 0.0, default=None)
        listed = (row for row in self.rows.values() if row is latest or row not in turns)
        return sorted(listed, key=lambda row: _rank(row, now))

    def oldest_beat(self, now: float) -> float | None:
        """Give the age in seconds of the oldest heartbeat of a live run; None where nothing beats."""
        beats = [row.beat_at for row in self.rows.values() if row.is_live and row.beat_at is not None]
        return now - min(beats) if beats else None


def _rank(row: Row, now: float) -> tuple[int, float, str]:
    if row.state == "asking":
        since = number(row.questions[0].get("since")) if row.questions else row.started
        return 0, since or 0.0, row.run_id
    if row.state in _TROUBLE and now - (row.ended or now) < FRESH_S:
        return 1, -(row.ended or 0.0), row.run_id
    if row.state == "queued":
        return 3, row.queued or 0.0, row.run_id
    if row.is_live:
        return 2, row.started or row.queued or 0.0, row.run_id
    return 4, -(row.ended or 0.0), row.run_id


def number(value: object) -> float | None:
    """Give a number of JSON; None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
