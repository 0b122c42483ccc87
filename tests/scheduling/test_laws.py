"""The scheduler as a machine: limits are never exceeded, nothing starves, and every admitted run ends."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pancode.domains.scheduling.health import Answered, Began, Ended, Failed, Health, after
from pancode.domains.scheduling.limits import MEGABYTE, Limits, Most
from pancode.domains.scheduling.queue import AGEING, next_steps
from pancode.domains.scheduling.view import Live, View, Waiting

LIMITS = Limits(session=4, agent=Most(3, {"solo": 1}), provider=Most(2, {"wide": 3}), node=Most(2), free=0)
AGENTS = st.sampled_from(["solo", "crowd", "many"])
PROVIDERS = st.sampled_from([None, "narrow", "wide", "box:1", "box:2"])
PRIORITIES = st.integers(-5, 5)
ENDS = st.sampled_from(["done", "done", "done", "failed", "cancelled"])
LONG_ENOUGH = 60 * 24
"""Minutes after which everything must have started, whatever else comes in."""


class Machine(RuleBasedStateMachine):
    """Runs come, start, ask for others, end, and their providers fail, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.waiting: dict[str, Waiting] = {}
        self.live: dict[str, Live] = {}
        self.ended: dict[str, str] = {}
        self.health: dict[str, Health] = {}
        self.memory = 10_000 * MEGABYTE
        self.count = 0

    def view(self) -> View:
        return View(
            waiting=tuple(self.waiting.values()), live=tuple(self.live.values()), ended=self.ended,
            health=self.health, memory=self.memory,
        )  # fmt: skip

    def add(self, agent: str, provider: str | None, priority: int, **more: object) -> str:
        self.count += 1
        run = f"r{self.count}"
        self.waiting[run] = Waiting(
            run=run, agent=agent, since=self.now, provider=provider, priority=priority,
            **more,  # type: ignore[arg-type] # after and parent
        )  # fmt: skip
        return run

    @rule(agent=AGENTS, provider=PROVIDERS, priority=PRIORITIES)
    def submit(self, agent: str, provider: str | None, priority: int) -> None:
        self.add(agent, provider, priority)

    @precondition(lambda self: self.waiting or self.live or self.ended)
    @rule(agent=AGENTS, provider=PROVIDERS, priority=PRIORITIES, data=st.data())
    def submit_after(self, agent: str, provider: str | None, priority: int, data: st.DataObject) -> None:
        known = sorted({*self.waiting, *self.live, *self.ended})
        self.add(agent, provider, priority, after=(data.draw(st.sampled_from(known)),))

    @precondition(lambda self: self.live)
    @rule(agent=AGENTS, provider=PROVIDERS, data=st.data())
    def ask_for_another(self, agent: str, provider: str | None, data: st.DataObject) -> None:
        self.add(agent, provider, 0, parent=data.draw(st.sampled_from(sorted(self.live))))

    @precondition(lambda self: self.live)
    @rule(status=ENDS, data=st.data())
    def end(self, status: str, data: st.DataObject) -> None:
        self.over(data.draw(st.sampled_from(sorted(self.live))), status)

    def over(self, run: str, status: str) -> None:
        provider = self.live.pop(run).provider
        self.ended[run] = status
        if provider is not None:
            heard = Answered(run, self.now) if status == "done" else Ended(run, self.now)
            self.health[provider] = after(self.health.get(provider, Health()), heard)

    @precondition(lambda self: any(one.provider for one in self.live.values()))
    @rule(data=st.data(), limited=st.booleans())
    def fail(self, data: st.DataObject, limited: bool) -> None:
        with_provider = sorted(run for run, one in self.live.items() if one.provider)
        run = data.draw(st.sampled_from(with_provider))
        provider = self.live[run].provider or ""
        failed = Failed(run, self.now, "overloaded", is_limited=limited)
        self.health[provider] = after(self.health.get(provider, Health()), failed)

    @rule(megabytes=st.sampled_from([0, 100, 400, 10_000]))
    def let_memory_be(self, megabytes: int) -> None:
        self.memory = megabytes * MEGABYTE

    @rule(seconds=st.sampled_from([0.0, 0.05, 0.2, 3.0, 90.0]))
    def look(self, seconds: float) -> None:
        self.now += seconds
        before = {provider: health.last_start for provider, health in self.health.items()}
        steps = next_steps(self.view(), LIMITS, self.now)
        assert {*steps.starts, *steps.holds, *steps.dropped} == set(self.waiting)
        assert all(
            self.health.get(one.provider or "", Health()).until <= self.now
            for one in self.started(steps.starts)
        )
        starts = Counter(one.provider for one in self.started(steps.starts) if one.provider)
        assert all(number == 1 for number in starts.values())
        assert all(self.now - (before.get(name) or 0.0) >= 0.15 for name in starts)
        for run in steps.dropped:
            del self.waiting[run]
            self.ended[run] = "cancelled"
        for one in self.started(steps.starts):
            del self.waiting[one.run]
            self.live[one.run] = Live(
                run=one.run, agent=one.agent, began=self.now, provider=one.provider, parent=one.parent
            )
            if one.provider is not None:
                known = self.health.get(one.provider, Health())
                self.health[one.provider] = after(known, Began(one.run, self.now))
        assert steps.again is None or steps.again > self.now

    def started(self, runs: tuple[str, ...]) -> list[Waiting]:
        return [self.waiting[run] for run in runs]

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        for name, most in (("", 4), *((name, LIMITS.agent.of(name)) for name in ("solo", "crowd", "many"))):
            assert self.taken("agent", name) <= (most or 99)
        for name in ("narrow", "wide", "box:1", "box:2"):
            assert self.taken("provider", name) <= (LIMITS.provider.of(name) or 99)
        assert self.taken("node", "box") <= 2

    def taken(self, kind: str, name: str) -> int:
        """Count the places that are taken; one who waits for a run of its own doesn't count beside it."""
        there = {run: one for run, one in self.live.items() if not name or getattr(one, kind) == name}
        lenders = {one.parent for one in there.values() if one.parent in there}
        return len(there) - len(lenders)

    def teardown(self) -> None:
        """Whatever came before, and however many favoured ones come in: all that waits starts and ends."""
        self.memory = 10_000 * MEGABYTE
        first = set(self.waiting)
        for minute in range(LONG_ENOUGH):
            if not first & set(self.waiting):
                break
            self.now += AGEING
            for run in sorted(self.live)[:2]:
                self.over(run, "done")
            if minute < LONG_ENOUGH / 2:
                self.add(("solo", "crowd")[minute % 2], ("narrow", "wide", None)[minute % 3], 5)
            self.look(0.2)
        assert not first & set(self.waiting), next_steps(self.view(), LIMITS, self.now).holds


Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
test_scheduler = Machine.TestCase
