"""How usage and cost records add up: a `total` replaces what was known, a `step` is added."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pancode.core.evolve import evolve
from pancode.core.state import Run, Tally

_TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")


def counted(run: Run, record: Mapping[str, Any]) -> Run:
    """Give the run with one turn, tool_started, usage or cost record counted in."""
    return evolve(run, tally=_tally(run.tally, record))


def _tally(tally: Tally, record: Mapping[str, Any]) -> Tally:
    match record.get("kind"):
        case "turn":
            return replace(tally, turns=(tally.turns or 0) + 1)
        case "tool_started":
            return replace(tally, tool_calls=(tally.tool_calls or 0) + 1)
        case "cost":
            usd = record.get("usd")
            if not isinstance(usd, int | float) or not math.isfinite(usd):
                return tally
            before = tally.usd if record.get("scope") == "step" else None
            return replace(tally, usd=(before or 0.0) + float(usd))
        case "usage":
            step = record.get("scope") == "step"
            new = {key: _sum(getattr(tally, key), record.get(key), step=step) for key in _TOKENS}
            return replace(tally, **new)
        case _:
            return tally


def _sum(before: int | None, said: object, *, step: bool) -> int | None:
    """Add without ever turning an unknown into 0.

    >>> _sum(None, None, step=True), _sum(5, None, step=True), _sum(5, 7, step=True), _sum(5, 7, step=False)
    (None, 5, 12, 7)
    """
    if not isinstance(said, int):
        return before
    return said + (before or 0) if step else said
