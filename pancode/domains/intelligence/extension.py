"""Registers the intelligence domain: what the record says about each agent, for whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core.host import Args, Caller, Host
from pancode.domains.intelligence.outcomes import outcomes
from pancode.engine.store import Store

LOOK_BACK = 1000
"""Runs of the past that are looked at."""


def register(host: Host) -> None:
    """Answer `outcomes`."""
    store = host.need(Store)

    async def answer(_: Args, __: Caller) -> Mapping[str, Any]:
        return {"agents": outcomes(store.runs(LOOK_BACK))}

    host.serve("outcomes", answer)
