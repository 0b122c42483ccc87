"""What a flow would do, before anything of it has run: its nodes in order, and what they may cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.agents.api import SHELL, Agents
from pancode.domains.dispatch.flow.costs import LOOK_BACK, ranges, total
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.steps import in_order
from pancode.engine.store import Store

NOTHING = {"low": 0.0, "high": 0.0, "runs": 0}
"""What a command costs, and a merge."""


class Preview:
    """Looks ahead; starts and writes nothing."""

    def __init__(self, agents: Agents, store: Store) -> None:
        """Ask `store` what runs have cost."""
        self._agents = agents
        self._store = store

    def show(self, flow: Flow) -> dict[str, Any]:
        """Give the nodes in the order in which they could run, each with what it may cost."""
        known = ranges(self._store.runs(LOOK_BACK))
        nodes = [self._node(node, known) for node in in_order(flow)]
        cost = total((node["cost"], node["times"] or 1) for node in nodes)
        return {"kind": flow.kind, "name": flow.name, "cost": cost, "nodes": nodes}

    def _node(self, node: Node, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        agent, problem = self._agent(node)
        is_free = bool(node.merge) or (agent is not None and self._agents.get(agent).runtime == SHELL)
        return {
            "node": node.name,
            "agent": agent,
            "model": node.model,
            "needs": list(node.needs),
            "when": node.when,
            "times": _times(node),
            "foreach": node.foreach.node if node.foreach else None,
            "merge": list(node.merge),
            "isolate": node.isolate,
            "verify": node.verify,
            "retry": node.retry,
            "cost": NOTHING if is_free else known.get(agent or ""),
            "gates": [problem] if problem else [],
        }

    def _agent(self, node: Node) -> tuple[str | None, dict[str, Any] | None]:
        if node.merge:
            return None, None
        try:
            return self._agents.get(node.agent).name, None
        except PanError as error:
            return node.agent, {"gate": "agent", "allowed": False, "said": str(error)}


def _times(node: Node) -> int | None:
    """Give how often a node runs at least; None if an output will say."""
    if node.foreach is None:
        return 1
    return None if node.foreach.node is not None else len(node.foreach.items)
