"""Registers the routing service, the gate `tier`, and the verb that shows how workers are rated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core.gates import placed
from pancode.core.host import Args, Caller, Host
from pancode.domains.agents.api import Agents
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.providers.api import Providers
from pancode.domains.routing.api import Router
from pancode.domains.routing.candidates import Services
from pancode.domains.routing.router import Routing
from pancode.domains.scheduling.api import Queue, Spending
from pancode.engine.tmux.environment import Operator


def register(host: Host) -> None:
    """Provide `Router`, add its gate, and answer `pool`."""
    services = Services(
        host.need(Agents), host.need(Providers), host.need(Queue), host.need(Spending), lambda: host.world
    )
    routing = Routing(services, host.need(Configuration))
    operator = host.need(Operator)
    host.provide(Router, routing)
    host.gate(placed("tier", routing.check_tier))

    async def pool(args: Args, _caller: Caller) -> Mapping[str, Any]:
        names = args.get("agents")
        return routing.workers(
            {**operator.current(), **(args.get("env") or {})}, None if names is None else map(str, names)
        )

    host.serve("pool", pool)
    host.background("prices of models", routing.learn_prices)
