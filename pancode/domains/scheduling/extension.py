"""Registers the scheduling domain: when queued runs start, what they may cost, and what they did."""

from __future__ import annotations

from pancode.core.host import Host
from pancode.domains.scheduling.money import register_money
from pancode.domains.scheduling.scheduler_setup import register_scheduler


def register(host: Host) -> None:
    """Keep the ledger and the budgets; let what is queued start."""
    register_money(host)
    register_scheduler(host)
