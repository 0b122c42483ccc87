"""How each agent's runs ended, from the index alone; no opinion below five runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ENOUGH = 5
"""Ended runs below which a rate would say nothing."""


def outcomes(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give per agent: runs, done, success rate (None: too little data), mean seconds, mean dollars.

    Refused and cancelled runs say nothing about an agent and are left out.

    >>> row = {"agent": "codex", "status": "done", "queued": 1.0, "ended": 3.0, "result": None}
    >>> outcomes([row])["codex"]["seconds"], outcomes([row])["codex"]["rate"]
    (2.0, None)
    """
    by_agent: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["status"] not in (None, "refused", "cancelled"):
            by_agent.setdefault(row["agent"], []).append(row)
    return {agent: _summary(ended) for agent, ended in sorted(by_agent.items())}


def _summary(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    done = sum(row["status"] == "done" for row in rows)
    costs = [usd for row in rows if (usd := ((row["result"] or {}).get("cost") or {}).get("usd")) is not None]
    return {
        "runs": len(rows),
        "done": done,
        "rate": done / len(rows) if len(rows) >= ENOUGH else None,
        "seconds": sum(row["ended"] - row["queued"] for row in rows) / len(rows),
        "usd": sum(costs) / len(costs) if costs else None,
    }
