"""Registers the scheduling domain: when queued runs start, and what the session has cost."""

from __future__ import annotations

from pancode.core.events import RunChanged, RunQueued, StartCleared
from pancode.core.host import Host
from pancode.core.state import Queued
from pancode.domains.scheduling.api import Spending
from pancode.domains.scheduling.spending import Ledger
from pancode.engine import clock
from pancode.engine.store import Store


def register(host: Host) -> None:
    """Offer the ledger, and keep it current."""
    ledger = Ledger(host.need(Store), lambda: host.world)
    host.provide(Spending, ledger)

    def on_change(event: RunChanged) -> None:
        if event.ended:
            ledger.refresh()

    host.on(RunChanged, on_change)

    def start(event: RunQueued) -> None:
        host.post(StartCleared(run=event.run, at=clock.now()))

    async def start_the_waiting() -> None:
        for run in list(host.world.runs.values()):
            if isinstance(run.state, Queued):
                host.post(StartCleared(run=run.id, at=clock.now()))

    host.on(RunQueued, start)
    host.background("start what waits", start_the_waiting)
