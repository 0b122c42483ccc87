"""Registers the isolation domain: its service, and what an earlier controller has left undone."""

from __future__ import annotations

import asyncio
import logging

from pancode.core.errors import PanError
from pancode.core.host import Host
from pancode.domains.isolation.service import Isolation
from pancode.domains.safety.api import Rescue
from pancode.engine.places import Places
from pancode.engine.tmux.environment import Operator

log = logging.getLogger("pancode")


def register(host: Host) -> None:
    """Offer the service, and take up what an earlier controller left in its clones."""
    operator = host.need(Operator)
    isolation = Isolation(host.need(Places), operator.current, log.warning)
    host.provide(Isolation, isolation)
    host.need(Rescue).use(isolation.checkpoints)

    async def settle() -> None:
        try:
            await asyncio.to_thread(isolation.settle, operator.current())
        except PanError as error:
            log.warning("%s", error)

    async def collect_the_rest() -> None:
        for run in await asyncio.to_thread(isolation.uncollected):
            known = host.world.runs.get(run)
            if known is None or not known.is_live:
                isolation.collect_later(run)

    host.background("go on with a merge that was cut off", settle)
    host.background("collect changes", collect_the_rest)
    host.background("first checkpoint", isolation.checkpoints.warm_up)
