"""Registers the intelligence domain: what the ledger proposes for a task, for whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller, Host
from pancode.domains.agents.api import Agents
from pancode.domains.intelligence.gather import gather
from pancode.domains.intelligence.telling import proposed
from pancode.engine.places import Places


def register(host: Host) -> None:
    """Answer `proposal`."""
    home, agents = host.need(Places).home, host.need(Agents)

    async def proposal(args: Args, _: Caller) -> Mapping[str, Any]:
        task = args.get("task")
        if not isinstance(task, str) or not task.strip():
            raise PanError("which task?", remedy='pancode plan "TASK"', code=ExitCode.USAGE)
        outcomes = await asyncio.to_thread(gather, home)
        allowed = {agent.name for agent in agents.all()}
        return proposed(task, outcomes, agents.get(None).name, allowed)

    host.serve("proposal", proposal)
