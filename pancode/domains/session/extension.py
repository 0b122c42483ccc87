"""Registers the session domain: ping, shutdown, and keeping mode and level."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pancode.core.effects import KeepSession
from pancode.core.host import Args, Caller, Host
from pancode.core.state import Run
from pancode.domains.isolation.api import Isolation
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.session.keeping import keep
from pancode.domains.session.persist import persist
from pancode.domains.session.shutdown import Shutdown
from pancode.engine.loop import Leave
from pancode.engine.places import Places
from pancode.engine.store import Store


def register(host: Host) -> None:
    """Add the verbs that concern the session as a whole."""
    places = host.need(Places)

    async def ping(_: Args, __: Caller) -> Mapping[str, Any]:
        return {"pid": os.getpid()}

    host.serve("ping", ping)
    configuration = host.need(Configuration)
    isolation, store = host.need(Isolation), host.need(Store)

    async def written(runs: list[Run]) -> list[str]:
        return await persist(runs, isolation.collected, store.commit)

    shutdown = Shutdown(lambda: host.world, host.post, written, host.need(Leave).now)
    host.serve("shutdown", shutdown.shutdown)
    host.performs(
        KeepSession, lambda _: keep(places.session_file, host.world.session, configuration.current())
    )
