"""Agents that a flow names and that are not there: told before anything of it runs, and is paid for."""

from __future__ import annotations

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.api import Agents
from pancode.domains.dispatch.flow.definition import Flow
from pancode.domains.dispatch.flow.holding import line_naming

NAMED = 3
"""Nodes of one unknown agent that are named."""


def check(flow: Flow, agents: Agents, source: str | None) -> None:
    """Raise a PanError that names each unknown agent, by file and line where `source` is the flow's file.

    REFUSED, as for a single run; CONFIG for a file.
    """
    nodes: dict[str | None, list[str]] = {}
    for node in flow.nodes:
        if not node.merge:
            nodes.setdefault(node.agent, []).append(node.name)
    found = [(agent, error) for agent in nodes if (error := _unknown(agent, agents)) is not None]
    if not found:
        return
    lines = [f"{_place(nodes[agent], agent, source)}: {error.problem}" for agent, error in found]
    code = ExitCode.REFUSED if source is None else ExitCode.CONFIG
    raise PanError("\n  ".join(lines), remedy=found[0][1].remedy, code=code)


def _unknown(agent: str | None, agents: Agents) -> PanError | None:
    try:
        agents.get(agent)
    except PanError as error:
        return error
    return None


def _place(nodes: list[str], agent: str | None, source: str | None) -> str:
    named = ", ".join(nodes[:NAMED]) + (" …" if len(nodes) > NAMED else "")
    return named if source is None else f"{source}:{line_naming(source, 'agent', str(agent))}: {named}"
