"""Registers the scheduling domain: when queued runs start, and what the session has cost."""

from __future__ import annotations

from pancode.core.events import RunQueued, StartCleared
from pancode.core.host import Host
from pancode.core.state import Queued
from pancode.domains.scheduling.money import register_money
from pancode.engine import clock


def register(host: Host) -> None:
    """Keep the ledger and the budgets; let what is queued start."""
    register_money(host)

    def start(event: RunQueued) -> None:
        host.post(StartCleared(run=event.run, at=clock.now()))

    async def start_the_waiting() -> None:
        for run in list(host.world.runs.values()):
            if isinstance(run.state, Queued):
                host.post(StartCleared(run=run.id, at=clock.now()))

    host.on(RunQueued, start)
    host.background("start what waits", start_the_waiting)
