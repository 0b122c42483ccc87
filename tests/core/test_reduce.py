"""The laws of the reducer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pancode.core import events as ev
from pancode.core.effects import CloseBooks, OpenPane, OrderPause, OrderStop, SendAnswer, TryAgain, decide
from pancode.core.evolve import evolve
from pancode.core.grants import Grant, Level, Mode
from pancode.core.reduce import UnexpectedEventError, is_news, reduce
from pancode.core.state import (
    Always,
    Asking,
    Finished,
    Paused,
    Question,
    Queued,
    Starting,
    Stopping,
    Tally,
    Working,
    World,
)

GRANT = Grant(Mode.BUILD, Level.AUTO_EDIT)


def queued(run: str = "k3f", *, retry: bool = False) -> ev.RunQueued:
    return ev.RunQueued(
        run=run, at=1.0, agent="codex", task="t", model=None, grant=GRANT, runtime="codex", retry=retry
    )


def test_a_run_that_has_evolved_is_the_one_that_is_put_together_anew() -> None:
    run = START.runs["k3f"]
    changed = evolve(run, seq=7, heard=2.5, doing=None)
    assert changed == replace(run, seq=7, heard=2.5, doing=None)
    assert (run.seq, run.heard) == (0, None)


def said(seq: int, kind: str, run: str = "k3f", **fields: Any) -> ev.WorkerSaid:
    return ev.WorkerSaid(run=run, at=float(seq), seq=seq, record={"kind": kind, **fields})


ENDED = {"status": "done", "reason": "completed"}
RECORDS = st.one_of(
    st.just({"kind": "started", "pid": 5}),
    st.just({"kind": "exec", "pid": 6}),
    st.just({"kind": "tool_started", "id": "1", "name": "shell", "args": {"command": "ls"}}),
    st.just({"kind": "tool_finished", "id": "1", "name": "shell", "ok": True, "result": ""}),
    st.just({"kind": "turn"}),
    st.just({"kind": "text", "text": "well"}),
    st.just({"kind": "retrying", "why": "http 529"}),
    st.just({"kind": "usage", "scope": "step", "input": 3, "output": None}),
    st.just({"kind": "cost", "scope": "step", "usd": 0.25}),
    st.just({"kind": "stop_requested", "by": "operator", "why": "x"}),
    st.just({"kind": "heartbeat", "state": "quiet", "procs": 1}),
    st.just({"kind": "asked", "id": "a1", "action": {"tool": "shell", "command": "ls"}, "deadline": 700.0}),
    st.just({"kind": "answered", "id": "a1", "allow": True, "by": "operator", "always": True}),
    st.just({"kind": "answered", "id": "a1", "allow": False, "by": "deadline"}),
    st.just({"kind": "paused", "by": "operator", "why": "lunch"}),
    st.just({"kind": "resumed", "by": "operator"}),
    st.just({"kind": "ended", **ENDED}),
    st.builds(lambda kind: {"kind": kind}, st.text()),
)
QUESTION = Question(
    id="a1", tool="shell", what="git push", kind="git_push", why="it pushes", rule="push", source="built-in",
    recoverable="no", cwd="/w", since=3.0, deadline=700.0,
)  # fmt: skip


def answer(
    id_: str = "a1", *, allow: bool = True, always: bool = False, at: float = 9.0
) -> ev.ActionAnswered:
    return ev.ActionAnswered(
        run="k3f", at=at, id=id_, allow=allow, why="y", by="operator", kind="git_push", rule="push",
        decision="approved" if allow else "denied", always=always,
    )  # fmt: skip


def asked(seq: int, id_: str = "a1", **fields: Any) -> ev.WorkerSaid:
    action = {"tool": "shell", "command": "git push"}
    return said(seq, "asked", id=id_, action=action, deadline=700.0, **fields)


def raised(id_: str = "a1") -> ev.QuestionRaised:
    return ev.QuestionRaised(run="k3f", at=5.0, question=replace(QUESTION, id=id_))


def run_events() -> st.SearchStrategy[list[ev.Event]]:
    other = st.one_of(
        st.builds(
            lambda at: ev.PaneOpened(run="k3f", at=at, pane="%1", window="@1", shim_pid=5),
            st.floats(0, 99),
        ),
        st.builds(lambda at: ev.StopAsked(run="k3f", at=at, by="operator", why="y"), st.floats(0, 99)),
        st.builds(lambda at: ev.WorkerVanished(run="k3f", at=at, why="z"), st.floats(0, 99)),
        st.just(raised()),
        st.builds(lambda allow, always: answer(allow=allow, always=always), st.booleans(), st.booleans()),
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
@example([said(1, "exec", pid=5), said(2, "retrying", why="529"), said(3, "text"), said(4, "text")])
def test_what_is_no_news_changes_only_when_a_run_was_last_heard_of(events: list[ev.Event]) -> None:
    world = START
    for event in events:
        before = world.runs["k3f"]
        world = reduce(world, event)
        if not is_news(before, event):
            after = world.runs["k3f"]
            assert replace(before, seq=after.seq, heard=after.heard, progress=after.progress) == after


@given(run_events())
def test_a_run_never_goes_back(events: list[ev.Event]) -> None:
    order = [(Queued,), (Starting,), (Working, Asking, Paused), (Stopping,), (Finished,)]
    world, rank = START, 0
    for event in events:
        world = reduce(world, event)
        state = world.runs["k3f"].state
        now = next(place for place, states in enumerate(order) if isinstance(state, states))
        assert now >= rank
        rank = now


@given(run_events())
def test_a_run_asks_as_long_as_it_has_open_questions(events: list[ev.Event]) -> None:
    world = START
    for event in events:
        world = reduce(world, event)
        run = world.runs["k3f"]
        if isinstance(run.state, Working | Asking):
            assert isinstance(run.state, Asking) is bool(run.questions)
        if isinstance(run.state, Stopping | Finished):
            assert run.questions == ()
        assert {question.id for question in run.questions} <= set(run.asks)
        assert not any(run.asks[question.id].is_answered for question in run.questions)


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
    assert decide(World(), queued(), START) == []
    cleared = ev.StartCleared(run="k3f", at=2.0)
    after = reduce(START, cleared)
    assert decide(START, cleared, after) == [OpenPane("k3f")]
    assert decide(after, cleared, reduce(after, cleared)) == []
    stop = ev.StopAsked(run="k3f", at=3.0, by="operator", why="w", force=True)
    assert decide(after, stop, reduce(after, stop)) == [OrderStop("k3f", "operator", "w", force=True)]


def test_a_run_that_was_never_started_ends_where_it_is_stopped() -> None:
    stop = ev.StopAsked(run="k3f", at=3.0, by="operator", why="changed my mind")
    after = reduce(START, stop)
    state = after.runs["k3f"].state
    assert isinstance(state, Finished)
    assert (state.status, state.reason) == ("cancelled", "stopped")
    assert decide(START, stop, after) == [CloseBooks("k3f", shim_vanished=False)]


def test_the_scheduler_says_why_a_run_waits_until_it_starts() -> None:
    held = reduce(START, ev.StartHeld(run="k3f", at=2.0, why="2 of 2 codex workers are running"))
    assert held.runs["k3f"].state == Queued(1.0, waits="2 of 2 codex workers are running")
    cleared = reduce(held, ev.StartCleared(run="k3f", at=3.0))
    assert cleared.runs["k3f"].state == Queued(1.0, cleared=True)
    assert reduce(cleared, ev.StartHeld(run="k3f", at=4.0, why="late")) is cleared


WORKING = reduce(START, said(1, "exec", pid=6))


def test_a_run_stands_still_and_goes_on_when_its_shim_says_so() -> None:
    order = ev.PauseAsked(run="k3f", at=3.0, by="operator", why="lunch")
    assert reduce(WORKING, order) is WORKING
    assert decide(WORKING, order, WORKING) == [OrderPause("k3f", pause=True, by="operator", why="lunch")]
    assert decide(START, order, START) == [OrderPause("k3f", pause=True, by="operator", why="lunch")]
    paused = reduce(WORKING, said(2, "paused", by="operator", why="lunch"))
    assert paused.runs["k3f"].state == Paused(2.0, 6, "operator", "lunch")
    resume = ev.ResumeAsked(run="k3f", at=4.0, by="operator")
    assert decide(paused, resume, paused) == [OrderPause("k3f", pause=False, by="operator", why="")]
    assert reduce(paused, said(3, "resumed", by="operator")).runs["k3f"].state == Working(3.0, 6)


def test_the_gateways_calls_add_up_once_each() -> None:
    def call(seq: int, kind: str, **fields: Any) -> ev.CallSaid:
        return ev.CallSaid(run="k3f", at=float(seq), seq=seq, record={"kind": kind, "call": "c1", **fields})

    open_call = reduce(WORKING, call(1, "call_started"))
    assert open_call.runs["k3f"].metered.inflight == {"c1": 1.0}
    ended = call(2, "call_ended", usage={"input": 7, "output": 2, "cache_read": None}, usd=None)
    after = reduce(open_call, ended)
    assert after.runs["k3f"].metered.inflight == {}
    assert after.runs["k3f"].metered.tally == Tally(input=7, output=2)
    assert reduce(after, ended) is after


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


ASKING = play(START, [said(1, "exec", pid=7), asked(2), raised()])


def test_a_question_lets_the_run_wait_and_its_answer_lets_it_go_on() -> None:
    assert ASKING.runs["k3f"].state == Asking(5.0, 7)
    world = reduce(ASKING, answer())
    assert world.runs["k3f"].state == Working(9.0, 7)
    assert world.runs["k3f"].asks["a1"].is_answered
    assert reduce(world, said(3, "answered", id="a1", allow=True)).runs["k3f"].asks == {}


def test_the_shim_is_told_of_a_question_and_of_the_first_answer_only() -> None:
    before = play(START, [said(1, "exec", pid=7), asked(2)])
    [told] = decide(before, raised(), ASKING)
    assert isinstance(told, SendAnswer)
    assert told.order == {"do": "asking", "id": "a1", "class": "git_push", "rule": "push", "why": "it pushes"}
    after = reduce(ASKING, answer(always=True))
    [told] = decide(ASKING, answer(always=True), after)
    assert isinstance(told, SendAnswer)
    assert (told.order["do"], told.order["allow"], told.order["always"]) == ("answer", True, True)
    assert decide(after, answer(allow=False), reduce(after, answer(allow=False))) == []


def test_one_of_two_answers_leaves_the_run_waiting() -> None:
    world = play(ASKING, [asked(3, "a2"), raised("a2"), answer("a1", allow=False)])
    run = world.runs["k3f"]
    assert isinstance(run.state, Asking)
    assert [question.id for question in run.questions] == ["a2"]


def test_a_deadline_of_the_shims_ends_the_question() -> None:
    run = reduce(ASKING, said(3, "answered", id="a1", allow=False, by="deadline")).runs["k3f"]
    assert (run.questions, run.asks, run.state) == ((), {}, Working(3.0, 7))


def test_a_question_about_what_is_not_held_any_more_is_none() -> None:
    world = play(START, [said(1, "exec", pid=7), asked(2), said(3, "answered", id="a1", allow=False)])
    assert reduce(world, raised()) is world


def test_always_is_known_live_and_from_the_journal_alike() -> None:
    live = reduce(ASKING, answer(always=True))
    record = said(3, "answered", id="a1", allow=True, always=True, **{"class": "git_push"}, rule="push")
    kept = (Always("git_push", "push", {"tool": "shell", "command": "git push"}),)
    assert live.runs["k3f"].always == kept
    assert reduce(live, record).runs["k3f"].always == kept
    assert play(START, [said(1, "exec", pid=7), asked(2), record]).runs["k3f"].always == kept
    assert reduce(ASKING, answer(allow=False, always=True)).runs["k3f"].always == ()


def test_an_action_that_the_shim_has_cut_is_known_as_that() -> None:
    world = play(START, [asked(1), asked(2, "a2", cut=True)])
    assert [ask.is_cut for ask in world.runs["k3f"].asks.values()] == [False, True]


def test_a_mode_or_a_level_takes_an_asked_raise_back() -> None:
    level = ev.LevelChosen(level=Level.SUGGEST, at=2.0)
    for fact in (ev.ModeChosen(mode=Mode.PLAN, at=2.0), level, ev.RaiseDropped(at=2.0)):
        assert play(World(), [ev.RaiseAsked(at=1.0), fact]).session.raise_asked is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KINDS = (
    *("started", "exec", "tool_started", "heartbeat", "retrying", "usage", "cost", "session", "ended"),
    *("asked", "answered"),
)
FIELDS = (
    *("pid", "args", "name", "input", "usd", "scope", "id", "status", "reason", "evidence", "why", "http"),
    *("action", "deadline", "allow", "always", "class", "rule", "cut"),
)


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), JSON))
@example("cost", {"usd": "free"})
@example("exec", {"pid": [7]})
@example("usage", {"input": True, "scope": []})
def test_no_record_is_so_odd_that_the_reducer_fails(kind: str, fields: dict[str, Any]) -> None:
    assert reduce(START, said(1, kind, **fields)).runs["k3f"].seq == 1
