"""Registers the safety domain: its gates, its verbs, and what the keys do."""

from __future__ import annotations

from pancode.core.host import Host
from pancode.domains.safety.policy import Switches, gates, pressed
from pancode.engine import clock
from pancode.engine.tmux.doors import Doors
from pancode.engine.tmux.keys import key_letters


def register(host: Host) -> None:
    """Add gates, verbs and keys."""
    for gate in gates():
        host.gate(gate)
    switches = Switches(lambda: host.world.session, host.post, clock.now)
    host.serve("mode", switches.mode)
    host.serve("safety", switches.safety)
    doors = host.need(Doors)

    async def follow_keys() -> None:
        async for letter in key_letters(doors.keys):
            fact = pressed(letter, host.world.session, clock.now())
            if fact is not None:
                host.post(fact)

    host.background("keys", follow_keys)
