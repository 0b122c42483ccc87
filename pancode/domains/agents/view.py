"""The agents and runtimes as JSON: for the socket, and for `--json`; the shape is in docs/agents.md."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.api import Agent, Agents, Mistake, RuntimeInfo
from pancode.domains.agents.discover import which


def agents(service: Agents, tag: str | None = None) -> dict[str, Any]:
    """Give all agents (or those with the tag) and the mistakes; PanError NOT_FOUND for a tag nobody has."""
    every = service.all()
    tags = sorted({each for agent in every for each in agent.tags})
    if tag is not None and tag not in tags:
        raise PanError(
            f'no agent has the tag "{tag}"',
            remedy=f"one of {', '.join(tags)}",
            code=ExitCode.NOT_FOUND,
        )
    chosen = [agent for agent in every if tag is None or tag in agent.tags]
    return {"agents": [_agent(agent, service) for agent in chosen], "mistakes": _mistakes(service.mistakes())}


def runtimes(service: Agents) -> dict[str, Any]:
    """Give all runtimes, in the order that `runtime: auto` tries them, then those to come."""
    return {"runtimes": [_runtime(info) for info in service.runtimes()]}


def is_ready(agent: Agent, service: Agents) -> bool:
    """Whether the program that the agent runs on is there."""
    if agent.command is not None:
        program = agent.command[0]
        return which(program, os.environ.get("PATH", os.defpath)) is not None or os.access(program, os.X_OK)
    runtime = service.resolve(agent)
    return any(info.id == runtime and info.status != "missing" for info in service.runtimes())


def _agent(agent: Agent, service: Agents) -> dict[str, Any]:
    return asdict(agent) | {"runs_on": service.resolve(agent), "ready": is_ready(agent, service)}


def _runtime(info: RuntimeInfo) -> dict[str, Any]:
    return asdict(info)


def _mistakes(found: Sequence[Mistake]) -> list[dict[str, Any]]:
    return [asdict(mistake) for mistake in found]
