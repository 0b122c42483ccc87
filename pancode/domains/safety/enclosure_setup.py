"""Connects rules, audit log and enclosures with the controller."""

from __future__ import annotations

import asyncio
from threading import Lock

from pancode.core.host import Host
from pancode.domains.safety.api import Enclosures, Machine, known_machine
from pancode.domains.safety.audit import Audit, audit_path
from pancode.domains.safety.rulefile import RuleFiles
from pancode.domains.safety.typed import typed_gate
from pancode.engine.places import Places


def register_enclosures(host: Host) -> None:
    """Provide the rules, the audit log and the enclosures, and add the gate for typed commands."""
    session = host.need(Places)
    rules, audit = RuleFiles(session.project), Audit(audit_path())
    host.provide(RuleFiles, rules)
    host.provide(Audit, audit)
    host.gate(typed_gate(rules.current, audit.append, session.session))
    looking = Lock()

    def machine() -> Machine:
        with looking:  # Only the first one looks.
            return known_machine(session.home)

    async def try_the_machine() -> None:
        await asyncio.to_thread(machine)

    host.provide(Enclosures, Enclosures(machine, rules.current, session.project))
    host.background("machine", try_the_machine)
