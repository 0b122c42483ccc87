"""The loop breaker: it warns, it trips, it cools down, and success makes it forget."""

from __future__ import annotations

from pancode.domains.safety.loops import COOL_DOWN_S, MOST_ACTIONS, AgentBreaker, RunLoop, Sign

SIGNS = [Sign.FINE, Sign.FINE, Sign.WARNING, Sign.WARNING, Sign.TRIPPED]


def test_the_same_action_warns_at_three_and_trips_at_five() -> None:
    loop = RunLoop()
    assert [loop.failed("a") for _ in range(5)] == SIGNS
    assert loop.failed("b") is Sign.FINE


def test_an_action_that_works_begins_anew() -> None:
    loop = RunLoop()
    for _ in range(4):
        loop.failed("a")
    loop.went_well("a")
    assert loop.count("a") == 0
    assert loop.failed("a") is Sign.FINE


def test_only_so_many_actions_are_kept() -> None:
    loop = RunLoop()
    loop.failed("first")
    for number in range(MOST_ACTIONS):
        loop.failed(str(number))
    assert loop.count("first") == 0
    assert loop.count("0") == 1


def test_an_agent_that_fails_cools_down_and_comes_back() -> None:
    breaker = AgentBreaker()
    assert [breaker.failed("a", 100.0) for _ in range(5)] == SIGNS
    assert breaker.waits("a", 100.0) == COOL_DOWN_S
    assert breaker.waits("b", 100.0) == 0.0
    assert breaker.waits("a", 100.0 + COOL_DOWN_S) == 0.0


def test_a_clock_that_is_set_back_makes_no_agent_wait_longer() -> None:
    breaker = AgentBreaker()
    while breaker.failed("a", 10_000.0) is not Sign.TRIPPED:
        pass
    assert breaker.waits("a", 100.0) == COOL_DOWN_S
    assert breaker.waits("a", 100.0 + COOL_DOWN_S) == 0.0
    assert breaker.failed("a", 800.0) is Sign.FINE


def test_a_run_that_works_halves_what_counts_against_its_agent() -> None:
    breaker = AgentBreaker()
    for _ in range(4):
        breaker.failed("a", 0.0)
    breaker.went_well("a")
    assert [breaker.failed("a", 0.0) for _ in range(3)] == SIGNS[2:]
