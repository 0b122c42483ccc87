"""The pure machine: what follows from what, by cases and by laws."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.domains.dispatch.flow.definition import Flow, Foreach, Node, from_json, to_json
from pancode.domains.dispatch.flow.journal import decoded
from pancode.domains.dispatch.flow.state import State, StopAsked, reduce, status_of
from pancode.domains.dispatch.flow.steps import next_steps
from tests.flows.playing import Player


def flow(*nodes: Node, **terms: object) -> Flow:
    return Flow(**{"kind": "flow", "name": "f", "nodes": nodes, **terms})  # type: ignore[arg-type]


def always(status: str, _: object) -> str:
    return status


def units_posted(player: Player) -> list[str]:
    return [f"{post.unit} {post.role}" for post in player.posts]


def test_a_node_waits_for_all_that_it_needs() -> None:
    player = Player(flow(Node(name="c", needs=("a", "b")), Node(name="a"), Node(name="b")))
    player.advance()
    assert units_posted(player) == ["a work", "b work"]
    player.end("a/1/work")
    player.advance()
    assert len(player.posts) == 2
    assert player.play() == "done"
    assert units_posted(player)[2:] == ["c work"]


def test_a_chain_stops_at_the_first_failure() -> None:
    nodes = Node(name="a"), Node(name="b", needs=("a",)), Node(name="c", needs=("b",))
    player = Player(flow(*nodes), say=lambda post: "failed" if post.unit == "b" else "done")
    assert player.play() == "failed"
    assert units_posted(player) == ["a work", "b work"]
    assert player.state.passed["c"].why == 'needs "b", which ended failed'


def test_a_check_decides_and_retry_tries_again_with_what_it_said() -> None:
    def say(post: object) -> tuple[str, str]:
        is_first_check = "check" in str(post) and "attempt=1" in str(post)
        return ("failed", "2 tests failed") if is_first_check else ("done", "well")

    player = Player(flow(Node(name="a", verify="make test", retry=1)), say=say)
    player.advance()
    player.end("a/1/work")
    player.advance()
    player.end("a/1/check")
    assert player.state.unit("a").hint == "2 tests failed"
    assert player.play() == "done"
    assert [(post.role, post.attempt) for post in player.posts] == [
        ("work", 1), ("check", 1), ("work", 2), ("check", 2),
    ]  # fmt: skip


def test_what_was_refused_or_stopped_is_not_tried_again() -> None:
    for status in ("refused", "cancelled", "budget"):
        player = Player(flow(Node(name="a", retry=3)), say=functools.partial(always, status))
        assert player.play() == "failed"
        assert len(player.posts) == 1


def test_an_agent_that_wants_it_gets_one_more_try_after_a_hiccup_of_its_model() -> None:
    for reason, tries in (("overload", 2), ("agent-error", 1)):
        player = Player(
            flow(Node(name="a", tries_hiccups_again=True)), say=functools.partial(always, "failed")
        )
        player.reason = reason
        assert player.play() == "failed"
        assert len(player.posts) == tries


def test_foreach_makes_a_unit_of_each_item_and_no_item_is_no_failure() -> None:
    listed = Node(name="b", needs=("a",), foreach=Foreach(node="a"))
    player = Player(flow(Node(name="a"), listed), say=lambda _: ("done", "- x\n- y\n\n"))
    assert player.play() == "done"
    assert units_posted(player) == ["a work", "b.0 work", "b.1 work"]
    assert [unit.item for unit in player.state.units["b"]] == ["x", "y"]
    nothing = Player(flow(Node(name="a"), listed), say=lambda _: ("done", ""))
    assert nothing.play() == "done"
    assert status_of(nothing.state, "b") == "done"


@pytest.mark.parametrize(
    ("when", "ends", "posted"),
    [
        ('a.status == "done"', "done", True),
        ('a.status == "done"', "failed", False),
        ('a.status == "failed"', "failed", True),
        ('"said" in a.result and a.count == 1', "done", True),
        ("not (a.failed > 0)", "failed", False),
        ("a.usd == none", "done", True),
    ],
)
def test_when_is_looked_at_once_its_nodes_have_ended(when: str, ends: str, posted: bool) -> None:
    nodes = Node(name="a"), Node(name="b", needs=("a",), when=when)
    player = Player(flow(*nodes), say=lambda post: ends if post.unit == "a" else "done")
    player.play()
    assert ("b work" in units_posted(player)) is posted
    assert status_of(player.state, "b") == ("done" if posted else "skipped")


def test_a_when_that_makes_no_sense_fails_its_node() -> None:
    player = Player(flow(Node(name="a"), Node(name="b", needs=("a",), when="a.result > 3")))
    assert player.play() == "failed"
    assert player.state.passed["b"].why == 'when: ">" compares numbers'


def test_a_stop_ends_what_is_under_way_and_begins_nothing() -> None:
    player = Player(flow(Node(name="a"), Node(name="b", needs=("a",))))
    player.advance()
    player.apply(StopAsked("operator", "enough"))
    player.advance()
    assert player.halted == ["a/1/work"]
    assert player.play() == "cancelled"
    assert units_posted(player) == ["a work"]


def test_the_first_one_whose_check_passes_wins_and_the_others_are_stopped() -> None:
    nodes = (Node(name=name, verify="true") for name in "abc")
    player = Player(flow(*nodes, first=True, kind="race"))
    player.advance()
    player.end("b/1/work")
    player.end("c/1/work", "failed")
    player.advance()
    player.end("b/1/check")
    player.advance()
    assert player.halted == ["a/1/work"]
    assert player.play() == "done"
    assert status_of(player.state, "a") == "cancelled"


def test_a_race_that_nobody_wins_failed() -> None:
    assert Player(flow(Node(name="a"), first=True), say=lambda _: "failed").play() == "failed"


NAMES = [f"n{number}" for number in range(6)]
ENDS = st.sampled_from(["done", "done", "done", "failed", "refused", "timeout", "lost", "cancelled"])


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    nodes = []
    for place, name in enumerate(NAMES[: draw(st.integers(1, 6))]):
        needs = draw(st.lists(st.sampled_from(NAMES[:place]), unique=True, max_size=3)) if place else []
        nodes.append(
            Node(
                name=name,
                needs=tuple(needs),
                retry=draw(st.integers(0, 2)),
                verify=draw(st.sampled_from([None, "check"])),
                foreach=draw(
                    st.sampled_from([None, None, Foreach(items=()), Foreach(items=("x", "y", "z"))])
                ),
                when=draw(st.sampled_from([None, f'{needs[0]}.status != "done"'])) if needs else None,
            )
        )
    limit = draw(st.sampled_from([None, 1, 2]))
    return flow(*draw(st.permutations(nodes)), concurrency=limit, first=draw(st.booleans()))


@given(flows(), st.data())
def test_every_flow_ends_whatever_its_runs_do_and_in_whatever_order(made: Flow, data: st.DataObject) -> None:
    player = Player(made, say=lambda _: data.draw(ENDS))
    stop_at = data.draw(st.none() | st.integers(0, 10))
    player.advance()
    turns = 0
    while player.under_way:
        if turns == stop_at:
            player.apply(StopAsked("operator", "enough"))
            player.advance()
        if made.concurrency is not None:
            assert len(player.under_way) <= made.concurrency
        player.end(data.draw(st.sampled_from(sorted(player.under_way))))
        player.advance()
        turns += 1
    assert player.state.closed is not None
    assert all(status_of(player.state, node.name) for node in made.nodes) or made.first or player.state.stop
    for unit in player.state.all_units():
        assert unit.attempt <= made.node(unit.node).retry + 1
    asked = [(post.unit, post.role, post.attempt) for post in player.posts]
    assert len(asked) == len(set(asked))
    assert_replay_is_the_same(player)


def assert_replay_is_the_same(player: Player) -> None:
    """Check that the journal's events, read back, lead to the same state, with nothing left to do."""
    from dataclasses import asdict

    state = State(flow=from_json(to_json(player.flow)))
    for number, event in enumerate(player.events):
        record = {"seq": number + 1, "kind": type(event).__name__, **asdict(event)}
        read = decoded(record)
        assert read == event
        state = reduce(state, read)
    assert state == player.state
    assert next_steps(state) == []


@given(flows(), st.integers(0, 30))
def test_a_journal_that_was_cut_anywhere_leads_on(made: Flow, length: int) -> None:
    player = Player(made)
    status = player.play()
    state = State(flow=made)
    for event in player.events[:length]:
        state = reduce(state, event)
    again = Player(made)
    again.state = state
    again.under_way = {
        unit.active: post
        for post in player.posts
        for unit in state.all_units()
        if unit.active == f"{post.unit}/{post.attempt}/{post.role}"
    }
    assert again.play() == status
    before = {unit.run for unit in state.all_units() if unit.run}
    assert not before & {f"{post.unit}/{post.attempt}/{post.role}" for post in again.posts}
