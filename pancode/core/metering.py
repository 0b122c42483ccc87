"""What the gateway saw of a run's model calls, added up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pancode.core.state import Metered, Run

_TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")


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
    return replace(run, metered=after)


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
