"""Connects the tools of turns with the controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.host import Host
from pancode.domains.board.api import Tasks
from pancode.domains.panconfigure.api import Changes, Configuration
from pancode.domains.panos.asking import Asking
from pancode.domains.panos.calls import Calls
from pancode.domains.panos.configuring import Configuring
from pancode.domains.panos.dispatching import Dispatching
from pancode.domains.panos.gatehouse import Gatehouse
from pancode.domains.panos.scouting import Scouting
from pancode.domains.panos.session import Around
from pancode.domains.panos.shared import Shared
from pancode.domains.safety.api import Audit, OtherQuestions, is_worker
from pancode.domains.sharing.api import Sharing
from pancode.engine import clock, files
from pancode.engine.places import Places


def register_tools(host: Host, around: Around, env: Callable[[str], Mapping[str, str]]) -> None:
    """Offer the tools and carry out their calls; `env` gives the variables of whoever speaks in a run."""
    places = host.need(Places)

    def spec(run: str) -> Mapping[str, Any]:
        return files.read_json(f"{places.runs}/{run}/spec.json") or {}

    asking = Asking(host.need(OtherQuestions), clock.now)
    scouting = Scouting(around, host.post, clock.now)
    gatehouse = Gatehouse(lambda: host.world, host.need(Audit).append, places.session)
    calls = Calls(gatehouse, spec, env, lambda pid: is_worker(host.world, pid))
    calls.connect(
        Dispatching(around, asking, places, host.need(Configuration)),
        scouting,
        Configuring(
            around, asking, lambda: host.world.session, host.need(Changes), Shared(host.need(Sharing))
        ),
        host.need(Tasks),
    )
    host.on(ev.RunChanged, asking.on_run)
    host.on(ev.RunChanged, scouting.on_run)
    host.on_record(("tool_started",), scouting.on_said)
    host.serve("panos_tools", calls.tools)
    host.serve("panos_call", calls.call)

    async def recall() -> None:
        scouting.recall(host.world, spec)

    host.background("scouts", recall)
