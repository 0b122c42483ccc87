"""The thin part of the engine with nothing real around it: what it does when something is in its way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pancode.core.errors import PanError
from pancode.domains.dispatch.flow import runner
from pancode.domains.dispatch.flow.definition import Flow, Node
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.posting import Posting, Terms
from pancode.domains.dispatch.flow.reuse import Ground
from pancode.domains.dispatch.flow.runner import Flows, Live
from pancode.domains.dispatch.flow.state import Closed, Ended, Opened, Outcome, Posted, State, StopAsked, Unit
from pancode.domains.dispatch.flow.template import Values


class Around:
    """Agents, dispatcher and all else that a flow touches; every run ends `done` at once."""

    def __init__(self, tmp_path: Path) -> None:
        self.places = SimpleNamespace(state=str(tmp_path))
        self.isolation = SimpleNamespace()
        self.folders = SimpleNamespace(spec=lambda _: {}, path=lambda *_: "/nowhere")
        self.posted: list[str] = []
        self.notes: list[str] = []

    def flows(self) -> Flows:
        return Flows(self, self, self)  # type: ignore[arg-type]

    def get(self, name: str | None) -> Any:
        raise PanError(f'there is no agent "{name}"')

    def run(self, request: Any, *, is_retry: bool) -> str:
        assert is_retry
        self.posted.append(request.task)
        return f"r{len(self.posted)}"

    def result(self, run: str) -> dict[str, Any]:
        return {"status": "done", "reason": "completed", "run_id": run, "ended": 1.0}

    def world(self) -> Any:
        return SimpleNamespace(runs={})

    def note(self, words: str) -> None:
        self.notes.append(words)


def drive(flows: Flows, flow: Live) -> None:
    asyncio.run(asyncio.wait_for(flows._drive(flow), 60))


def live(flows: Flows, *nodes: Node, ground: Ground | None = None) -> Live:
    flow = Flow(kind="flow", name="f", nodes=nodes)
    flows.folders.make("f1", flow, {"created": 1.0})
    made = flows.live["f1"] = Live("f1", State(flow=flow), Terms("/"), ground=ground)
    return made


def test_a_flow_ends_though_the_agent_of_a_run_is_taken_out_of_the_file_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "AGAIN", 0.01)
    around = Around(tmp_path)
    flows = around.flows()
    flow = live(flows, Node(name="a", task="t", agent="gone"), ground=Ground(tree="t", parts={}))

    async def look(*_: object) -> None:
        return None

    monkeypatch.setattr(flows._grounding, "note", look)
    for event in (Opened("a", None), Posted("a", "work", 1, "r1")):
        flows._apply(flow, event)
    drive(flows, flow)
    assert flow.state.closed is not None
    assert flow.state.closed.status == "done"
    assert not around.notes


def test_a_stop_that_comes_while_runs_are_posted_is_heeded_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = Around(tmp_path).flows()
    flow = live(flows, *(Node(name=f"t{number}", task="t", agent="a") for number in range(5)))
    posted: list[str] = []

    def post(_: str, step: Any, __: State, ___: Terms) -> str:
        posted.append(step.unit)
        asyncio.get_running_loop().call_soon(flows.stop, "f1", "operator", "enough")
        return f"r{len(posted)}"

    monkeypatch.setattr(flows.posting, "post", post)
    drive(flows, flow)
    assert posted == ["t0"]
    assert flow.state.closed is not None
    assert flow.state.closed.status == "cancelled"


def test_a_race_that_was_won_before_starts_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = Around(tmp_path).flows()
    flow = live(flows, *(Node(name=f"r{number}", task="t", agent="a") for number in range(2)))
    flow.state = State(flow=replace(flow.state.flow, kind="race", first=True))
    kept = Outcome(status="done", reason="completed", run="k3f", reused="f0")
    monkeypatch.setattr(flows._past, "reused", lambda *_: kept)
    drive(flows, flow)
    assert [unit.run for unit in flow.state.all_units()] == ["k3f", None]
    assert flow.state.closed is not None
    assert flow.state.closed.status == "done"


def test_a_check_may_take_as_long_as_the_work() -> None:
    node = Node(name="a", task="t", verify="make test", terms={"timeout": 9, "idle": 3, "budget": {"usd": 1}})
    check = Posting._check(None, node, Unit(node="a", run="r1"), Values())  # type: ignore[arg-type]
    assert {key: check.get(key) for key in ("timeout", "idle", "budget", "beside")} == {
        "timeout": 9,
        "idle": 3,
        "budget": None,
        "beside": "r1",
    }


def test_an_event_after_a_line_that_a_full_disk_has_torn_is_read_back(tmp_path: Path) -> None:
    folders = FlowFolders(str(tmp_path))
    folders.make("f1", Flow(kind="batch", name="b", nodes=(Node(name="a", task="t"),)), {})
    folders.append("f1", 1, 1.0, Opened("a", None))
    with open(folders.path("f1", "events.jsonl"), "ab") as file:
        file.write(b'{"v": 1, "seq": 2, "t": 1.0, "kind": "Ende')
    folders.append("f1", 2, 2.0, Ended("a", "work", Outcome(status="done", reason="completed")))
    folders.append("f1", 3, 3.0, StopAsked("operator", "enough"))
    loaded = folders.load("f1")
    assert loaded is not None
    state, seq = loaded
    assert (state.units["a"][0].phase, state.stop, seq) == ("ended", StopAsked("operator", "enough"), 3)


def test_the_end_of_a_flow_is_seen_without_reading_its_journal(tmp_path: Path) -> None:
    folders = FlowFolders(str(tmp_path))
    folders.make("f1", Flow(kind="batch", name="b", nodes=(Node(name="a", task="t"),)), {})
    assert not folders.has_ended("f1")
    folders.append("f1", 1, 1.0, Opened("a", None))
    assert not folders.has_ended("f1")
    folders.append("f1", 2, 2.0, Closed("done", 2.0))
    assert folders.has_ended("f1")
    with Path(folders.path("f1", "events.jsonl")).open("a") as file:
        file.write('{"v": 1, "se')  # Torn: then the whole journal is read.
    assert not folders.has_ended("f1")


def test_an_event_about_a_unit_whose_beginning_is_lost_costs_itself_only(tmp_path: Path) -> None:
    folders = FlowFolders(str(tmp_path))
    folders.make("f1", Flow(kind="batch", name="b", nodes=(Node(name="a", task="t"),)), {})
    folders.append("f1", 2, 1.0, Posted("a", "work", 1, "r1"))
    folders.append("f1", 3, 2.0, StopAsked("operator", "enough"))
    loaded = folders.load("f1")
    assert loaded is not None
    assert (loaded[0].units, loaded[0].stop, loaded[1]) == ({}, StopAsked("operator", "enough"), 3)
