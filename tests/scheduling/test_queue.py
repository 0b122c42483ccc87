"""Which runs start, in which order, and what the others are told."""

from __future__ import annotations

import pytest

from pancode.domains.scheduling.health import Health
from pancode.domains.scheduling.limits import AGENT_NEEDS, MEGABYTE, SHELL_NEEDS, Limits, Most
from pancode.domains.scheduling.queue import AGEING, PATIENCE, STAGGER, next_steps
from pancode.domains.scheduling.view import Live, View, Waiting
from tests.scheduling.views import live, view, waiting

ONE_EACH = Limits(agent=Most(1))


def test_a_run_with_nothing_in_its_way_starts() -> None:
    steps = next_steps(view(waiting("a")), Limits(), 0.0)
    assert (steps.starts, steps.holds, steps.dropped, steps.again) == (("a",), {}, {}, None)


def test_higher_priority_goes_first_and_then_age() -> None:
    runs = (waiting("late", since=2.0), waiting("early", since=1.0), waiting("high", since=3.0, priority=1))
    assert next_steps(view(*runs), Limits(), 4.0).starts == ("high", "early", "late")


def test_waiting_weighs_as_much_as_priority_in_the_end() -> None:
    runs = (waiting("old", since=0.0), waiting("new", since=3 * AGEING, priority=2))
    assert next_steps(view(*runs), Limits(session=1), 3 * AGEING).starts == ("old",)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(session=1), "runs in this session: 1 at once is the limit"),
        (Limits(agent=Most(1)), 'runs of agent "shell": 1 at once is the limit'),
        (Limits(agent=Most(None, {"shell": 1})), 'runs of agent "shell": 1 at once is the limit'),
        (Limits(provider=Most(9, {"box:80": 1})), "runs at box:80: 1 at once is the limit"),
        (Limits(node=Most(1)), "runs on box: 1 at once is the limit"),
    ],
)
def test_each_limit_holds_and_says_so(limits: Limits, told: str) -> None:
    runs = (live("x", provider="box:80"), waiting("a", provider="box:80"))
    assert next_steps(view(*runs), limits, 0.0).holds == {"a": told}


def test_a_group_keeps_to_what_it_asked_for() -> None:
    runs = [waiting(name, group="f1 build", at_once=2) for name in "abc"]
    steps = next_steps(view(*runs, waiting("z", group="f2 build", at_once=1)), Limits(), 0.0)
    assert steps.starts == ("a", "b", "z")
    assert steps.holds == {"c": "runs of f1 build: 2 at once is the limit"}


def test_one_that_is_held_lets_others_pass() -> None:
    runs = (live("x", agent="big"), waiting("a", agent="big"), waiting("b", agent="small"))
    assert next_steps(view(*runs), ONE_EACH, 1.0).starts == ("b",)


def test_a_dependency_is_waited_for() -> None:
    steps = next_steps(view(live("x"), waiting("a", after=("x",))), Limits(), 0.0)
    assert steps.holds == {"a": "run x must be done first"}


def test_a_dependency_that_is_done_lets_start() -> None:
    steps = next_steps(view(waiting("a", after=("x",)), ended={"x": "done"}), Limits(), 0.0)
    assert steps.starts == ("a",)


@pytest.mark.parametrize("status", ["failed", "cancelled", "timeout", "budget", "refused", "lost"])
def test_a_dependency_that_ends_otherwise_ends_the_one_that_waits(status: str) -> None:
    steps = next_steps(view(waiting("a", after=("x", "y")), ended={"y": status}), Limits(), 0.0)
    assert steps.dropped == {"a": f"run y, which had to be done before it, ended {status}"}


def test_while_the_session_shuts_down_nothing_starts() -> None:
    steps = next_steps(view(waiting("a"), draining=True), Limits(), 0.0)
    assert steps.holds == {"a": "the session is shutting down"}


def test_runs_of_one_provider_start_one_after_the_other() -> None:
    runs = [waiting(name, provider="anthropic") for name in "ab"]
    steps = next_steps(view(*runs, waiting("c", provider="openai"), waiting("d")), Limits(), 10.0)
    assert steps.starts == ("a", "c", "d")
    assert steps.again == 10.0 + STAGGER
    assert steps.holds == {"b": "runs at anthropic start 150 ms apart"}


