"""What the gateway saw of a run's model calls, added up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pancode.core.evolve import evolve
from pancode.core.state import Metered, Run

_TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")
_COMPARED = _TOKENS[:4]


def metered(run: Run, seq: int, record: Mapping[str, Any], at: float) -> Run:
    """Give the run with one record of its calls.jsonl counted in."""
    before = run.metered
    call = str(record.get("call"))
    others = {id_: since for id_, since in before.inflight.items() if id_ != call}
    after = replace(before, seq=seq, last_at=at)
    match record.get("kind"):
        case "call_started":
            after = replace(after, calls=before.calls + 1, inflight={**others, call: at})
        case "call_ended":
            after = replace(_with_usage(after, record), inflight=others)
        case _:
            pass
    return evolve(run, metered=after)


def _with_usage(metered: Metered, record: Mapping[str, Any]) -> Metered:
    usage, usd = record.get("usage"), record.get("usd")
    said = usage if isinstance(usage, Mapping) else {}
    tally = replace(
        metered.tally,
        **{name: _sum(getattr(metered.tally, name), said.get(name)) for name in _TOKENS},
        usd=_money(metered.tally.usd, usd),
    )
    return replace(metered, tally=tally, estimated=metered.estimated or bool(record.get("estimate")))


def _sum(before: int | None, said: object) -> int | None:
    """Add without ever turning an unknown into 0.

    >>> _sum(None, None), _sum(5, None), _sum(5, 7)
    (None, 5, 12)
    """
    return (before or 0) + said if isinstance(said, int) else before


def _money(before: float | None, said: object) -> float | None:
    if not isinstance(said, int | float) or not math.isfinite(said):
        return before
    return (before or 0.0) + float(said)


def told(
    meter: Mapping[str, Any] | None, records: Iterable[Mapping[str, Any]], said: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Give what is shown of a run's metering: by whom, what was counted, and where the agent's word differs.

    `meter` is the spec's, None for a run that was never to be metered; `records` are those of its
    calls.jsonl, `said` is the usage that the agent told.
    """
    if meter is None or meter.get("by") != "gateway":
        return None if meter is None else {"by": meter.get("by"), "why": meter.get("why")}
    usage: dict[str, int | None] = dict.fromkeys(_TOKENS)
    calls = refused = 0
    estimated, under_way = False, set()
    for record in records:
        match record.get("kind"):
            case "call_started":
                calls += 1
                under_way.add(record.get("call"))
            case "call_refused":
                refused += 1
            case "call_ended":
                under_way.discard(record.get("call"))
                ended = record.get("usage")
                usage = {name: _sum(usage[name], ended.get(name)) for name in _TOKENS} if ended else usage
                estimated = estimated or bool(record.get("estimate"))
            case _:
                pass
    found = {"calls": calls, "refused": refused, "usage": usage, "estimated": estimated or bool(under_way)}
    return {"by": "gateway", "why": None, **found, "difference": _difference(usage, said or {})}


def _difference(counted: Mapping[str, int | None], said: Mapping[str, Any]) -> dict[str, int] | None:
    """Give how much more the agent says than was counted; None: it says the same, or nothing.

    >>> _difference({"input": 10, "output": 4}, {"input": 7, "output": None})
    {'input': -3}
    """
    both = [(name, counted.get(name), said.get(name)) for name in _COMPARED]
    found = {
        name: theirs - ours for name, ours, theirs in both if ours is not None and isinstance(theirs, int)
    }
    return {name: more for name, more in found.items() if more} or None
