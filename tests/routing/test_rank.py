"""The choice among agents, runtimes and models: what fits, what is better, and what comes nearest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.api import DIMENSIONS, POLICIES
from pancode.domains.providers.api import Facts
from pancode.domains.routing.needs import Needs, lacks, read_needs
from pancode.domains.routing.rank import Candidate, is_below, rank, reason, record
from pancode.domains.routing.scores import WEIGHTS, Situation, policy, rate, total

ABLE = Facts(context=200_000, tools=True, reasoning=True, vision=True, tier="frontier")
THERE = Situation(installed=True, reaches="a login", facts=ABLE, facts_source="its family", local=False)


def one(name: str, *, usd: float | None = 0.1, tier: str = "any", **now: object) -> Candidate:
    return Candidate(
        agent="dev", runtime=name, model="m", now=replace(THERE, **now),  # type: ignore[arg-type]
        usd=usd, usd_source="its price", tier=tier,
    )  # fmt: skip


def best(
    *candidates: Candidate, needs: Needs | None = None, most: float | None = None, by: str = "default"
) -> str:
    placed = [replace(each, place=place) for place, each in enumerate(candidates)]
    first = rank(placed, needs or Needs(), most, policy(by))[0]
    return "nothing" if first.lacking else first.one.runtime


def test_every_policy_weighs_every_dimension() -> None:
    assert set(WEIGHTS) == set(POLICIES)
    for weights in WEIGHTS.values():
        assert set(weights) == set(DIMENSIONS)
        assert sum(weights.values()) == pytest.approx(1.0)
    assert [each.name for each in rate(THERE)] == list(DIMENSIONS)


def test_a_worker_that_has_everything_and_costs_nothing_is_rated_one() -> None:
    assert total(rate(replace(THERE, local=True)), WEIGHTS["default"]) == pytest.approx(0.9825)


def test_among_equals_the_first_is_taken() -> None:
    assert best(one("claude-code"), one("codex")) == "claude-code"


def test_load_moves_work_on_but_not_to_one_that_has_no_login() -> None:
    busy = one("claude-code", live=2)
    assert best(busy, one("codex")) == "codex"
    assert best(busy, one("codex", reaches=None)) == "claude-code"


def test_what_would_wait_comes_after_what_starts_at_once() -> None:
    resting = one("claude-code", trouble="anthropic is left alone until 12:00:30: overloaded")
    assert best(resting, one("codex", facts=Facts(), facts_source="")) == "codex"
    assert best(resting) == "claude-code"


def test_a_provider_that_often_fails_comes_after_one_that_answers() -> None:
    flaky = one("claude-code", answered=(4, 10))
    assert best(flaky, one("codex")) == "codex"
    assert best(flaky, one("codex", answered=(3, 10))) == "claude-code"
    assert best(one("claude-code", answered=(10, 10)), one("codex")) == "claude-code"
    first = rate(flaky.now)[0]
    assert (first.value, first.source) == (
        0.7,
        "installed, with a login, whose provider answered 4 of the last 10 requests",
    )


def test_what_is_not_installed_is_never_taken() -> None:
    assert best(one("claude-code", installed=False)) == "nothing"


def test_a_need_that_nobody_knows_of_is_not_met() -> None:
    dull = one("a", facts=Facts(tools=True), facts_source="x")
    assert best(dull, needs=Needs(able=("tools",))) == "a"
    assert best(dull, needs=Needs(able=("vision",))) == "nothing"


def test_a_cost_that_nobody_knows_is_not_at_most_anything() -> None:
    assert best(one("a", usd=None), most=1.0) == "nothing"
    assert best(one("a", usd=0.5), one("b", usd=0.01, facts=Facts(), facts_source=""), most=0.1) == "b"


def test_the_cost_policy_prefers_a_machine_of_ones_own() -> None:
    small = one("native", usd=0.0, local=True, facts=Facts(context=8_000, tools=True, tier="mid"))
    assert best(one("claude-code"), small) == "claude-code"
    assert best(one("claude-code"), small, by="cost") == "native"
    assert best(one("claude-code"), small, by="cost:1") == "native"


def test_of_equally_rated_the_cheaper_is_taken_and_then_the_quicker() -> None:
    assert best(one("a", usd=0.2), one("b", usd=0.1)) == "b"
    near = replace(one("near"), took_ms=3.0)
    assert best(replace(one("far"), took_ms=300.0), near) == "near"


def test_a_model_below_its_agents_tier_comes_last() -> None:
    small = one("a", tier="frontier", facts=replace(ABLE, tier="small"))
    assert best(small, one("b", tier="frontier", live=4)) == "b"
    assert is_below(Facts(tier="mid"), "frontier")
    assert not is_below(Facts(), "frontier")


def test_the_reason_names_the_winner_the_number_and_the_next_one() -> None:
    ranked = rank([one("claude-code"), one("codex", live=1)], Needs(able=("tools",)), None, policy("default"))
    said = reason(ranked, ["tools"], None)
    assert said == (
        "dev on claude-code with m: rated 0.91, the best of 2 that fit (needs tools); expected to cost "
        "$0.10 by its price; next dev on codex with m, 0.88 (load: 1 live run)"
    )
    kept = record(ranked, ["tools"], None, "default")
    assert kept["of"] == 2
    assert [each["runtime"] for each in kept["compared"]] == ["claude-code", "codex"]


def test_the_nearest_miss_is_the_one_that_lacks_least() -> None:
    misses = [
        one("a", facts=Facts(tools=False, reasoning=False)),
        one("b", facts=replace(ABLE, vision=False)),
    ]
    ranked = rank(misses, Needs(able=("tools", "vision")), None, policy("default"))
    assert ranked[0].one.runtime == "b"
    assert ranked[0].lacking == ["it has no vision"]


def test_words_are_read_and_an_unknown_one_is_named_with_the_nearest() -> None:
    needs = read_needs(["tools", "context:64k", "mid", "frontier", "local", "review"], ["review"])
    assert needs == Needs(
        able=("tools",), context=64_000, tier="frontier", local=True, tags=frozenset({"review"})
    )
    with pytest.raises(PanError, match='"visoin"') as told:
        read_needs(["visoin"], [])
    assert told.value.code is ExitCode.USAGE
    assert "vision" in (told.value.remedy or "")


def test_each_thing_that_a_model_lacks_is_said() -> None:
    needs = Needs(able=("reasoning",), context=300_000, tier="frontier", local=True)
    assert lacks(needs, replace(ABLE, tier="mid", reasoning=None), local=False) == [
        "nobody knows whether it has reasoning",
        "200,000 tokens fit, and 300,000 are needed",
        "its tier is mid, below frontier",
        "it runs on no machine of yours",
    ]
