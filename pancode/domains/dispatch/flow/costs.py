"""What a run of an agent has cost so far, as a range; nothing is known of one that has never told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

LOOK_BACK = 1000
"""Runs of the past that are looked at."""


def ranges(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give per agent `low` and `high` (dollars, of ten runs the first and the ninth) and `runs` that told.

    Only runs that ended done count: one that was refused or broke off says nothing about the next.

    >>> row = {"agent": "codex", "status": "done", "result": {"cost": {"usd": 0.25}}}
    >>> ranges([row, {**row, "result": {"cost": {"usd": None}}}])
    {'codex': {'low': 0.25, 'high': 0.25, 'runs': 1}}
    """
    told: dict[str, list[float]] = {}
    for row in rows:
        usd = ((row.get("result") or {}).get("cost") or {}).get("usd")
        if row.get("status") == "done" and isinstance(usd, int | float):
            told.setdefault(str(row["agent"]), []).append(float(usd))
    return {agent: _range(sorted(costs)) for agent, costs in told.items()}


def _range(costs: list[float]) -> dict[str, Any]:
    last = len(costs) - 1
    return {"low": costs[round(last * 0.1)], "high": costs[round(last * 0.9)], "runs": len(costs)}


def total(parts: Iterable[tuple[Mapping[str, Any] | None, int]]) -> dict[str, Any]:
    """Add up the ranges of nodes, each as often as it runs; `unknown` counts those that nobody knows.

    >>> total([({"low": 1.0, "high": 2.0, "runs": 3}, 2), (None, 1)])
    {'low': 2.0, 'high': 4.0, 'unknown': 1}
    """
    low = high = 0.0
    unknown = known = 0
    for part, times in parts:
        if part is None:
            unknown += times
        else:
            known += 1
            low, high = low + part["low"] * times, high + part["high"] * times
    return {"low": low if known else None, "high": high if known else None, "unknown": unknown}
