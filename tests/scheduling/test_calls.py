"""Model requests at a limit: admitted, held, asked about, refused; many at once never overspend."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from pancode.core import events as ev
from pancode.core.errors import PanError
from pancode.domains.scheduling import atlimit
from pancode.domains.scheduling.accounts import own_limit
from pancode.domains.scheduling.amounts import Amount, Limit, parse_limit
from tests.scheduling.desk import WORKER, Client, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.budgets.set_policy({"estimate": {"usd": 0, "tokens": 0, "turns": 0}, "unknown": "allow"})
    return made


async def soon(*, turns: int = 20) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def question(desk: Desk, run: str) -> Any:
    [found] = desk.world.runs[run].questions
    return found


def test_twenty_at_once_never_overspend_the_sessions_budget(desk: Desk) -> None:
    limit = 40_000
    desk.budgets.set("session", Limit(tokens=limit))
    dice, most_open = random.Random(7), 0  # noqa: S311 -- no secret

    async def work(run: str) -> int:
        nonlocal most_open
        used = 0
        for number in range(8):
            answer = await desk.admit(run, f"{run}{number}", asks=100, most=1900)
            if not answer["allow"]:
                break
            account = sum(len(one.calls) for one in desk.purse.book.values())
            most_open = max(most_open, account)
            held = sum(one.settled.tokens + one.reserved.tokens for one in desk.purse.book.values())
            assert held <= limit
            await asyncio.sleep(dice.random() / 200)
            cost = dice.randrange(2000)
            desk.ended(run, f"{run}{number}", cost)
            used += cost
        return used

    async def all_of_them() -> int:
        desk.budgets.set_policy({"at_limit": "stop"})
        for number in range(20):
            desk.start(f"r{number}")
        return sum(await asyncio.gather(*(work(f"r{number}") for number in range(20))))

    used = asyncio.run(all_of_them())
    assert limit - 2000 <= used <= limit
    assert most_open > 1
    assert desk.stopped()


def test_a_request_that_others_may_leave_room_for_waits_and_then_begins(desk: Desk) -> None:
    desk.budgets.set("session", Limit(tokens=1500))

    async def story() -> None:
        desk.start("a")
        desk.start("b")
        assert (await desk.admit("a", "1"))["allow"]
        waiting = asyncio.create_task(desk.admit("b", "2"))
        await soon()
        assert not waiting.done()
        desk.ended("a", "1", 300)
        assert (await waiting)["allow"]
        assert desk.world.runs["b"].questions == ()

    asyncio.run(story())


def test_a_person_is_asked_and_yes_raises_the_limit_for_this_run_alone(desk: Desk) -> None:
    desk.budgets.set("session", Limit(tokens=1000))

    async def story() -> None:
        desk.start("a")
        assert (await desk.admit("a", "1"))["allow"]
        desk.ended("a", "1", 600)
        waiting = asyncio.create_task(desk.admit("a", "2"))
        await soon()
        asked = question(desk, "a")
        assert asked.what == "850 tokens more than the session's budget, for this run alone"
        assert (
            asked.why
            == "the session's budget of 1k tokens has 400 tokens left, and up to 1k tokens are needed"
        )
        assert not waiting.done()
        desk.others.answer(desk.world.runs["a"], asked, allow=True, why="")
        assert (await waiting)["allow"]
        assert desk.world.runs["a"].questions == ()
        with pytest.raises(PanError, match="has its answer already: approved"):
            desk.others.answer(desk.world.runs["a"], asked, allow=False, why="")
        # The next controller knows it; nobody else has more.
        desk.start("b")
        other = asyncio.create_task(desk.admit("b", "1"))
        await soon()
        assert question(desk, "b")
        other.cancel()

    asyncio.run(story())
    again = Desk(Path(desk.places.home))
    again.start("a")
    assert again.purse.book["a"].raised == {"session": Amount(tokens=850)}


def test_a_no_refuses_the_request_and_ends_the_run(desk: Desk) -> None:
    async def story() -> None:
        desk.start("a", {"turns": 1})
        assert (await desk.admit("a", "1"))["allow"]
        desk.ended("a", "1", 5)
        waiting = asyncio.create_task(desk.admit("a", "2"))
        await soon()
        desk.others.answer(desk.world.runs["a"], question(desk, "a"), allow=False, why="enough")
        answer = await waiting
        assert answer["allow"] is False
        assert "the run's budget of 1 turn is used up" in answer["why"]

    asyncio.run(story())
    assert desk.stopped()["a"].endswith("; enough")


def test_a_runs_own_limit_lets_one_request_begin_while_anything_is_left(desk: Desk) -> None:
    desk.budgets.set_policy({"at_limit": "stop"})

    async def story() -> None:
        desk.start("a", {"tokens": 500})
        assert (await desk.admit("a", "1", most=32_000))["allow"]
        desk.ended("a", "1", 499)
        assert (await desk.admit("a", "2", most=32_000))["allow"]
        desk.ended("a", "2", 499)
        assert not (await desk.admit("a", "3", most=32_000))["allow"]

    asyncio.run(story())
    assert desk.purse.book["a"].settled.tokens == 998


def test_a_limit_that_is_raised_meanwhile_takes_the_question_back(desk: Desk) -> None:
    desk.budgets.set("session", Limit(tokens=900))

    async def story() -> None:
        desk.start("a")
        waiting = asyncio.create_task(desk.admit("a", "1"))
        await soon()
        assert question(desk, "a")
        desk.budgets.set("session", parse_limit("10k"))
        desk.money.changed()
        assert (await waiting)["allow"]
        assert desk.world.runs["a"].questions == ()

    asyncio.run(story())


def test_the_budget_of_each_run_holds_for_live_ones_and_a_yes_is_not_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.budgets.set("run", Limit(tokens=1000))
    monkeypatch.setattr(atlimit, "WATCH_S", 0.01)

    def limit() -> int | None:
        return own_limit(desk.purse.book["a"]).tokens

    async def story() -> None:
        desk.start("a")
        assert (await desk.admit("a", "1"))["allow"]
        desk.ended("a", "1", 1100)
        waiting = asyncio.create_task(desk.admit("a", "2"))
        await soon()
        desk.others.answer(desk.world.runs["a"], question(desk, "a"), allow=True, why="")
        assert (await waiting)["allow"]
        desk.ended("a", "2", 2000)
        given = limit()
        assert given is not None
        waiting = asyncio.create_task(desk.admit("a", "3"))
        await soon()
        assert question(desk, "a")
        desk.budgets.set("run", Limit(tokens=given + 2000))
        desk.money.changed()
        assert (await waiting)["allow"]
        assert limit() == given + 2000, "what was given is within it"
        desk.ended("a", "3", 5000)
        desk.budgets.set("run", Limit(tokens=1000))
        desk.money.changed()
        assert limit() == 1000, "a person wants less of all"
        # Another session's verb sets it: nobody tells this one.
        waiting = asyncio.create_task(desk.admit("a", "4"))
        await soon()
        assert question(desk, "a")
        desk.budgets.set("run", Limit(tokens=90_000))
        assert (await asyncio.wait_for(waiting, 20))["allow"]

    asyncio.run(story())


def test_nobody_waits_for_a_run_or_a_client_that_is_gone(desk: Desk) -> None:
    desk.budgets.set("session", Limit(tokens=900))

    async def story() -> None:
        desk.start("a")
        waiting = asyncio.create_task(desk.admit("a", "1"))
        await soon()
        desk.post(ev.WorkerVanished(run="a", at=3.0, why="gone"))
        assert not (await waiting)["allow"]
        gone = Client()
        gone.gone = True
        args = {"run": "a", "call": "1", "input_estimate": 1}
        assert not (await desk.calls.admit(args, gone))["allow"]

    asyncio.run(story())


def test_only_the_gateway_may_ask(desk: Desk) -> None:
    async def story() -> None:
        desk.start("a")
        with pytest.raises(PanError, match="only the gateway"):
            await desk.calls.admit({"run": "a", "call": "1", "input_estimate": 1}, Client(WORKER))
        with pytest.raises(PanError, match="needed"):
            await desk.calls.admit({"run": "a"}, Client())

    asyncio.run(story())


@pytest.mark.parametrize(
    ("record", "settled"),
    [
        ({"usage": {"input": 7, "output": 3}, "ok": True}, Amount(10_000_000, 10, 1)),
        ({"usage": {"input": 7, "output": 3}, "ok": True, "usd": 0.5}, Amount(500_000_000, 10, 1)),
        # Answered, and nobody counted: what it may have cost at most.
        ({"usage": None, "ok": True}, Amount(1_000_000_000, 1000, 1)),
        ({"usage": None, "ok": False}, Amount(0, 0, 1)),
    ],
)
def test_an_ended_request_is_settled(desk: Desk, record: dict[str, Any], settled: Amount) -> None:
    prices = Path(desk.places.home) / "panprices.yaml"
    prices.write_text("models:\n  m: {input: 1000, output: 1000, override: true}\n")

    async def story() -> None:
        desk.start("a")
        answer = await desk.admit("a", "1", model="m")
        assert answer["rates"]["source"] == "user's table"
        assert desk.purse.book["a"].reserved == Amount(1_000_000_000, 1000, 1)
        told = {"kind": "call_ended", "call": "1", "usd": None, **record}
        desk.money.on_call(ev.CallSaid(run="a", at=2.0, seq=1, record=told))
        assert desk.purse.book["a"].counted == settled
        assert desk.purse.book["a"].reserved == Amount()

    asyncio.run(story())


def test_a_model_without_a_price_is_blocked_where_money_is_limited(desk: Desk) -> None:
    desk.budgets.set_policy({"unknown": "block"})
    desk.budgets.set("day", Limit(nano=10**9))

    async def story() -> None:
        desk.start("a")
        answer = await desk.admit("a", "1", model="nobody-knows-it")
        assert "has no price" in answer["why"]
        assert "panprices.yaml" in answer["remedy"]

    asyncio.run(story())
    assert "has no price" in desk.stopped()["a"]


def test_the_day_and_the_project_count_what_other_sessions_hold(tmp_path: Path, desk: Desk) -> None:
    other = Desk(tmp_path, "second")
    desk.budgets.set("day", Limit(tokens=1500))

    async def story() -> None:
        desk.start("a")
        other.start("b")
        assert (await desk.admit("a", "1"))["allow"]
        waiting = asyncio.create_task(other.admit("b", "1"))
        await soon()
        assert "the day's budget" in question(other, "b").why
        waiting.cancel()

    asyncio.run(story())


def test_a_run_that_only_its_agent_meters_stands_still_at_its_limit(desk: Desk) -> None:
    async def story() -> None:
        desk.start("a", {"tokens": 100})
        usage = {"kind": "usage", "scope": "total", "input": 80, "output": 40}
        desk.post(ev.WorkerSaid(run="a", at=2.0, seq=2, record=usage))
        desk.money.on_said(ev.WorkerSaid(run="a", at=2.0, seq=2, record=usage))
        await asyncio.sleep(0.1)
        [pause] = [event for event in desk.posted if isinstance(event, ev.PauseAsked)]
        assert pause.why == "the run's budget of 100 tokens is used up"
        desk.others.answer(desk.world.runs["a"], question(desk, "a"), allow=True, why="")
        assert any(isinstance(event, ev.ResumeAsked) for event in desk.posted)
        assert desk.purse.reached("a") is None

    asyncio.run(story())


def test_each_limit_is_warned_of_once_when_four_fifths_are_used(desk: Desk) -> None:
    desk.budgets.set("session", Limit(tokens=1000))

    async def story() -> None:
        desk.start("a")
        for tokens, warnings in ((700, 0), (120, 1), (30, 1)):
            assert (await desk.admit("a", str(tokens), asks=1, most=1))["allow"]
            desk.ended("a", str(tokens), tokens)
            desk.telling.forget()
            desk.money._warn()
            assert len(desk.told) == warnings
        desk.budgets.set("session", Limit(tokens=900))
        desk.money._warn()

    asyncio.run(story())
    assert desk.told == ["82 % of the session's budget is used", "94 % of the session's budget is used"]


def test_the_gateways_count_is_priced_while_the_run_works(desk: Desk) -> None:
    (Path(desk.places.home) / "panprices.yaml").write_text("models:\n  m: {input: 1000, output: 1000}\n")

    async def story() -> None:
        desk.start("a", model="m")
        assert desk.telling.cost(desk.world.runs["a"]) == {"usd": None, "source": "unknown"}
        await desk.prices.learn(["m"])
        await desk.admit("a", "1", model="m")
        desk.post(ev.CallSaid(run="a", at=2.0, seq=1, record={"kind": "call_started", "call": "1"}))
        desk.ended("a", "1", 500)
        assert desk.telling.cost(desk.world.runs["a"]) == {"usd": 0.5, "source": "user's table"}

    asyncio.run(story())
    assert desk.telling.expected("nobody", None)["basis"] == "the default for agents without a past"


def test_a_request_whose_agent_has_hung_up_holds_nothing(desk: Desk) -> None:
    desk.budgets.set("session", Limit(tokens=1500))

    async def story() -> None:
        desk.start("a")
        desk.start("b")
        assert (await desk.admit("a", "1"))["allow"]
        waiting = asyncio.create_task(desk.admit("b", "2"))
        await soon()
        gone = {"kind": "call_refused", "call": "2", "why": "the agent hung up"}
        desk.post(ev.CallSaid(run="b", at=2.0, seq=1, record=gone))
        assert not (await waiting)["allow"]
        desk.ended("a", "1", 5)
        assert desk.purse.book["b"].calls == {}

    asyncio.run(story())
