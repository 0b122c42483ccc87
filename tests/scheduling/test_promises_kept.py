"""What was promised or spent counts on: over a restart, a killed gateway, an agent that says less."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from pancode.core import events as ev
from pancode.domains.scheduling.amounts import Amount, Limit
from pancode.domains.scheduling.charges import charge_of
from pancode.engine.ledgerindex import Where
from tests.scheduling.desk import Desk
from tests.scheduling.test_rates import BARE

FREE_ESTIMATE = {"estimate": {"usd": 0, "tokens": 0, "turns": 0}, "unknown": "allow"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.budgets.set_policy({**FREE_ESTIMATE, "at_limit": "stop"})
    return made


def begun(desk: Desk, run: str, call: str) -> None:
    record = {"kind": "call_started", "call": call, "model": None}
    seq = desk.world.runs[run].metered.seq + 1
    desk.post(ev.CallSaid(run=run, at=2.0, seq=seq, record=record))


def next_controller(desk: Desk) -> Desk:
    again = Desk(Path(desk.places.home))
    again.world, again.specs = desk.world, desk.specs
    again.purse.begin()
    return again


def test_a_request_under_way_keeps_its_promise_over_a_restart(desk: Desk) -> None:
    desk.budgets.set("session", Limit(tokens=1900))

    async def story() -> None:
        desk.start("a")
        assert (await desk.admit("a", "1"))["allow"]
        begun(desk, "a", "1")
        again = next_controller(desk)
        assert again.purse.book["a"].reserved.tokens == 1000
        assert again.purse.reserve("a", "2", Amount(tokens=1000)) is not None
        again.ended("a", "1", 300)
        assert again.purse.book["a"].reserved == Amount()
        assert again.purse.reserve("a", "2", Amount(tokens=800)) is None

    asyncio.run(story())


def test_a_request_whose_gateway_was_killed_costs_its_worst(desk: Desk) -> None:
    async def story() -> None:
        desk.start("a")
        assert (await desk.admit("a", "1", asks=100, most=900))["allow"]
        usage = {"input": 100, "output": None}
        desk.ended("a", "1", 0, ok=False, usage=usage, estimate=True)
        assert desk.purse.book["a"].counted == Amount(0, 1000, 1)

    asyncio.run(story())


def test_calls_without_a_price_are_not_left_out_of_those_that_have_one() -> None:
    seen = {"input": 1_000_000, "output": 0, "calls": 2, "usd": 0.1, "unpriced": 1}
    told: dict[str, Any] = {"input": None, "output": None}
    assert charge_of(told, None, seen, BARE).nano == 1_000_000_000
    assert charge_of(told, None, {**seen, "unpriced": 0}, BARE).nano == 100_000_000
    assert charge_of(told, None, seen, None).nano == 100_000_000


def test_an_agents_own_figure_makes_no_call_cheaper_for_a_limit(desk: Desk) -> None:
    folder = Path(desk.places.runs, "a")
    folder.mkdir()
    usage = {"input": 10, "output": 10, "turns": 1}
    result = {"usage": usage, "cost": {"usd": 0.001}, "ended": desk.now, "started": 1.0, "status": "done"}
    records = [
        {"seq": 1, "t": 1.0, "kind": "call_started", "call": "1", "model": "m"},
        {"seq": 2, "t": 2.0, "kind": "call_ended", "call": "1", "usage": usage, "usd": 0.5},
        {"seq": 3, "t": 3.0, "kind": "call_ended", "call": "2", "usage": usage, "usd": None},
    ]
    (folder / "spec.json").write_text(json.dumps({"agent": "claude", "runtime": "claude"}))
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "calls.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    desk.purse.ledger.close("a", 20_000_000)
    where = Where(place=desk.purse.ledger.place)
    assert desk.index.charged(where)[0] == 520_000_000
    assert desk.index.known(where) == (1_000_000, 0)


def test_a_run_whose_end_is_not_told_yet_is_neither_charged_nor_sealed(desk: Desk) -> None:
    async def story() -> None:
        desk.start("a")
        folder = Path(desk.places.runs, "a")
        usage = {"input": 10, "output": 10, "turns": 1}
        result = {"usage": usage, "cost": {"usd": 0.5}, "ended": desk.now, "started": 1.0, "status": "done"}
        (folder / "spec.json").write_text(json.dumps({"run": "a", "agent": "claude", "runtime": "claude"}))
        (folder / "result.json").write_text(json.dumps(result))
        again = next_controller(desk)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(again.money.begin(), 0.1)
        assert again.index.runs(again.purse.ledger.place) == set()
        assert not (folder / "receipt.json").exists()
        again.post(ev.WorkerSaid(run="a", at=2.0, seq=2, record={"kind": "ended", **result}))
        again.money.on_run(ev.RunChanged("a", ended=True))
        assert again.index.runs(again.purse.ledger.place) == {"a"}
        assert (folder / "receipt.json").exists()

    asyncio.run(story())


def test_many_that_want_one_new_price_look_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[list[str]] = []

    def look(models: list[str]) -> dict[str, Any]:
        looked.append(models)
        time.sleep(0.05)
        return dict.fromkeys(models)

    monkeypatch.setattr(desk.prices, "_looked_up", look)

    async def story() -> None:
        await asyncio.gather(*(desk.prices.learn(["new"]) for _ in range(30)))

    asyncio.run(story())
    assert looked == [["new"]]
