"""Connects the scheduler with the controller: facts, timers, settings, memory, and the verbs of the queue."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from pancode.core import events as ev
from pancode.core.errors import PanError
from pancode.core.host import Host
from pancode.domains.agents.api import Agents
from pancode.domains.panconfigure.api import Configuration, Settings
from pancode.domains.scheduling.api import Queue
from pancode.domains.scheduling.limits import (
    MEGABYTE,
    Limits,
    Most,
    default_provider,
    default_session,
    most,
)
from pancode.domains.scheduling.purse import Purse
from pancode.domains.scheduling.queue_verbs import QueueVerbs
from pancode.domains.scheduling.scheduler import TELLING, Alarm, Scheduler, Surroundings
from pancode.engine import clock, files, memory
from pancode.engine.places import Places

MEMORY_HOLDS = 0.25
"""Seconds for which a look at the machine's memory counts; what starts meanwhile is reckoned."""


def register_scheduler(host: Host) -> None:
    """Let the scheduler decide when runs start, and serve `queue` and `queue_move`."""
    configuration = host.need(Configuration)
    limits = LimitsOf(lambda: limits_of(configuration.current()), host.need(Agents))
    places = host.need(Places)
    scheduler = Scheduler(
        Surroundings(
            world=lambda: host.world,
            post=host.post,
            clock=clock.monotonic,
            wall=clock.now,
            later=_later,
            limits=limits,
            ended=lambda run: _ended(places, run),
            memory=Memory(memory.free),
            chance=random.random,
            reserve=host.need(Purse).start,
        )
    )
    host.provide(Queue, scheduler)
    for kind, listener in (
        (ev.RunQueued, scheduler.on_queued),
        (ev.RunChanged, scheduler.on_changed),
        (ev.CallSaid, scheduler.on_call),
        (ev.PriorityChanged, scheduler.on_priority),
    ):
        host.on(kind, listener)  # type: ignore[arg-type] # each listener takes its own kind
    host.on_record(TELLING, scheduler.on_said)

    async def begin() -> None:
        scheduler.begin()

    host.background("queue", begin)
    verbs = QueueVerbs(scheduler, limits, lambda: host.world, host.post, places)
    host.serve("queue", verbs.queue)
    host.serve("queue_move", verbs.move)


def limits_of(settings: Settings) -> Limits:
    """Give the limits that the settings make, on this machine."""
    cores = os.cpu_count() or 1
    provider = most(settings.provider_concurrency) if settings.provider_concurrency else Most()
    if provider.each is None:
        provider = replace(provider, each=default_provider(cores))
    return Limits(
        session=int(settings.session_concurrency or default_session(cores)),
        agent=most(settings.agent_concurrency) if settings.agent_concurrency else Most(),
        provider=provider,
        node=most(settings.node_concurrency) if settings.node_concurrency else Most(),
        free=int(settings.free_mb) * MEGABYTE,
    )


class LimitsOf:
    """The limits in force: the settings', and what the agents themselves say; the smaller one counts."""

    def __init__(self, limits: Callable[[], Limits], agents: Agents) -> None:
        """Ask both anew each time: their files may be edited."""
        self._limits = limits
        self._agents = agents

    def __call__(self, names: Iterable[str]) -> Limits:
        """Give the limits for these agents."""
        limits = self._limits()
        named = dict(limits.agent.named)
        for name in names:
            own = self._own(name)
            if own is not None:
                known = limits.agent.of(name)
                named[name] = own if known is None else min(own, known)
        return replace(limits, agent=Most(limits.agent.each, named))

    def _own(self, name: str) -> int | None:
        try:
            return self._agents.get(name).concurrency
        except PanError:  # It has been taken out of the file since.
            return None


class Memory:
    """The machine's free memory, looked at no oftener than its figure changes."""

    def __init__(self, free: Callable[[], int], now: Callable[[], float] = clock.monotonic) -> None:
        """Ask `free`."""
        self._free = free
        self._now = now
        self._seen: tuple[float, int | None] | None = None

    def __call__(self) -> int | None:
        """Give it in bytes; None where nobody can say."""
        if self._seen is None or self._now() - self._seen[0] > MEMORY_HOLDS:
            try:
                found: int | None = self._free()
            except OSError:
                found = None
            self._seen = (self._now(), found)
        return self._seen[1]


def _later(seconds: float, act: Callable[[], None]) -> Alarm:
    loop = asyncio.get_running_loop()
    return loop.call_later(seconds, act) if seconds > 0 else loop.call_soon(act)


def _ended(places: Places, run: str) -> str:
    """Give how a run that has left memory ended; one whose folder is gone counts as lost."""
    result: Mapping[str, object] = files.read_json(os.path.join(places.runs, run, "result.json")) or {}
    return str(result.get("status") or "lost")
