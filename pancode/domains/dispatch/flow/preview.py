"""What a flow would do, before anything of it has run: its nodes, their costs, what the gates say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pancode.core.errors import PanError
from pancode.domains.agents.api import SHELL, Agents
from pancode.domains.dispatch.applying import Applications
from pancode.domains.dispatch.dryrun import told
from pancode.domains.dispatch.flow.ahead import Ahead
from pancode.domains.dispatch.flow.costs import LOOK_BACK, ranges, total
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.posting import Posting, Terms
from pancode.domains.dispatch.flow.state import State, winner_of
from pancode.domains.dispatch.flow.steps import in_order
from pancode.engine.store import Store

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.requests import FlowStart

NOTHING = {"low": 0.0, "high": 0.0, "runs": 0}
"""What a command costs, and a merge."""


class Preview:
    """Looks ahead; starts and writes nothing."""

    def __init__(
        self, agents: Agents, store: Store, posting: Posting, applications: Applications, ahead: Ahead
    ) -> None:
        """Ask `store` for costs of the past, `applications` for the gates' word, `ahead` for what is done."""
        self._ahead = ahead
        self._posting = posting
        self._applications = applications
        self._agents = agents
        self._store = store

    async def show(self, request: FlowStart) -> dict[str, Any]:
        """Give the nodes in the order in which they could run, with costs and the gates' word.

        A node that an earlier flow has done already costs nothing, and passes no gate.
        """
        flow = request.definition()
        options = request.options.model_dump(mode="json", exclude_defaults=True)
        terms = Terms(request.cwd, options, request.env)
        played = await self._ahead.play(flow, request)
        known = ranges(self._store.runs(LOOK_BACK))
        nodes = [self._node(node, played, terms, known) for node in in_order(flow)]
        cost = total((node["cost"], 1 if node["times"] is None else node["times"]) for node in nodes)
        return {"kind": flow.kind, "name": flow.name, "cost": cost, "nodes": nodes}

    def _node(
        self, node: Node, played: State, terms: Terms, known: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        agent, done = self._agent(node), _done(node, played)
        is_free = bool(node.merge) or self._is_shell(agent) or done["times"] == 0
        return {
            "node": node.name,
            "agent": agent,
            "model": node.model,
            "needs": list(node.needs),
            "when": node.when,
            **done,
            "foreach": node.foreach.node if node.foreach else None,
            "merge": list(node.merge),
            "isolate": node.isolate,
            "verify": node.verify,
            "retry": node.retry,
            "cost": NOTHING if is_free else known.get(agent or ""),
            **self._verdicts(node, played.flow, terms, done["times"]),
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

    def _verdicts(self, node: Node, flow: Flow, terms: Terms, times: int | None) -> dict[str, Any]:
        """Give what the gates say of a node's task and of its check; a merge has none to pass."""
        if node.merge or times == 0:
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


def _done(node: Node, played: State) -> dict[str, Any]:
    """Give what is known of a node's runs before there is one.

    `times`: how often it will run, None if an output will say. `kept`: how many of its units need no run, as
    flow `kept_from` has done them. `passed`: `status` and `why` of one that won't be run at all.
    """
    passed, units = played.passed.get(node.name), played.units.get(node.name)
    if passed is not None:
        return {
            "times": 0,
            "kept": 0,
            "kept_from": None,
            "passed": {"status": passed.status, "why": passed.why},
        }
    if units is None:
        times = 1 if node.foreach is None else None if node.foreach.node else len(node.foreach.items)
        return {"times": times, "kept": 0, "kept_from": None, "passed": None}
    if (winner := winner_of(played)) is not None and winner.node != node.name:
        why = f"{winner.name} has won"
        return {"times": 0, "kept": 0, "kept_from": None, "passed": {"status": "cancelled", "why": why}}
    ends = [unit.outcome for unit in units if unit.outcome is not None]
    flows = [end.reused for end in ends if end.reused is not None]
    return {
        "times": len(units) - len(ends), "kept": len(ends), "kept_from": flows[-1] if flows else None,
        "passed": None,
    }  # fmt: skip
