"""Registers the dispatch domain: its gates, its effects, its verbs."""

from __future__ import annotations

from pancode.core import effects as do
from pancode.core.events import RunChanged
from pancode.core.host import Host
from pancode.domains.agents.api import Agents
from pancode.domains.dispatch.admission import Admission, register_gates
from pancode.domains.dispatch.again import register_again
from pancode.domains.dispatch.api import Orders
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.flow.registering import register_flows
from pancode.domains.dispatch.metering import register_calls
from pancode.domains.dispatch.nativehost import register_native
from pancode.domains.dispatch.outside import Outside
from pancode.domains.dispatch.pausing import register_pausing
from pancode.domains.dispatch.playing import register_playing
from pancode.domains.dispatch.stopping import Stopping
from pancode.domains.dispatch.verbs import Verbs, warm_up
from pancode.domains.dispatch.watchdog import Watchdog
from pancode.domains.isolation.api import Isolation
from pancode.domains.observability.api import Snapshot
from pancode.domains.routing.api import Router
from pancode.domains.safety.api import Enclosures
from pancode.domains.scheduling.api import Queue
from pancode.engine.tmux.workers import WorkerPanes


def register(host: Host) -> None:
    """Connect requests, facts and effects to the dispatcher."""
    panes, admission = host.need(WorkerPanes), host.need(Admission)
    register_gates(host)
    around = host.need(Outside), host.need(Agents), admission, host.need(Enclosures), host.need(Isolation)
    dispatcher = Dispatcher(*around)
    dispatcher.applications.choose_by(host.need(Router))
    register_playing(host, dispatcher.preparation)
    host.provide(Dispatcher, dispatcher)
    host.provide(Orders, dispatcher.links)
    host.performs(do.OpenPane, dispatcher.open_pane)
    host.performs(do.OrderStop, dispatcher.order_stop)
    host.performs(do.SendAnswer, dispatcher.links.send_answer)
    host.performs(do.CloseBooks, dispatcher.close_books)
    flows = register_flows(host, dispatcher)
    stopping = Stopping(dispatcher.folders, flows, lambda: host.world, host.post)
    verbs = Verbs(dispatcher, panes, host.need(Snapshot), lambda: host.world, stopping.stop, host.need(Queue))
    host.background("warm up", warm_up)
    register_pausing(host, dispatcher)
    again = register_again(host, dispatcher, verbs.brief)
    watchdog = Watchdog(dispatcher, lambda: host.world, host.post, again.try_again)
    host.performs(do.TakeCare, watchdog.take_care)
    for each in (stopping.on_change, verbs.on_change, watchdog.on_change):
        host.on(RunChanged, each)
    host.background("watchdog", watchdog.watch)
    register_calls(host)
    host.background("fork server", dispatcher.forking.keep)
    register_native(host, dispatcher.native, dispatcher.gatekeeper, host.need(Agents), dispatcher.note)
    for name in ("run", "dry_run", "wait", "stop", "say", "resolve", "show"):
        host.serve(name, getattr(verbs, name))
