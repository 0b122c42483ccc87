"""Answers about past runs and flows when no controller is up: read from the disk, never written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any

import click

from pancode.core.errors import ExitCode, PanError
from pancode.engine.places import Places

Ask = Callable[..., dict[str, Any]]


class _Nobody:
    """There is no client to stream to."""

    gone = True
    pid = None

    async def send(self, event: Mapping[str, Any]) -> None:
        """Nobody listens."""

    def tell(self, event: Mapping[str, Any]) -> None:
        """Nobody listens."""


class _NoLiveRuns:
    """Without a controller nothing is known of live runs."""

    def status(self) -> dict[str, Any]:
        """Nothing is live."""
        return {}

    def session(self) -> dict[str, Any]:
        """Nothing is known."""
        return {}

    def row(self, run_id: str) -> dict[str, Any]:
        """No run is in memory."""
        raise KeyError(run_id)


def request_or_read(verb: str, args: Mapping[str, Any], places: Places, ask: Ask) -> dict[str, Any]:
    """Ask the controller; if none is up, answer about runs and flows from the disk."""
    try:
        return ask(verb, args, places=places)
    except PanError as error:
        if error.code is not ExitCode.UNREACHABLE or not os.path.exists(places.database):
            raise
    if verb.startswith("flow_"):
        from pancode.domains.dispatch.api import flows_on_disk

        flows = flows_on_disk(places.state)
        found = flows.listed() if verb == "flow_list" else flows.show(args)
        if None in [flow["status"] for flow in found.get("flows", [found])]:
            click.echo("pancode: no session is up; what has not ended goes on with pancode up", err=True)
        return found
    from pancode.domains.observability.records import Records
    from pancode.engine.store import Store

    store = Store(places.database)
    try:
        records = Records(places, store, _NoLiveRuns())
        answer = records.runs if verb == "runs" else records.show
        return dict(asyncio.run(answer(args, _Nobody())))
    finally:
        store.close()
