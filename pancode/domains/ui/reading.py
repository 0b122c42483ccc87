"""Reads the controller's status object, tolerantly, into what the screens draw from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pancode.core.given import own_words
from pancode.core.grades import weaker
from pancode.domains.ui import theme
from pancode.domains.ui.rows import BEAT_EVERY_S, Fleet, Row, joined, number
from pancode.domains.ui.text import clean


def read_fleet(status: Mapping[str, Any], now: float) -> Fleet:
    """Read a whole status object; a row that can't be read is left out."""
    workers = status.get("workers")
    listed = workers if isinstance(workers, list) else []
    rows = [read_row(raw, now) for raw in listed if isinstance(raw, Mapping)]
    fleet = Fleet(session=clean(status.get("session")), rows={row.run_id: row for row in rows if row.run_id})
    return with_session(fleet, status)


def with_session(fleet: Fleet, raw: Mapping[str, Any]) -> Fleet:
    """Give the fleet with the session's facts taken from `raw`; what it lacks stays.

    The theme among them is used from then on.
    """
    theme.use(clean(raw.get("theme")))
    budget = _mapping(raw.get("budget"))
    totals = raw.get("totals")
    return replace(
        fleet,
        mode=clean(raw.get("mode")) or fleet.mode,
        safety=clean(raw.get("safety")) or fleet.safety,
        preset=clean(raw.get("preset")) if "preset" in raw else fleet.preset,
        limit_usd=number(budget.get("limit_usd")) if budget else fleet.limit_usd,
        spent_usd=number(budget.get("spent_usd")) if budget else fleet.spent_usd,
        unknown_runs=_whole(budget.get("unknown_runs")) or 0 if budget else fleet.unknown_runs,
        used=number(budget.get("used")) if budget else fleet.used,
        warning=clean(budget.get("warning")) if budget else fleet.warning,
        disk=clean(_mapping(raw.get("disk")).get("warning")) if "disk" in raw else fleet.disk,
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
    beat_at = _beat_at(beat, now)
    usd = number(cost.get("usd"))
    grade = _mapping(raw.get("sandbox"))
    return Row(
        run_id=clean(raw.get("run_id")),
        agent=clean(raw.get("agent")),
        task=clean(own_words(str(raw.get("task") or ""))),
        state=clean(raw.get("state")),
        mode=clean(raw.get("mode")),
        model=clean(raw.get("model")),
        doing=clean(raw.get("doing")),
        retrying=clean(raw.get("retrying")) or ("retrying" if evidence.get("state") == "retrying" else ""),
        reason=clean(raw.get("reason")),
        pane=clean(raw.get("pane")) or None,
        pid=_whole(raw.get("pid")),
        grade=clean(raw.get("grade")),
        weaker=clean(weaker(grade)),
        lost=_texts(grade.get("lost")),
        waits=clean(raw.get("waits")),
        changes=_changes(_mapping(raw.get("changes"))),
        paused=_paused(_mapping(raw.get("paused"))),
        calling_since=number(_mapping(raw.get("calls")).get("since")),
        usd=usd,
        estimated=usd is not None and cost.get("source") != "agent",
        tokens_in=_sum(usage, "input", "cache_read", "cache_write"),
        tokens_out=_sum(usage, "output"),
        turns=_whole(raw.get("turns")),
        queued=number(raw.get("queued")),
        started=number(raw.get("started")),
        ended=number(raw.get("ended")),
        beat_at=beat_at,
        beat_every=number(beat.get("every_s")) or BEAT_EVERY_S,
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
    return tuple(sorted(named, key=lambda one: number(one.get("since")) or 0.0))


def _texts(listed: object) -> tuple[str, ...]:
    return tuple(clean(one) for one in listed if clean(one)) if isinstance(listed, list) else ()


def _changes(raw: Mapping[str, Any]) -> str:
    """Put what an isolated run has left into words; nothing for one that has changed nothing.

    >>> _changes({"files": 3, "added": 41, "removed": 12, "fate": "needs-merge"}), _changes({"fate": "none"})
    ('3 files +41 -12 needs-merge', '')
    """
    fate, count = clean(raw.get("fate")), _whole(raw.get("files"))
    if not fate or fate == "none" or count is None:
        return ""
    figures = f"+{_whole(raw.get('added')) or 0} -{_whole(raw.get('removed')) or 0}"
    return f"{count} file{'' if count == 1 else 's'} {figures} {fate}"


def _paused(raw: Mapping[str, Any]) -> str:
    by, why = clean(raw.get("by")), clean(raw.get("why"))
    return joined(f"by {by}" if by else "", why, by=": ")


def _beat_at(beat: Mapping[str, Any], now: float) -> float | None:
    at, its_age = number(beat.get("at")), number(beat.get("age_s"))
    return now - its_age if at is None and its_age is not None else at


def _silent_since(evidence: Mapping[str, Any], beat_at: float | None) -> float | None:
    last = number(evidence.get("last_event_age_s"))
    return None if beat_at is None or last is None else beat_at - last


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sum(usage: Mapping[str, Any], *keys: str) -> int | None:
    known = [number for number in (_whole(usage.get(key)) for key in keys) if number is not None]
    return sum(known) if known else None
