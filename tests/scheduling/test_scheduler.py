"""The scheduler between facts and timers: when it looks, and what it posts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from pancode.core import events as ev
from pancode.core.effects import CloseBooks, OpenPane, OrderStop, TryAgain
from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Finished, Queued
from pancode.domains.scheduling.limits import Limits, Most
from pancode.domains.scheduling.scheduler import Scheduler, Surroundings
from pancode.engine.loop import Loop

GRANT = Grant(Mode.BUILD, Level.AUTO_EDIT)


@dataclass
class Later:
    """One thing that was arranged."""

    at: float
    act: Callable[[], None]
    is_off: bool = False

    def cancel(self) -> None:
        self.is_off = True


@dataclass
class Bed:
    """A loop with a scheduler, and a clock that is turned by hand."""

    limits: Limits = field(default_factory=Limits)
    now: float = 100.0
    wall: float = 1_000_100.0
    memory: int | None = None
    ended: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.loop = Loop(lambda _: None)
        self.alarms: list[Later] = []
        self.opened: list[str] = []
        self.facts: list[object] = []
        self.loop.performs(OpenPane, lambda effect: self.opened.append(effect.run))
        for kind in (CloseBooks, OrderStop, TryAgain):
            self.loop.performs(kind, self.facts.append)
        self.scheduler = self.new_scheduler()

    def new_scheduler(self) -> Scheduler:
        scheduler = Scheduler(
            Surroundings(
                world=lambda: self.loop.world,
                post=self.loop.post,
                clock=lambda: self.now,
                wall=lambda: self.wall,
                later=self.later,
                limits=self.limits_of,
                ended=lambda run: self.ended.get(run, "lost"),
                memory=lambda: self.memory,
                chance=lambda: 0.0,
            )
        )
        self.loop.on(ev.RunQueued, scheduler.on_queued)
        self.loop.on(ev.RunChanged, scheduler.on_changed)
        self.loop.on(ev.WorkerSaid, scheduler.on_said)
        self.loop.on(ev.CallSaid, scheduler.on_call)
        self.loop.on(ev.PriorityChanged, scheduler.on_priority)
        return scheduler

    def limits_of(self, _: Iterable[str]) -> Limits:
        return self.limits

    def later(self, seconds: float, act: Callable[[], None]) -> Later:
        made = Later(self.now + seconds, act)
        self.alarms.append(made)
        return made

    def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and what was arranged happen."""
        self.now += seconds
        self.wall += seconds
        while due := [one for one in self.alarms if one.at <= self.now and not one.is_off]:
            self.alarms.remove(due[0])
            due[0].act()

    def queue(self, run: str, **more: Any) -> None:
        given = {"agent": "shell", "task": "t", "model": None, "grant": GRANT, "runtime": "shell", **more}
        self.loop.post(ev.RunQueued(**{"run": run, "at": self.wall, **given}))

    def say(self, run: str, **record: Any) -> None:
        seq = self.loop.world.runs[run].seq + 1
        self.loop.post(ev.WorkerSaid(run=run, at=self.wall, seq=seq, record={"m": self.now, **record}))

    def end(self, run: str, status: str = "done", reason: str = "completed") -> None:
        self.say(run, kind="ended", status=status, reason=reason)

    def waits(self, run: str) -> str | None:
        state = self.loop.world.runs[run].state
        assert isinstance(state, Queued)
        return state.waits


def test_a_run_with_nothing_in_its_way_starts_before_the_fact_has_been_told_to_all() -> None:
    bed = Bed()
    bed.queue("a")
    assert bed.opened == ["a"]
    assert bed.alarms == []


def test_the_queue_is_looked_at_again_after_something_went_wrong_with_that() -> None:
    bed, faults = Bed(), [OSError("no disk")]

    def limits(_: Iterable[str]) -> Limits:
        if faults:
            raise faults.pop()
        return bed.limits

    bed.limits_of = limits  # type: ignore[method-assign]
    bed.scheduler = bed.new_scheduler()
    bed.loop._listeners = {kind: found[-1:] for kind, found in bed.loop._listeners.items()}
    bed.queue("a")
    assert bed.opened == []
    bed.turn(2.0)
    assert bed.opened == ["a"]


def test_a_place_that_gets_free_goes_to_the_next() -> None:
    bed = Bed(Limits(session=1))
    for run in "abc":
        bed.queue(run)
    bed.turn()
    assert bed.opened == ["a"]
    assert bed.waits("b") == "runs in this session: 1 at once is the limit"
    bed.end("a")
    bed.turn()
    assert bed.opened == ["a", "b"]


def test_a_run_that_is_stopped_while_it_waits_never_starts() -> None:
    bed = Bed(Limits(session=1))
    bed.queue("a")
    bed.queue("b")
    bed.loop.post(ev.StopAsked(run="b", at=bed.wall, by="operator", why="w"))
    bed.end("a")
    bed.turn()
    assert bed.opened == ["a"]


def test_a_run_whose_dependency_failed_ends_and_says_why() -> None:
    bed = Bed()
    bed.queue("a")
    bed.queue("b", after=("a",))
    assert bed.waits("b") == "run a must be done first"
    bed.end("a", "failed", "agent-error")
    bed.turn()
    state = bed.loop.world.runs["b"].state
    assert isinstance(state, Finished)
    assert state.status == "cancelled"
    why = "run a, which had to be done before it, ended failed"
    assert state.result["evidence"]["record"] == {"kind": "stop_requested", "by": "pancode", "why": why}


