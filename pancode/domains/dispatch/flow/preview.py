"""What a flow would do, before anything of it has run: its nodes, their costs, what the gates say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.agents.api import SHELL, Agents
from pancode.domains.dispatch.applying import Applications
from pancode.domains.dispatch.dryrun import told
from pancode.domains.dispatch.flow.costs import LOOK_BACK, ranges, total
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.posting import Posting, Terms
from pancode.domains.dispatch.flow.steps import in_order
from pancode.engine.store import Store

NOTHING = {"low": 0.0, "high": 0.0, "runs": 0}
"""What a command costs, and a merge."""


class Preview:
    """Looks ahead; starts and writes nothing."""

    def __init__(self, agents: Agents, store: Store, posting: Posting, applications: Applications) -> None:
        """Ask `store` what runs have cost, and `applications` what the gates say."""
        self._posting = posting
        self._applications = applications
        self._agents = agents
        self._store = store

    def show(self, flow: Flow, terms: Terms) -> dict[str, Any]:
        """Give the nodes in the order in which they could run, with costs and the gates' word."""
        known = ranges(self._store.runs(LOOK_BACK))
        nodes = [self._node(node, flow, terms, known) for node in in_order(flow)]
        cost = total((node["cost"], node["times"] or 1) for node in nodes)
        return {"kind": flow.kind, "name": flow.name, "cost": cost, "nodes": nodes}

    def _node(
        self, node: Node, flow: Flow, terms: Terms, known: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        agent = self._agent(node)
        is_free = bool(node.merge) or self._is_shell(agent)
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
            **self._verdicts(node, flow, terms),
        }

    def _agent(self, node: Node) -> str | None:
        """Give the name of a node's agent, also where there is none of that name."""
        if node.merge:
            return None
        try:
            return self._agents.get(node.agent).name
        except PanError:
            return node.agent

    def _is_shell(self, agent: str | None) -> bool:
        try:
            return agent is not None and self._agents.get(agent).runtime == SHELL
        except PanError:
            return False

    def _verdicts(self, node: Node, flow: Flow, terms: Terms) -> dict[str, Any]:
        """Give what the gates say of a node's task and of its check; a merge has none to pass."""
        if node.merge:
            return {"admitted": True, "gates": [], "routing": None}
        try:
            requests = self._posting.dry(node, flow.original, terms)
        except PanError as error:
            wrong = {"gate": "agent", "verdict": "refuses", "problem": error.problem, "remedy": error.remedy}
            return {"admitted": False, "gates": [wrong], "routing": None}
        cases = [told(self._applications.judge(each, None, is_dry=True), _nobody) for each in requests]
        gates = [gate for case in cases for gate in case["gates"]]
        admitted = all(case["admitted"] for case in cases)
        return {"admitted": admitted, "gates": gates, "routing": _chosen(cases[0])}


def _chosen(case: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the worker that a task would get by what it wants, and why; None where nothing is chosen."""
    if case["routing"] is None:
        return None
    return {**{key: case["run"][key] for key in ("agent", "runtime", "model")}, "why": case["routing"]["why"]}


def _nobody(_: object) -> None:
    """Leave it open for whom a node would wait."""


def _times(node: Node) -> int | None:
    """Give how often a node runs at least; None if an output will say."""
    if node.foreach is None:
        return 1
    return None if node.foreach.node is not None else len(node.foreach.items)
