"""What is known of a provider after what its runs and the gateway have seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pancode.domains.scheduling.health import (
    ATTEMPTS,
    COOL_DOWN,
    FEWEST,
    HUNG_UP,
    LONGEST_PAUSE,
    Answered,
    Began,
    Ended,
    Evidence,
    Failed,
    Health,
    after,
    called,
    said,
)


def failed(at: float, run: str = "r", **more: Any) -> Failed:
    return Failed(**{"run": run, "at": at, "why": "overloaded", **more})


def told(*evidence: Evidence, health: Health | None = None) -> Health:
    health = health or Health()
    for one in evidence:
        health = after(health, one)
    return health


def test_the_pause_doubles_up_to_a_minute() -> None:
    health, at, pauses = Health(), 0.0, []
    for _ in range(8):
        health = after(health, Failed("r", at, "overloaded"))
        pauses.append(health.until - at)
        at = health.until
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_chance_makes_the_pause_up_to_a_quarter_longer() -> None:
    assert told(failed(0.0, chance=1.0)).until == 2.5


def test_what_fails_during_a_pause_does_not_make_it_longer() -> None:
    assert told(failed(0.0), failed(1.0), failed(1.5)).until == 2.0


def test_too_many_requests_cost_half_a_minute_or_what_the_provider_says() -> None:
    assert told(failed(0.0, is_limited=True)).until == 30.0
    assert told(failed(0.0, is_limited=True, wait=7.0)).until == 7.0
    assert told(failed(0.0, is_limited=True, wait=1e9)).until == 900.0


def test_success_resets_but_for_a_wait_that_the_provider_asked_for() -> None:
    assert told(failed(0.0), Answered("r", 1.0)).until == 0.0
    assert told(failed(0.0), Answered("r", 1.0)).failures == 0
    assert told(failed(0.0, is_limited=True), Answered("r", 1.0)).until == 30.0


def test_the_breaker_opens_below_thirty_percent_and_not_before_it_knows_enough() -> None:
    assert told(*(failed(float(at)) for at in range(FEWEST - 1))).opened is None
    assert told(*(failed(float(at)) for at in range(FEWEST))).opened == FEWEST - 1
    good = [Answered("r", 0.0)] * 3
    assert told(*good, *(failed(float(at)) for at in range(7))).opened is None
    assert told(*good, *(failed(float(at)) for at in range(8))).opened == 7.0
    assert len(told(*good, *(failed(float(at)) for at in range(90))).attempts) == ATTEMPTS


OPEN = Health(opened=100.0, attempts=(False,) * ATTEMPTS)


def test_the_run_that_tries_closes_the_breaker_when_it_is_answered() -> None:
    tried = told(Began("p", 160.0), health=OPEN)
    assert tried.probe == "p"
    assert told(Answered("p", 161.0), health=tried).opened is None


def test_the_run_that_tries_opens_it_again_for_longer_when_it_is_not() -> None:
    tried = told(Began("p", 160.0), failed(165.0, run="p"), health=OPEN)
    assert (tried.opened, tried.cooling, tried.probe) == (165.0, 2 * COOL_DOWN, None)


def test_the_next_one_tries_when_the_first_ended_without_a_word() -> None:
    assert told(Began("p", 160.0), Ended("p", 161.0), health=OPEN).probe is None


def test_a_failure_of_another_run_does_not_end_the_trial() -> None:
    assert told(Began("p", 160.0), failed(161.0, run="q"), health=OPEN).probe == "p"


RETRYING = {"kind": "retrying", "attempt": 1, "of": 3, "wait_s": 5.0, "http": 429, "why": "slow down"}


@pytest.mark.parametrize(
    ("record", "evidence"),
    [
        ({"kind": "usage"}, Answered("r", 1.0)),
        ({"kind": "tool_started"}, Answered("r", 1.0)),
        (RETRYING, Failed("r", 1.0, "slow down (HTTP 429)", is_limited=True, wait=5.0)),
        ({**RETRYING, "wait_s": None}, Failed("r", 1.0, "slow down (HTTP 429)", is_limited=True)),
        ({**RETRYING, "http": 529}, Failed("r", 1.0, "slow down (HTTP 529)")),
        ({**RETRYING, "http": None}, Failed("r", 1.0, "slow down")),
        ({"kind": "ended", "status": "done", "reason": "completed"}, Answered("r", 1.0)),
        (
            {"kind": "ended", "status": "failed", "reason": "network"},
            Failed("r", 1.0, "run r failed: network"),
        ),
        ({"kind": "ended", "status": "failed", "reason": "agent-error"}, Ended("r", 1.0)),
        ({"kind": "ended", "status": "cancelled", "reason": "stopped"}, Ended("r", 1.0)),
        ({"kind": "text"}, None),
    ],
)
def test_what_a_journal_says_of_the_provider(record: dict[str, Any], evidence: Evidence | None) -> None:
    assert said("r", record, 1.0, 0.0) == evidence


@pytest.mark.parametrize(
    ("record", "evidence"),
    [
        ({"kind": "call_started"}, None),
        ({"kind": "call_ended", "ok": True, "http": 200}, Answered("r", 1.0)),
        ({"kind": "call_ended", "ok": False, "http": 400, "why": "bad"}, None),
        ({"kind": "call_ended", "ok": False, "http": 503, "why": "bad"}, Failed("r", 1.0, "bad (HTTP 503)")),
        ({"kind": "call_ended", "ok": False, "http": 503, "why": ""}, Failed("r", 1.0, "HTTP 503")),
        (
            {"kind": "call_ended", "ok": False, "http": 429, "why": "", "wait_s": 7},
            Failed("r", 1.0, "HTTP 429", is_limited=True, wait=7.0),
        ),
        (
            {"kind": "call_ended", "ok": False, "http": 200, "why": "cut off"},
            Failed("r", 1.0, "cut off (HTTP 200)"),
        ),
        ({"kind": "call_ended", "ok": False, "http": None, "why": HUNG_UP}, None),
        ({"kind": "call_ended", "ok": False, "http": 200, "why": HUNG_UP}, None),
        ({"kind": "call_ended", "ok": False, "http": None, "why": "no route"}, Failed("r", 1.0, "no route")),
    ],
)
def test_what_the_gateway_says_of_the_provider(record: dict[str, Any], evidence: Evidence | None) -> None:
    assert called("r", record, 1.0, 0.0) == evidence


def test_the_gateway_still_says_it_in_these_words() -> None:
    call = Path(__file__).parents[2] / "pancode" / "gateway" / "call.py"
    text = call.read_text(encoding="utf-8")
    assert f'"{HUNG_UP}"' in text
    assert 'more["wait_s"]' in text
