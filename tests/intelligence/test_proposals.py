"""Proposals: right where the record is clear, none where it is thin, and honest figures by replay."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.domains.intelligence.features import features
from pancode.domains.intelligence.posterior import Beta, chance_better
from pancode.domains.intelligence.proposal import ENOUGH, evidence, propose
from pancode.domains.intelligence.record import Outcome
from pancode.domains.intelligence.replay import default_arm, gain, replay

DEV, FAST, CAREFUL = ("dev", "m"), ("fast", "s"), ("careful", "l")


def outcome(at: float, kind: str, arm: tuple[str, str], *, well: bool, usd: float | None = 0.1) -> Outcome:
    return Outcome(
        at=at,
        kind=kind,
        size="small",
        agent=arm[0],
        model=arm[1],
        went_well=well,
        why="",
        usd=usd,
        seconds=60.0,
    )


def many(kind: str, arm: tuple[str, str], well: int, runs: int, usd: float | None = 0.1) -> list[Outcome]:
    return [outcome(at, kind, arm, well=at < well, usd=usd) for at in range(runs)]


def world(
    seed: int, steps: int, chance: Callable[[str, tuple[str, str]], float], arms: Sequence[tuple[str, str]]
) -> list[Outcome]:
    """Give a ledger in which each run's agent was chosen by lot, and goes well with the given chance."""
    luck = random.Random(seed)  # noqa: S311 -- a lot, no secret
    found = []
    for at in range(steps):
        kind, arm = luck.choice(("fix", "docs", "test")), luck.choice(arms)
        found.append(outcome(at, kind, arm, well=luck.random() < chance(kind, arm)))
    return found


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("Fix the crash in cart.py when the basket is empty", "fix"),
        ("Add a --quiet flag", "implement"),
        ("Write tests for src/auth", "test"),
        ("Where is the tax computed?", "research"),
        ("Review the last commit", "review"),
        ("Plan how to split the module", "plan"),
        ("Update the README and the docs", "docs"),
        ("Rename Basket to Cart everywhere", "refactor"),
        ("docs/start.md", "docs"),
        ("tests/test_cart.py", "test"),
        ("cart.py", "implement"),
        ("hm", "other"),
    ],
)
def test_the_kind_of_a_task(task: str, kind: str) -> None:
    assert features(task).kind == kind


def test_files_tell_the_kind_only_where_words_do_not() -> None:
    assert features("as discussed", ["docs/a.md", "README.md"]).kind == "docs"
    assert features("fix it", ["docs/a.md"]).kind == "fix"
    assert features("x " * 30).size == "medium"
    assert features("x " * 100).size == "large"
    assert features("a.py b.py c.py").size == "medium"


def test_a_clear_record_is_followed() -> None:
    known = evidence(many("fix", DEV, 10, 20) + many("fix", CAREFUL, 19, 20), "fix")
    made = propose(known, DEV)
    assert (made.verdict, made.arm) == ("better", CAREFUL)
    assert made.chance is not None
    assert made.chance > 0.99


def test_one_who_does_as_well_for_less_is_proposed() -> None:
    known = evidence(many("fix", DEV, 18, 20, 0.5) + many("fix", FAST, 18, 20, 0.05), "fix")
    made = propose(known, DEV)
    assert (made.verdict, made.arm) == ("cheaper", FAST)
    unknown = evidence(many("fix", DEV, 18, 20, 0.5) + many("fix", FAST, 18, 20, None), "fix")
    assert propose(unknown, DEV).verdict == "default"
    worse = evidence(many("fix", DEV, 20, 20, 0.5) + many("fix", FAST, 10, 20, 0.05), "fix")
    assert propose(worse, DEV).verdict == "default"


