"""The laws of the reducer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pancode.core import events as ev
from pancode.core.effects import CloseBooks, OpenPane, OrderStop, TryAgain, decide
from pancode.core.grants import Grant, Level, Mode
from pancode.core.reduce import UnexpectedEventError, reduce
from pancode.core.state import Finished, Queued, Starting, Stopping, Working, World

GRANT = Grant(Mode.BUILD, Level.AUTO_EDIT)


def queued(run: str = "k3f", *, retry: bool = False) -> ev.RunQueued:
    return ev.RunQueued(
        run=run, at=1.0, agent="codex", task="t", model=None, grant=GRANT, runtime="codex", retry=retry
    )


def said(seq: int, kind: str, run: str = "k3f", **fields: Any) -> ev.WorkerSaid:
    return ev.WorkerSaid(run=run, at=float(seq), seq=seq, record={"kind": kind, **fields})


ENDED = {"status": "done", "reason": "completed"}
RECORDS = st.one_of(
    st.just({"kind": "started", "pid": 5}),
    st.just({"kind": "exec", "pid": 6}),
    st.just({"kind": "tool_started", "id": "1", "name": "shell", "args": {"command": "ls"}}),
    st.just({"kind": "tool_finished", "id": "1", "name": "shell", "ok": True, "result": ""}),
    st.just({"kind": "turn"}),
    st.just({"kind": "usage", "scope": "step", "input": 3, "output": None}),
    st.just({"kind": "cost", "scope": "step", "usd": 0.25}),
    st.just({"kind": "stop_requested", "by": "operator", "why": "x"}),
    st.just({"kind": "heartbeat", "state": "quiet", "procs": 1}),
    st.just({"kind": "ended", **ENDED}),
    st.builds(lambda kind: {"kind": kind}, st.text()),
)


def run_events() -> st.SearchStrategy[list[ev.Event]]:
    other = st.one_of(
        st.builds(
            lambda at: ev.PaneOpened(run="k3f", at=at, pane="%1", window="@1", shim_pid=5),
            st.floats(0, 99),
        ),
        st.builds(lambda at: ev.StopAsked(run="k3f", at=at, by="operator", why="y"), st.floats(0, 99)),
        st.builds(lambda at: ev.WorkerVanished(run="k3f", at=at, why="z"), st.floats(0, 99)),
        st.builds(
            lambda seq, record: ev.WorkerSaid(run="k3f", at=float(seq), seq=seq, record=record),
            st.integers(1, 30),
            RECORDS,
        ),
    )
    return st.lists(other, max_size=30)


def play(world: World, events: list[ev.Event]) -> World:
    for event in events:
        world = reduce(world, event)
    return world


START = reduce(World(), queued())


@given(run_events())
def test_nothing_follows_finished(events: list[ev.Event]) -> None:
    world = START
    for event in events:
        before = world.runs["k3f"]
        world = reduce(world, event)
        if isinstance(before.state, Finished):
            assert world.runs["k3f"] is before


@given(run_events())
def test_a_journal_that_is_sent_twice_changes_nothing(events: list[ev.Event]) -> None:
    world = play(START, events)
    again = [
        event for event in events if isinstance(event, ev.WorkerSaid) and event.seq <= world.runs["k3f"].seq
    ]
    assert play(world, list(again)) == world


@given(run_events())
def test_a_run_never_goes_back(events: list[ev.Event]) -> None:
    order = [Queued, Starting, Working, Stopping, Finished]
    world, rank = START, 0
    for event in events:
        world = reduce(world, event)
        now = order.index(type(world.runs["k3f"].state))
        assert now >= rank
        rank = now


@given(run_events())
def test_books_are_closed_exactly_once(events: list[ev.Event]) -> None:
    world, closed = START, 0
    for event in events:
        after = reduce(world, event)
        closed += sum(isinstance(effect, CloseBooks) for effect in decide(world, event, after))
        world = after
    assert closed == (not world.runs["k3f"].is_live)


@given(st.lists(st.integers(0, 1000) | st.none(), max_size=8))
def test_unknown_tokens_are_never_taken_as_zero(said_inputs: list[int | None]) -> None:
    events: list[ev.Event] = [
        said(number + 1, "usage", scope="step", input=value) for number, value in enumerate(said_inputs)
    ]
    known = [value for value in said_inputs if value is not None]
    assert play(START, events).runs["k3f"].tally.input == (sum(known) if known else None)


def test_each_state_is_reached_in_turn() -> None:
    world, seen = START, [type(START.runs["k3f"].state)]
    for event in (
        ev.PaneOpened(run="k3f", at=2.0, pane="%1", window="@1", shim_pid=9),
        said(1, "exec", pid=7),
        said(2, "stop_requested", by="operator", why="enough"),
        said(3, "ended", status="cancelled", reason="stopped"),
    ):
        world = reduce(world, event)
        seen.append(type(world.runs["k3f"].state))
    assert seen == [Queued, Starting, Working, Stopping, Finished]


def test_an_event_for_an_unknown_run_is_a_fault() -> None:
    with pytest.raises(UnexpectedEventError, match="zzz"):
        reduce(World(), said(1, "exec", run="zzz"))


def test_a_run_is_not_queued_twice() -> None:
    with pytest.raises(UnexpectedEventError):
        reduce(START, queued())


def test_queueing_opens_a_pane_and_stopping_orders_a_stop() -> None:
    assert decide(World(), queued(), START) == [OpenPane("k3f")]
    stop = ev.StopAsked(run="k3f", at=3.0, by="operator", why="w", force=True)
    assert decide(START, stop, reduce(START, stop)) == [OrderStop("k3f", "operator", "w", force=True)]


@pytest.mark.parametrize(
    ("retry", "reason", "again"),
    [(True, "overload", True), (True, "auth", False), (False, "overload", False)],
)
def test_only_a_passing_failure_is_tried_again(retry: bool, reason: str, again: bool) -> None:
    world = reduce(World(), queued(retry=retry))
    end = said(1, "ended", status="failed", reason=reason)
    effects = decide(world, end, reduce(world, end))
    assert (TryAgain("k3f") in effects) is again


def test_admin_returns_to_the_mode_it_came_from() -> None:
    world = reduce(World(), ev.ModeChosen(mode=Mode.REVIEW, at=1.0))
    world = reduce(world, ev.ModeChosen(mode=Mode.ADMIN, at=2.0))
    assert (world.session.mode, world.session.before_admin) == (Mode.ADMIN, Mode.REVIEW)
    world = reduce(world, ev.ModeChosen(mode=world.session.before_admin, at=3.0))
    assert world.session.mode is Mode.REVIEW


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KINDS = ("started", "exec", "tool_started", "heartbeat", "retrying", "usage", "cost", "session", "ended")
FIELDS = ("pid", "args", "name", "input", "usd", "scope", "id", "status", "reason", "evidence", "why", "http")


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), JSON))
@example("cost", {"usd": "free"})
@example("exec", {"pid": [7]})
@example("usage", {"input": True, "scope": []})
def test_no_record_is_so_odd_that_the_reducer_fails(kind: str, fields: dict[str, Any]) -> None:
    assert reduce(START, said(1, kind, **fields)).runs["k3f"].seq == 1
