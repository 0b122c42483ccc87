"""What a model is told of runs and flows: bounded, with how each ended and where the rest stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ONE = 8_000
"""Characters of one run's report."""
EACH = 2_000
"""Characters of the report of one of several runs."""


def bounded(text: str, limit: int, where: str) -> str:
    r"""Give a text of at most `limit` characters, and where the rest of it stands.

    >>> bounded("abcdef", 3, "pancode logs k3f")
    'abc\n[3 more characters: pancode logs k3f]'
    """
    return text if len(text) <= limit else f"{text[:limit]}\n[{len(text) - limit} more characters: {where}]"


def run_told(result: Mapping[str, Any], limit: int = ONE) -> str:
    """Tell how a run ended, and what it has reported."""
    run = str(result.get("run_id"))
    head = f"run {run} ({result.get('agent')}): {result.get('status')}"
    head += "" if result.get("status") == "done" else f", {_why(result)}"
    head += _cost(result.get("cost")) + _changed(run, result.get("changes"))
    said = str(result.get("result") or "").strip()
    return f"{head}\n{bounded(said, limit, f'pancode logs {run}')}" if said else head


def row_told(row: Mapping[str, Any]) -> str:
    """Tell of a run that is under way.

    >>> row_told({"run_id": "k3f", "agent": "dev", "state": "working", "doing": "read a.py"})
    'run k3f (dev): working, read a.py'
    """
    doing = row.get("doing") or row.get("waits") or ""
    return f"run {row['run_id']} ({row['agent']}): {row['state']}" + (f", {doing}" if doing else "")


def flow_told(flow: Mapping[str, Any], limit: int = EACH) -> str:
    """Tell how a flow has ended, or how far it is, and what each of its runs has reported."""
    units = [(node, unit) for node in flow["nodes"] for unit in node["units"]]
    head = f"{flow['kind']} {flow['flow_id']}: {flow['status'] or 'working'}{_cost(flow.get('cost'))}"
    passed = [
        f"{node['node']}: {node['status']}, {node['why']}" for node in flow["nodes"] if not node["units"]
    ]
    return "\n\n".join([head, *(_unit(node, unit, limit) for node, unit in units), *passed])


def _unit(node: Mapping[str, Any], unit: Mapping[str, Any], limit: int) -> str:
    run = unit.get("run_id")
    head = f"{unit['unit']}: {unit['status']}" + (f" (run {run})" if run else "")
    why = unit.get("said") or (unit.get("reason") if unit["status"] not in ("done", "working") else None)
    head += f", {why}" if why else ""
    said = str(unit.get("result") or "").strip()
    where = f"pancode logs {run}" if run else f"pancode flow show {node['node']}"
    return f"{head}\n{bounded(said, limit, where)}" if said else head


def _why(result: Mapping[str, Any]) -> str:
    record = (result.get("evidence") or {}).get("record") or {}
    words = record.get("message") or record.get("problem") or record.get("why") or ""
    return f"{result.get('reason')}: {words}" if words else str(result.get("reason"))


def _cost(cost: object) -> str:
    usd = cost.get("usd") if isinstance(cost, Mapping) else None
    return "" if usd is None else f", ${usd:.4f}"


def _changed(run: str, changes: object) -> str:
    if not isinstance(changes, Mapping):
        return ""
    return f", {changes.get('files')} files changed in its clone: pancode merge {run} brings them here"