def test_too_little_data_is_said() -> None:
    enough, few = many("fix", DEV, 5, ENOUGH), many("fix", CAREFUL, ENOUGH - 1, ENOUGH - 1)
    for outcomes in ([], enough, enough + few, many("fix", CAREFUL, 20, 20)):
        made = propose(evidence(outcomes, "fix"), DEV)
        assert (made.verdict, made.arm) == ("too-little-data", DEV)
    assert propose(evidence(many("docs", CAREFUL, 20, 20) + many("docs", DEV, 0, 20), "fix"), DEV).arm == DEV


def test_only_agents_that_are_there_are_proposed() -> None:
    known = evidence(many("fix", DEV, 10, 20) + many("fix", CAREFUL, 19, 20), "fix")
    assert propose(known, DEV, {"dev"}).arm == DEV


def test_the_more_rivals_the_surer_one_must_be() -> None:
    own, lucky = many("fix", DEV, 12, 20), many("fix", CAREFUL, 16, 20)
    assert propose(evidence(own + lucky, "fix"), DEV).verdict == "better"
    others = [one for n in range(8) for one in many("fix", (f"other-{n}", "m"), 12, 20)]
    assert propose(evidence(own + lucky + others, "fix"), DEV).verdict == "default"


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_probabilities_are_probabilities(a: int, b: int, c: int, d: int) -> None:
    one, other = Beta(a, a + b), Beta(c, c + d)
    low, high = one.interval()
    assert 0 <= low < one.mean < high <= 1
    assert chance_better(one, other) + chance_better(other, one) == pytest.approx(1, abs=1e-9)
    assert one.interval(0.5)[0] >= low


def test_a_replay_finds_what_is_there_to_be_learnt() -> None:
    def chance(kind: str, arm: tuple[str, str]) -> float:
        return 0.9 if (kind == "fix") == (arm == CAREFUL) else 0.4

    told = replay(world(1, 900, chance, (DEV, CAREFUL)), "dev").to_json()
    assert told["steps"] == 900
    assert told["verdicts"]["better"] > 200
    found = told["differing"]["gain"]
    assert found["interval"][0] > 0.2
    assert found["difference"] == pytest.approx(0.5, abs=0.15)
    assert told["proposals"]["expected"] > told["default"]["expected"] + 0.1
    differing = told["differing"]
    assert differing["as_proposed"]["steps"] + differing["by_default"]["steps"] == differing["steps"]


@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_can_be_learnt_a_replay_says_so(seed: int) -> None:
    told = replay(world(seed, 600, lambda _, __: 0.7, (DEV, CAREFUL, FAST)), "dev").to_json()
    assert told["differing"]["steps"] < 0.25 * told["steps"]
    if told["differing"]["gain"] is not None:
        low, high = told["differing"]["gain"]["interval"]
        assert low < 0 or high - low > 0.1
    assert abs(told["proposals"]["expected"] - told["default"]["expected"]) < 0.1


def test_of_the_nothing_worlds_few_claim_a_gain() -> None:
    claims = 0
    for seed in range(40):
        found = replay(world(100 + seed, 300, lambda _, __: 0.7, (DEV, CAREFUL)), "dev").to_json()
        gained = found["differing"]["gain"]
        claims += gained is not None and gained["interval"][0] > 0
    assert claims <= 6


def test_each_step_knows_only_the_past() -> None:
    early = many("fix", DEV, 4, 20)
    late = [outcome(100 + at, "fix", CAREFUL, well=True) for at in range(20)]
    told = replay([*late, *early], "dev")
    assert told.verdicts["too-little-data"] == 20 + ENOUGH
    assert told.differing == 20 - ENOUGH
    assert told.usual.steps == []
    assert told.to_json()["differing"]["gain"] is None
    assert gain([], []) is None


def test_the_default_is_the_agent_with_its_latest_model() -> None:
    outcomes = [outcome(1, "fix", ("dev", "old"), well=True), outcome(2, "fix", ("dev", "new"), well=True)]
    assert default_arm(outcomes, "dev") == ("dev", "new")
    assert default_arm([], "dev") == ("dev", "")
