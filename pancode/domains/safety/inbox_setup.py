"""Connects the inbox with the controller: what it hears and answers, and the gate for agents that fail."""

from __future__ import annotations

from pancode.core import events as ev
from pancode.core.host import Host
from pancode.domains.safety.audit import Audit
from pancode.domains.safety.inbox import Inbox, Surroundings
from pancode.domains.safety.inbox_breaker import Breakers
from pancode.domains.safety.inbox_ledger import Ledger
from pancode.domains.safety.inbox_others import OtherQuestions
from pancode.domains.safety.inbox_verbs import InboxVerbs
from pancode.domains.safety.push import Pushes
from pancode.domains.safety.rescue import Rescue
from pancode.domains.safety.rulefile import RuleFiles
from pancode.domains.safety.workers import is_worker, note, spec_reader
from pancode.engine import clock, files
from pancode.engine.places import Places
from pancode.engine.tmux.environment import Operator

HEARD = ("asked", "answered", "tool_started", "tool_finished")
"""The kinds of the records that the inbox acts on."""


def register_inbox(host: Host) -> None:
    """Let held actions be judged, asked about and answered."""
    places, spec = host.need(Places), spec_reader(host.need(Places))
    breakers = Breakers(host.post, clock.now)
    rescue = Rescue()
    host.provide(Rescue, rescue)
    around = Surroundings(
        world=lambda: host.world,
        post=host.post,
        now=clock.now,
        spec=spec,
        rules=host.need(RuleFiles).current,
        ledger=Ledger(host.need(Audit).append, places.session, note),
        note=note,
        instead=Pushes(spec, host.need(Operator).current).instead,
        rescue=rescue,
    )
    inbox = Inbox(around, breakers)
    others = OtherQuestions(host.post, clock.now, host.need(Audit).append, places.session)
    host.provide(OtherQuestions, others)
    host.on(ev.RunChanged, others.on_run)
    verbs = InboxVerbs(inbox, others, lambda: host.world, clock.now, lambda pid: is_worker(host.world, pid))
    host.gate(breakers.gate)
    host.on_record(HEARD, inbox.on_said)
    host.on(ev.RunChanged, inbox.on_run)
    host.on(ev.SessionChanged, inbox.on_session)
    host.serve("approvals", verbs.approvals)
    host.serve("answer", verbs.answer)
    host.background("inbox", inbox.begin)

    async def recall() -> None:
        runs = list(host.world.runs.values())
        breakers.recall(runs, lambda run: files.read_journal(f"{places.runs}/{run}/events.jsonl"))

    host.background("loop breaker", recall)
