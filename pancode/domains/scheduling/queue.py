"""Which queued runs may start now, why the others wait, and when to look again. Pure: no clock, no I/O.

Higher priority goes first, then age. A run gains one point for each minute that it has waited, so nothing
starves; and once it has waited for a minute, the next place that it lacks is kept for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pancode.domains.scheduling.health import Began, Health, after
from pancode.domains.scheduling.limits import MEGABYTE, Limits
from pancode.domains.scheduling.view import Live, View, Waiting, needs

STAGGER = 0.15
"""Seconds between the starts of two runs of one provider."""
AGEING = 60.0
"""Seconds of waiting that weigh as much as one point of priority."""
PATIENCE = 60.0
"""Seconds of waiting after which the next place is kept for a run."""
SETTLING = 15.0
"""Seconds after its start in which a run's memory is reckoned, not seen."""
LOOK_AT_MEMORY = 2.0
"""Seconds until free memory is looked at again for a run that waits for it."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What follows: runs to start, in this order; why each of the others waits; and those that can't start.

    `dropped` maps a run to why it never can. `again` is when to look again though nothing happens.
    """

    starts: tuple[str, ...]
    holds: Mapping[str, str]
    dropped: Mapping[str, str]
    again: float | None


def in_order(waiting: tuple[Waiting, ...], now: float) -> list[Waiting]:
    """Give the queue: the first is the next to start if nothing holds it."""
    return sorted(waiting, key=lambda one: (-rank(one, now), one.since, one.run))


