"""Registers the panos domain: the conversation, and the tools of its turns."""

from __future__ import annotations

from pancode.core import events as ev
from pancode.core.host import Host
from pancode.domains.agents.api import Agents
from pancode.domains.panconfigure.api import Configuration
from pancode.domains.panos.session import Around
from pancode.domains.panos.talk import Talk
from pancode.domains.panos.tools_setup import register_tools
from pancode.domains.providers.api import Providers
from pancode.domains.safety.api import is_worker
from pancode.engine.places import Places
from pancode.engine.tmux.environment import Operator


def register(host: Host) -> None:
    """Take what the operator says, and offer the orchestrator his tools."""

    def worker(pid: int | None) -> bool:
        return is_worker(host.world, pid)

    around = Around(lambda: host.world, host.ask)
    operator, places = host.need(Operator).current, host.need(Places)
    talk = Talk(
        around,
        places,
        host.need(Agents),
        host.need(Providers),
        host.need(Configuration),
        operator,
        worker,
    )
    register_tools(host, around, talk.env_of)
    host.on(ev.RunChanged, talk.on_run)
    host.serve("ask", talk.ask)
    host.serve("conversation", talk.conversation)

    async def recall() -> None:
        talk.recall()

    host.background("conversation", recall)
