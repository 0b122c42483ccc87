"""Registers the observability domain: status, subscribe, runs, show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.host import Args, Caller, Host
from pancode.domains.isolation.api import Isolation
from pancode.domains.observability.api import About, Snapshot
from pancode.domains.observability.disk import watched_disk
from pancode.domains.observability.records import Records
from pancode.domains.observability.snapshot import WorldSnapshot
from pancode.domains.observability.streams import Streams
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.scheduling.api import Spending
from pancode.engine import clock
from pancode.engine.places import Places
from pancode.engine.store import Store


def register(host: Host) -> None:
    """Add the verbs that tell what is going on."""
    about, spending = host.need(About), host.need(Spending)
    snapshot = WorldSnapshot(
        lambda: host.world,
        clock.now,
        about.facts,
        spending.spent,
        host.need(Isolation).told,
        spending.cost,
        host.need(Configuration).current,
    )
    host.provide(Snapshot, snapshot)

    def agent_of(run: str) -> str | None:
        known = host.world.runs.get(run)
        return None if known is None else known.agent

    streams = Streams(snapshot, agent_of, lambda: host.world.session.attached > 0)
    disk = watched_disk(host, streams.on_session)
    snapshot.disk = disk.told
    host.on(ev.RunChanged, streams.on_run)
    host.on(ev.RunForgotten, streams.on_forgotten)
    host.on(ev.WorkerSaid, streams.on_record)
    host.on(ev.SessionChanged, streams.on_session)
    host.on(ev.ClientsChanged, streams.on_session)
    host.on(ev.SettingsChanged, streams.on_session)
    records = Records(host.need(Places), host.need(Store), snapshot)

    async def status(_: Args, __: Caller) -> Mapping[str, Any]:
        disk.count_soon()
        return snapshot.status()

    host.serve("status", status)
    host.serve("subscribe", streams.subscribe)
    host.serve("runs", records.runs)
    host.serve("runs_show", records.show)