def rank(one: Waiting, now: float) -> int:
    """Give the priority that counts at this moment."""
    return one.priority + int(max(0.0, now - one.since) // AGEING)


def next_steps(view: View, limits: Limits, now: float) -> Steps:
    """Decide about every queued run."""
    decision = _Decision(view, limits, now)
    for one in in_order(view.waiting, now):
        decision.take(one)
    return Steps(tuple(decision.starts), decision.holds, decision.dropped, decision.again)


_Key = tuple[str, str]


class _Decision:
    """One walk through the queue: what has been given away so far."""

    def __init__(self, view: View, limits: Limits, now: float) -> None:
        self.starts: list[str] = []
        self.holds: dict[str, str] = {}
        self.dropped: dict[str, str] = {}
        self.again: float | None = None
        self._view, self._limits, self._now = view, limits, now
        self._health = dict(view.health)
        self._live = {one.run: one for one in view.live}
        self._lending: set[tuple[str, _Key]] = set()
        self._used: dict[_Key, int] = {}
        self._kept: dict[_Key, str] = {}
        self._lacked: set[_Key] = set()
        for one in view.live:
            self._count(one)
        self._memory = view.memory
        if self._memory is not None:
            settling = (one for one in view.live if now - one.began < SETTLING)
            self._memory -= sum(needs(one.provider) for one in settling)

    def take(self, one: Waiting) -> None:
        """Start it, let it wait, or drop it."""
        if (why := self._never(one)) is not None:
            self.dropped[one.run] = why
        elif (why := self._hold(one)) is not None:
            self.holds[one.run] = why
        else:
            self._start(one)

    def _never(self, one: Waiting) -> str | None:
        for run in one.after:
            status = self._view.ended.get(run)
            if status is not None and status != "done":
                return f"run {run}, which had to be done before it, ended {status}"
        return None

    def _hold(self, one: Waiting) -> str | None:
        if self._view.draining:
            return "the session is shutting down"
        missing = [run for run in one.after if run not in self._view.ended]
        if missing:
            return f"run {missing[0]} must be done first"
        return self._no_room(one) or self._unhealthy(one) or self._no_memory(one)

    def _no_room(self, one: Waiting) -> str | None:
        """Give the first limit that is in the way; a run that is patient enough keeps its other places."""
        lent = self._lent(one)
        for key, most, words in self._places(one):
            kept = self._kept.get(key)
            used = self._used.get(key, 0) - (key in lent)
            if used + (kept is not None and kept != one.run) >= most:
                if used < most:
                    return f"the next place ({words}) is kept for run {kept}, which has waited longer"
                self._keep_places(one, key)
                return f"{words}: {most} at once is the limit"
        return None

    def _keep_places(self, one: Waiting, full: _Key) -> None:
        """Keep a place in each other limit for the first patient run that lacks this one.

        Not in the session's: every run needs one of those, so nobody can overtake there.
        """
        if full[0] == "session" or full in self._lacked or not self._is_patient(one):
            return
        self._lacked.add(full)
        for key in _keys(one):
            if key != full and key[0] != "session":
                self._kept.setdefault(key, one.run)

    def _is_patient(self, one: Waiting) -> bool:
        return self._now - one.since >= PATIENCE

    def _places(self, one: Waiting) -> Iterator[tuple[_Key, int, str]]:
        limits = self._limits
        yield ("session", ""), limits.session, "runs in this session"
        for kind, name, most in (
            ("agent", one.agent, limits.agent.of(one.agent)),
            ("provider", one.provider, limits.provider.of(one.provider or "")),
            ("node", one.node, limits.node.of(one.node or "")),
            ("group", one.group, one.at_once),
        ):
            if name is not None and most is not None:
                yield (kind, name), most, _words(kind, name)

    def _lent(self, one: Live | Waiting) -> set[_Key]:
        """Give the places that its parent lends it: a worker waits for the run that it has asked for."""
        parent = self._live.get(one.parent) if one.parent else None
        if parent is None:
            return set()
        shared = set(_keys(parent)) & set(_keys(one))
        return {key for key in shared if (parent.run, key) not in self._lending}

    def _unhealthy(self, one: Waiting) -> str | None:
        if one.provider is None:
            return None
        health = self._health.get(one.provider, Health())
        if health.retry_at is not None:
            if health.tried_until is not None and self._now < health.tried_until:
                self._look_again(health.tried_until)
                return f"run {health.probe} tries whether {one.provider} answers again"
            if health.probe is None and self._now < health.retry_at:
                self._look_again(health.retry_at)
                seen = f"{health.answered} of the last {len(health.attempts)} requests"
                return f"{one.provider} answered {seen}; it is tried again at {self._clock(health.retry_at)}"
        if self._now < health.until:
            self._look_again(health.until)
            return f"{one.provider} is left alone until {self._clock(health.until)}: {health.why}"
        if health.last_start is not None and 0 <= self._now - health.last_start < STAGGER:
            self._look_again(health.last_start + STAGGER)
            return f"runs at {one.provider} start {round(STAGGER * 1000)} ms apart"
        return None

    def _no_memory(self, one: Waiting) -> str | None:
        if self._memory is None or self._memory - needs(one.provider) >= self._limits.free:
            return None
        self._look_again(self._now + LOOK_AT_MEMORY)
        wanted, free = needs(one.provider) // MEGABYTE, self._limits.free // MEGABYTE
        return f"too little memory is free: it needs {wanted} MB, and {free} MB are left to the machine"

    def _start(self, one: Waiting) -> None:
        self.starts.append(one.run)
        live = Live(
            run=one.run, agent=one.agent, began=self._now,
            provider=one.provider, parent=one.parent, group=one.group,
        )  # fmt: skip
        self._live[one.run] = live
        self._count(live)
        if one.provider is not None:
            known = self._health.get(one.provider, Health())
            self._health[one.provider] = after(known, Began(one.run, self._now))
        if self._memory is not None:
            self._memory -= needs(one.provider)

    def _count(self, one: Live) -> None:
        lent = self._lent(one)
        self._lending |= {(one.parent or "", key) for key in lent}
        for key in _keys(one):
            self._used[key] = self._used.get(key, 0) + (key not in lent)

    def _clock(self, at: float) -> str:
        return time.strftime("%H:%M:%S", time.localtime(at + self._view.offset + 0.999))

    def _look_again(self, at: float) -> None:
        self.again = at if self.again is None else min(self.again, at)


def _keys(one: Live | Waiting) -> list[_Key]:
    named = (("agent", one.agent), ("provider", one.provider), ("node", one.node), ("group", one.group))
    return [("session", ""), *((kind, name) for kind, name in named if name is not None)]


def _words(kind: str, name: str) -> str:
    return {
        "agent": f'runs of agent "{name}"',
        "provider": f"runs at {name}",
        "node": f"runs on {name}",
        "group": f"runs of {name}",
    }[kind]