def test_a_provider_that_failed_is_left_alone_until_its_pause_is_over() -> None:
    health = {"anthropic": Health(until=20.0, why="overloaded")}
    runs = view(waiting("a", provider="anthropic"), waiting("b"), health=health)
    steps = next_steps(runs, Limits(), 10.0)
    assert (steps.starts, steps.again) == (("b",), 20.0)
    assert steps.holds["a"].endswith(": overloaded")
    assert next_steps(runs, Limits(), 20.0).starts == ("a", "b")


def test_an_open_breaker_lets_one_run_try_after_its_cool_down() -> None:
    health = {"anthropic": Health(opened=0.0, cooling=60.0, attempts=(False,) * 10)}
    runs = view(*(waiting(name, provider="anthropic") for name in "ab"), health=health)
    assert (
        next_steps(runs, Limits(), 59.0).holds["a"].startswith("anthropic answered 0 of the last 10 requests")
    )
    steps = next_steps(runs, Limits(), 60.0)
    assert steps.starts == ("a",)
    assert steps.holds == {"b": "run a tries whether anthropic answers again"}


def test_another_run_tries_when_the_first_says_nothing_for_two_minutes() -> None:
    trying = Health(opened=0.0, cooling=60.0, attempts=(False,) * 10, probe="a", last_start=60.0)
    runs = view(
        live("a", provider="anthropic"), waiting("b", provider="anthropic"), health={"anthropic": trying}
    )
    held = next_steps(runs, Limits(), 179.0)
    assert (held.starts, held.again) == ((), 180.0)
    assert next_steps(runs, Limits(), 180.0).starts == ("b",)


def test_a_run_that_the_machine_has_no_memory_for_waits_and_a_small_one_starts() -> None:
    memory = SHELL_NEEDS + Limits().free
    runs = view(waiting("a", provider="anthropic"), waiting("b"), waiting("c"), memory=memory)
    steps = next_steps(runs, Limits(), 10.0)
    assert steps.starts == ("b",)
    assert steps.again == 12.0
    assert "needs 300 MB, and 256 MB are left to the machine" in steps.holds["a"]


def test_memory_that_a_young_run_has_not_taken_yet_is_not_given_out_twice() -> None:
    runs = (live("x", provider="anthropic", began=9.0), waiting("a", provider="openai"))
    memory = 2 * AGENT_NEEDS - MEGABYTE
    steps = next_steps(view(*runs, memory=memory), Limits(free=0), 10.0)
    assert "memory" in steps.holds["a"]
    assert next_steps(view(*runs, memory=memory), Limits(free=0), 30.0).starts == ("a",)


def test_a_worker_lends_its_place_to_the_run_that_it_asks_for() -> None:
    runs = (live("x"), waiting("a", parent="x"), waiting("b", parent="x"), waiting("c"))
    assert next_steps(view(*runs), Limits(session=1), 0.0).starts == ("a",)


def test_a_patient_run_is_kept_the_place_that_it_could_have_at_once() -> None:
    """Else two others could take turns, and one of its two limits would be full for ever."""
    limits = Limits(agent=Most(1), provider=Most(1))
    patient = waiting("p", agent="a", provider="x")
    rival = waiting("r", agent="b", provider="x", since=PATIENCE)
    for now, starts in ((PATIENCE - 1, ("r",)), (PATIENCE, ())):
        held = next_steps(view(live("l", agent="a", provider="y"), patient, rival), limits, now)
        assert held.starts == starts
    assert held.holds["r"] == "the next place (runs at x) is kept for run p, which has waited longer"


def test_a_view_says_by_itself_what_is_live_and_what_waits() -> None:
    assert view(live("a"), waiting("b")) == View(
        waiting=(Waiting(run="b", agent="shell", since=0.0),),
        live=(Live(run="a", agent="shell", began=-1000.0),),
    )


def test_a_stream_of_favoured_runs_starves_nobody() -> None:
    old, minutes = waiting("old", since=0.0), 0
    while "old" not in next_steps(view(old, favoured(minutes)), Limits(session=1), minutes * AGEING).starts:
        minutes += 1
    assert minutes == 5


def favoured(minutes: int) -> Waiting:
    return waiting("new", since=minutes * AGEING, priority=5)
