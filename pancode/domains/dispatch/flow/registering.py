"""Connects the engine of flows to the controller."""

from __future__ import annotations

from pancode.core.events import RunChanged
from pancode.core.host import Host
from pancode.domains.agents.api import Agents
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.flow.ahead import Ahead
from pancode.domains.dispatch.flow.preview import Preview
from pancode.domains.dispatch.flow.runner import Flows
from pancode.domains.dispatch.flow.verbs import FlowVerbs
from pancode.domains.dispatch.outside import Outside
from pancode.domains.dispatch.tidying import register_tidying
from pancode.domains.observability.api import Snapshot
from pancode.domains.safety.api import is_worker
from pancode.engine.store import Store


def register_flows(host: Host, dispatcher: Dispatcher) -> Flows:
    """Serve the verbs of flows, and go on with those that an earlier controller has begun; give them."""
    agents, outside = host.need(Agents), host.need(Outside)
    flows = Flows(dispatcher, agents, outside)
    host.on(RunChanged, flows.on_change)
    host.background("flows", flows.recover)
    register_tidying(host, dispatcher.note)  # What is kept of flows is the most of it.
    ahead = Ahead(dispatcher, agents, outside)
    preview = Preview(agents, host.need(Store), flows.posting, dispatcher.applications, ahead)
    verbs = FlowVerbs(flows, host.need(Snapshot), preview, lambda pid: is_worker(host.world, pid))
    for name in ("flow_start", "flow_preview", "flow_wait", "flow_list", "flow_show", "flow_stop"):
        host.serve(name, getattr(verbs, name))
    return flows