@pytest.mark.parametrize(("last", "opened"), [("done", ["a", "a2", "b"]), ("failed", ["a", "a2"])])
def test_what_waits_for_a_run_waits_for_its_second_try(last: str, opened: list[str]) -> None:
    bed = Bed()

    # As the dispatcher does: the second try is posted while the first one's end is handled.
    def on_changed(event: ev.RunChanged) -> None:
        if (event.run_id, event.ended) == ("a", True):
            bed.queue("a2", retries="a")

    bed.loop.on(ev.RunChanged, on_changed)
    bed.queue("a")
    bed.queue("b", after=("a",))
    bed.end("a", "failed", "overload")
    bed.turn()
    assert bed.opened == ["a", "a2"]
    assert bed.waits("b") == "run a must be done first"
    bed.end("a2", last)
    bed.turn()
    assert bed.opened == opened


def test_a_dependency_that_has_left_memory_is_looked_up() -> None:
    bed = Bed(ended={"old": "done"})
    bed.queue("a", after=("old",))
    bed.queue("b", after=("gone",))
    assert bed.opened == ["a"]
    assert isinstance(bed.loop.world.runs["b"].state, Finished)


def test_runs_of_one_provider_start_150_ms_apart() -> None:
    bed = Bed()
    for run in "abc":
        bed.queue(run, provider="anthropic")
    bed.turn()
    seen = [list(bed.opened)]
    for seconds in (0.1, 0.06, 0.1, 0.06):
        bed.turn(seconds)
        seen.append(list(bed.opened))
    assert seen == [["a"], ["a"], ["a", "b"], ["a", "b"], ["a", "b", "c"]]


def test_a_provider_that_says_too_many_requests_is_left_alone_for_as_long_as_it_says() -> None:
    bed = Bed()
    bed.queue("a", provider="anthropic")
    bed.say("a", kind="retrying", http=429, why="slow down", wait_s=20.0)
    bed.turn(1.0)
    bed.queue("b", provider="anthropic")
    bed.queue("c", provider="openai")
    bed.turn(18.0)
    assert bed.opened == ["a", "c"]
    assert "slow down (HTTP 429)" in (bed.waits("b") or "")
    bed.turn(2.0)
    assert bed.opened == ["a", "c", "b"]


def test_five_failed_calls_open_the_breaker_and_one_run_tries() -> None:
    bed = Bed()
    bed.queue("a", provider="anthropic")
    for seq in range(1, 6):
        record = {"kind": "call_ended", "call": "1", "http": 500, "ok": False, "why": "down"}
        bed.loop.post(ev.CallSaid(run="a", at=bed.wall, seq=seq, record=record))
        bed.say("a", kind="usage", input=1, output=1)  # The gateway counts the calls; this is none more.
    bed.queue("b", provider="anthropic")
    bed.queue("c", provider="anthropic")
    bed.turn(59.0)
    assert "answered 0 of the last 5 requests" in (bed.waits("b") or "")
    bed.turn(2.0)
    assert bed.opened == ["a", "b"]
    assert bed.waits("c") == "run b tries whether anthropic answers again"
    bed.say("b", kind="usage", input=1, output=1)
    bed.turn(0.2)
    assert bed.opened == ["a", "b", "c"]


def test_what_the_gateway_itself_refuses_is_no_fault_of_the_provider() -> None:
    bed = Bed()
    bed.queue("a", provider="anthropic")
    refused = {"kind": "call_refused", "call": "1", "why": "nothing is left of its budget"}
    bed.loop.post(ev.CallSaid(run="a", at=bed.wall, seq=1, record=refused))
    bed.say("a", kind="retrying", http=429, why="nothing is left of its budget", wait_s=20.0)
    bed.end("a", "failed", "rate-limit")
    bed.queue("b", provider="anthropic")
    bed.turn(0.2)
    assert bed.opened == ["a", "b"]


def test_old_news_of_a_journal_that_is_resent_makes_no_pause() -> None:
    bed = Bed()
    bed.queue("a", provider="anthropic")
    bed.loop.post(
        ev.WorkerSaid(
            run="a", at=1.0, seq=1,
            record={"kind": "retrying", "http": 429, "why": "x", "wait_s": 20.0, "m": bed.now - 60},
        )
    )  # fmt: skip
    bed.queue("b", provider="anthropic")
    bed.turn(1.0)
    assert bed.opened == ["a", "b"]


def test_a_moved_run_overtakes() -> None:
    bed = Bed(Limits(session=1))
    for run in "abc":
        bed.queue(run)
    bed.loop.post(ev.PriorityChanged(run="c", at=bed.wall, priority=5, by="operator"))
    bed.end("a")
    bed.turn()
    assert bed.opened == ["a", "c"]


def test_the_next_controller_takes_up_what_waited() -> None:
    bed = Bed(Limits(session=1))
    bed.queue("a")
    bed.queue("b")
    world = bed.loop.world
    after = Bed(Limits(session=2))
    after.loop.restore(world)
    after.scheduler.begin()
    assert after.opened == ["b"]


def test_what_waits_for_memory_is_looked_at_again() -> None:
    bed = Bed(memory=0)
    bed.queue("a")
    assert "too little memory" in (bed.waits("a") or "")
    bed.memory = 10**10
    bed.turn(2.0)
    assert bed.opened == ["a"]


def test_a_clock_that_jumps_neither_starts_nor_delays_anything() -> None:
    bed = Bed(Limits(agent=Most(9, {"big": 1})))
    bed.queue("a", provider="anthropic")
    bed.queue("b", provider="anthropic")
    bed.turn()
    bed.wall -= 1_000_000
    bed.turn(0.2)
    assert bed.opened == ["a", "b"]
