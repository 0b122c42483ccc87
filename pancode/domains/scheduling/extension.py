"""Registers the scheduling domain: what the session has cost."""

from __future__ import annotations

from pancode.core.events import RunChanged
from pancode.core.host import Host
from pancode.domains.scheduling.api import Spending
from pancode.domains.scheduling.spending import Ledger
from pancode.engine.store import Store


def register(host: Host) -> None:
    """Offer the ledger, and keep it current."""
    ledger = Ledger(host.need(Store), lambda: host.world)
    host.provide(Spending, ledger)

    def on_change(event: RunChanged) -> None:
        if event.ended:
            ledger.refresh()

    host.on(RunChanged, on_change)
