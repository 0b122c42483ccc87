"""A flow as verbs show it: one object, the same for a live one and for one of last week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pancode.domains.dispatch.flow.definition import Node
from pancode.domains.dispatch.flow.state import State, Unit, added, status_of, winner_of
from pancode.domains.dispatch.flow.template import cut

Row = Callable[[str], Mapping[str, Any] | None]
"""Gives what is known of a live run; None for one that isn't live."""


def view(flow_id: str, about: Mapping[str, Any], state: State, row: Row) -> dict[str, Any]:
    """Give everything that is known about a flow."""
    nodes = [_node(state, node, row) for node in state.flow.nodes]
    units = [unit for node in nodes for unit in node["units"]]
    usd: float | None = None
    for unit in units:
        usd = added(usd, unit["cost"]["usd"])
    winner = winner_of(state)
    return {
        "flow_id": flow_id,
        "kind": state.flow.kind,
        "name": state.flow.name,
        "source": about.get("source"),
        "status": state.closed.status if state.closed else None,
        "created": about.get("created"),
        "ended": state.closed.at if state.closed else None,
        "counts": counts(units),
        "cost": {"usd": usd, "source": "unknown" if usd is None else "agent"},
        "winner": None if winner is None else {"node": winner.name, "run_id": winner.run},
        "nodes": nodes,
    }


def brief(told: Mapping[str, Any]) -> dict[str, Any]:
    """Give what lists tell of a flow: all but its nodes."""
    return {key: value for key, value in told.items() if key != "nodes"}


def counts(units: list[dict[str, Any]]) -> dict[str, int]:
    """Count the units by where they are: waiting, working, done, cancelled, and ended badly."""
    states = [unit["status"] for unit in units]
    waiting, working = states.count("waiting"), states.count("working") + states.count("checking")
    done, cancelled = states.count("done"), states.count("cancelled")
    return {
        "waiting": waiting,
        "working": working,
        "done": done,
        "failed": len(states) - waiting - working - done - cancelled,
        "cancelled": cancelled,
    }


def _node(state: State, node: Node, row: Row) -> dict[str, Any]:
    passed = state.passed.get(node.name)
    return {
        "node": node.name,
        "agent": node.agent,
        "model": node.model,
        "needs": list(node.needs),
        "merge": list(node.merge),
        "status": status_of(state, node.name),
        "why": passed.why if passed else None,
        "units": [_unit(state, unit, row) for unit in state.units.get(node.name, ())],
    }


def _unit(state: State, unit: Unit, row: Row) -> dict[str, Any]:
    end = unit.outcome if unit.phase == "ended" else None
    live = row(unit.active) if unit.active else None
    usd = unit.outcome.usd if unit.outcome else None
    return {
        "unit": unit.name,
        "item": unit.item,
        "status": end.status if end else _phase(state, unit),
        "reason": end.reason if end else None,
        "said": end.said if end and not end.is_done else None,
        "attempt": unit.attempt,
        "run_id": unit.run,
        "check_run_id": unit.check,
        "reused": end.reused if end else None,
        "doing": (live or {}).get("doing") or (live or {}).get("state"),
        "result": cut(end.output.text, end.output.file).text if end else None,
        "seconds": end.seconds if end else None,
        "cost": {"usd": usd, "source": "unknown" if usd is None else "agent"},
    }


def _phase(state: State, unit: Unit) -> str:
    if state.closed is not None:
        return "cancelled"
    return {"waiting": "waiting", "working": "working"}.get(unit.phase, "checking")
