"""Registers the providers service, its socket handlers, and what keeps the list of models fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pancode.core.host import Args, Caller, Host
from pancode.domains.panconfigure.api import Configuration, Settings
from pancode.domains.providers import view
from pancode.domains.providers.api import Providers
from pancode.domains.providers.service import Service
from pancode.engine.tmux.environment import Operator


def register(host: Host) -> None:
    """Provide `Providers`; answer `models`, `providers` and `refresh_models`; ask behind everything else."""
    service = Service(host.need(Configuration), host.need(Settings).home)
    host.provide(Providers, service)
    operator = host.need(Operator)

    async def models(_args: Args, _caller: Caller) -> Mapping[str, Any]:
        return view.models(service, operator.current())

    async def providers(_args: Args, _caller: Caller) -> Mapping[str, Any]:
        return view.providers(service, operator.current())

    async def refresh_models(_args: Args, _caller: Caller) -> Mapping[str, Any]:
        environment = operator.current()
        await asyncio.to_thread(service.refresher(environment).refresh, environment, thorough=True)
        return view.models(service, environment)

    async def keep_fresh() -> None:
        environment = operator.current()
        await service.refresher(environment).keep_fresh(environment)

    host.serve("models", models)
    host.serve("providers", providers)
    host.serve("refresh_models", refresh_models)
    host.background("model providers", keep_fresh)
