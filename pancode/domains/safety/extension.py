"""Registers the safety domain: its gates, its verbs, the inbox, and what the keys do."""

from __future__ import annotations

from pancode.core.host import Host
from pancode.domains.safety.announce import register_announcer
from pancode.domains.safety.enclosure_setup import register_enclosures
from pancode.domains.safety.inbox_setup import register_inbox
from pancode.domains.safety.keyboard import Keyboard
from pancode.domains.safety.policy import Switches, gates
from pancode.domains.safety.workers import is_worker
from pancode.engine import clock
from pancode.engine.tmux.doors import Doors
from pancode.engine.tmux.keys import key_letters


def register(host: Host) -> None:
    """Add gates, verbs and keys."""
    for gate in gates():
        host.gate(gate)
    register_enclosures(host)
    register_inbox(host)
    register_announcer(host)
    switches = Switches(
        lambda: host.world.session, host.post, clock.now, lambda pid: is_worker(host.world, pid)
    )
    host.serve("mode", switches.mode)
    host.serve("safety", switches.safety)
    doors, keyboard = host.need(Doors), Keyboard(lambda: host.world.session, host.post)

    async def follow_keys() -> None:
        await keyboard.follow(key_letters(doors.keys))

    host.background("keys", follow_keys)
