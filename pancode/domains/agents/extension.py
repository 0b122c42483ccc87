"""Registers the agents service, its socket handlers, and the first look for installed CLIs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pancode.core.host import Args, Caller, Host
from pancode.domains.agents import view
from pancode.domains.agents.api import Agents
from pancode.domains.agents.registry import Registry
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.prompts.api import Prompts
from pancode.domains.providers.api import Providers
from pancode.engine.places import Places


def register(host: Host) -> None:
    """Provide `Agents`; answer `agents`, `runtimes` and `reload_agents`."""
    project = host.need(Places).project
    registry = Registry(
        project, dict(os.environ), host.need(Configuration), host.need(Prompts), host.need(Providers)
    )
    host.provide(Agents, registry)

    async def agents(args: Args, _caller: Caller) -> Mapping[str, Any]:
        tag = args.get("tag")
        return view.agents(registry, None if tag is None else str(tag))

    async def runtimes(_args: Args, _caller: Caller) -> Mapping[str, Any]:
        await registry.discover()
        return view.runtimes(registry)

    async def reload_agents(_args: Args, _caller: Caller) -> Mapping[str, Any]:
        registry.reload()
        await registry.discover()
        return view.agents(registry)

    host.serve("agents", agents)
    host.serve("runtimes", runtimes)
    host.serve("reload_agents", reload_agents)
    host.background("discovery", registry.discover)
