"""The worker's pure parts: ladder, limits, tally, lines, text from agents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.worker import journal, protocol
from pancode.worker.flow import Flow
from pancode.worker.ladder import GIVE_UP_S, Ladder
from pancode.worker.limits import Watch
from pancode.worker.sanitise import plain
from pancode.worker.screen import Screen
from pancode.worker.stream import LONGEST_LINE, Lines
from pancode.worker.tally import Tally
from pancode.worker.text import cut, last_words, width

INT, KILL, TERM = 2, 9, 15
EVIL = st.text(
    alphabet=st.sampled_from("\x1b\x07\x9b\x9d\x90\x9c\\]P[k_^X52;c?25hlm0\r\n \tab\u202e\u2066日é\x00\x7f"),
    max_size=60,
)


def climbed(ladder: Ladder, until: float) -> list[tuple[float, int]]:
    sent = []
    while (at := ladder.next_at()) is not None and at <= until:
        signal = ladder.due(at)
        if signal is not None:
            sent.append((round(at, 3), signal))
    return sent


def test_a_ladder_on_the_ground_sends_nothing() -> None:
    ladder = Ladder()
    assert (ladder.next_at(), ladder.due(1e9)) == (None, None)


def test_the_ladder_asks_then_terms_then_kills_until_told_otherwise() -> None:
    ladder = Ladder()
    ladder.ask(100.0)
    ladder.ask(101.0)
    sent = climbed(ladder, 105.0)
    assert sent[:3] == [(100.0, INT), (102.0, TERM), (104.0, KILL)]
    assert {signal for _, signal in sent[2:]} == {KILL}
    assert len(sent) > 5


def test_force_goes_to_kill_at_once_from_any_rung() -> None:
    ladder = Ladder()
    ladder.ask(100.0)
    assert ladder.due(100.0) == INT
    ladder.force(100.5)
    assert climbed(ladder, 100.5) == [(100.5, KILL)]


def test_what_is_left_behind_gets_term_and_kill_soon() -> None:
    ladder = Ladder()
    ladder.sweep(100.0)
    assert climbed(ladder, 100.1) == [(100.0, TERM), (100.1, KILL)]


def test_a_sweep_does_not_step_down_from_killing() -> None:
    ladder = Ladder()
    ladder.force(100.0)
    ladder.due(100.0)
    ladder.sweep(100.001)
    assert ladder.due(101.0) == KILL


def test_killing_is_given_up_in_the_end() -> None:
    ladder = Ladder()
    ladder.force(100.0)
    climbed(ladder, 100.0 + GIVE_UP_S)
    assert not ladder.hopeless(100.0 + GIVE_UP_S)
    assert ladder.hopeless(100.1 + GIVE_UP_S)


def watch(**limits: Any) -> Watch:
    none = {"wall_s": None, "idle_s": None, "max_turns": None, "token_budget": None}
    return Watch({**none, **limits}, 100.0)  # type: ignore[typeddict-item]


def test_retries_count_as_life_but_not_for_ever() -> None:
    one, tally = watch(idle_s=8.0), Tally()
    tally.retrying = True
    for at in range(100, 132):
        one.alive(float(at))
        assert one.reached(tally, float(at)) is None
    one.alive(132.0)
    assert one.reached(tally, 132.0) == ("idle-timeout", "nothing but retries for 32 s")
    one.answered(132.0)
    assert one.reached(tally, 133.0) is None
    tally.retrying = False
    one.alive(150.0)
    assert one.reached(tally, 150.0) is None


def test_bytes_and_work_put_idleness_off() -> None:
    one = watch(idle_s=8.0)
    assert one.next_at() == 102.0
    one.sample(0.0, 102.0)
    assert one.reached(Tally(), 107.9) is None
    assert one.reached(Tally(), 108.0) == ("idle-timeout", "no output and no work for 8 s")
    one.alive(107.0)
    assert one.reached(Tally(), 108.0) is None
    one.sample(1.0, 109.0)
    assert one.reached(Tally(), 116.9) is None


def test_a_little_processor_time_is_not_work() -> None:
    one = watch(idle_s=8.0)
    for at in (102.0, 104.0, 106.0, 108.0):
        one.sample((at - 100) * 0.01, at)
    assert one.reached(Tally(), 108.0) is not None


def test_no_limits_wait_for_nothing() -> None:
    assert watch().next_at() is None
    assert watch().reached(Tally(), 1e9) is None


def test_totals_replace_and_steps_add() -> None:
    tally = Tally()
    for scope, tokens in (("step", 5), ("step", 6), ("total", 20), ("step", 1)):
        usage = {"kind": "usage", "scope": scope, "input": tokens, "output": None}
        tally.add(usage, 1.0)
    for scope, usd in (("step", 0.5), ("step", 0.25), ("total", 2.0), ("step", 0.5)):
        tally.add({"kind": "cost", "scope": scope, "usd": usd}, 1.0)
    assert tally.usage["input"] == 21
    assert tally.usage["output"] is None
    assert tally.money == {"usd": 2.5, "source": "agent"}


def test_what_the_agent_does_not_say_is_none() -> None:
    assert set(Tally().usage.values()) == {None}
    assert Tally().money == {"usd": None, "source": "unknown"}
    assert Tally().result is None


def test_the_result_is_the_last_message() -> None:
    tally = Tally()
    for event in (
        {"kind": "text", "text": "first"},
        {"kind": "text", "text": "sec", "delta": True},
        {"kind": "text", "text": "ond", "delta": True},
    ):
        tally.add(event, 1.0)
    assert tally.result == "second"
    tally.add({"kind": "turn"}, 1.0)
    tally.add({"kind": "text", "text": "third", "delta": True}, 1.0)
    assert tally.result == "third"
    tally.add({"kind": "finished", "ok": True, "result": "the end"}, 1.0)
    assert tally.result == "the end"


def test_turns_are_the_agents_figure_only_when_none_were_seen() -> None:
    tally = Tally()
    tally.add({"kind": "finished", "ok": True, "turns": 7}, 1.0)
    assert tally.usage["turns"] == 7
    tally.add({"kind": "turn"}, 1.0)
    assert tally.usage["turns"] == 1


def test_a_problem_that_the_agent_got_over_explains_nothing() -> None:
    tally = Tally()
    tally.add({"kind": "problem", "message": "429"}, 1.0)
    tally.add({"kind": "tool_started", "id": "1", "name": "shell", "args": {}}, 1.0)
    assert tally.problem is None
    assert tally.tool == "shell"


@given(st.lists(st.binary(max_size=20)))
def test_lines_are_the_same_however_the_bytes_come(pieces: list[bytes]) -> None:
    lines = Lines()
    found = [line for piece in pieces for line in lines.feed(piece)]
    assert [*found, lines.end()] == b"".join(pieces).split(b"\n")


def test_a_line_that_is_too_long_is_none_and_the_next_one_is_not() -> None:
    lines = Lines()
    for _ in range((LONGEST_LINE >> 20) + 1):
        assert lines.feed(b"x" * (1 << 20)) == []
    assert lines.feed(b"tail\nnext\n") == [None, b"next"]


@given(EVIL)
def test_plain_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    said = plain(text)
    assert not any(letter < " " and letter not in "\n\t" for letter in said)
    assert not any("\x7f" <= letter <= "\x9f" or letter in "\u202e\u2066" for letter in said)
    assert plain(said) == said


@given(EVIL, st.lists(st.integers(1, 7), min_size=1))
def test_a_screen_shows_the_same_however_the_bytes_come(text: str, sizes: list[int]) -> None:
    data = text.encode()
    whole = Screen().feed(data)
    screen, at, shown, turn = Screen(), 0, b"", 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        shown += screen.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert shown == whole


@given(EVIL)
def test_a_screen_lets_no_string_sequence_through(text: str) -> None:
    shown = Screen().feed(text.encode())
    for start in (
        b"\x1b]",
        b"\x1bP",
        b"\x1b_",
        b"\x1b^",
        b"\x1bX",
        b"\x1bk",
        b"\xc2\x9d",
        b"\xc2\x90",
        b"\xc2\x9b",
    ):
        assert start not in shown


@pytest.mark.parametrize(
    ("wrote", "shown"),
    [
        (b"\x1b[31mred\x1b[0m", b"\x1b[31mred\x1b[0m"),
        (b"\x1b[2J\x1b[H\x1b[?1049h", b"\x1b[2J\x1b[H\x1b[?1049h"),
        (b"\x1b(0lqk\x1b(B\x1b7\x1b8\x1bM", b"\x1b(0lqk\x1b(B\x1b7\x1b8\x1bM"),
        (b"a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", b"alinkb"),
        (b"\x1b[8;1;1t\x1b[5i\x1b[?1$p\x1b[!p", b"\x1b[!p"),
        (b"\x1b]52;c;unended \x18still here", b"still here"),
        ("naïve © 日本".encode(), "naïve © 日本".encode()),
        (b"bell\x07 tab\t cr\r nl\n bs\x08 nul\x00 del\x7f", b"bell\x07 tab\t cr\r nl\n bs\x08 nul del"),
        (b"\xff\xfe bytes", b"\xff\xfe bytes"),
    ],
)
def test_what_draws_passes_and_what_acts_does_not(wrote: bytes, shown: bytes) -> None:
    assert Screen().feed(wrote) == shown


def test_a_string_without_an_end_does_not_swallow_everything() -> None:
    screen = Screen()
    assert screen.feed(b"\x1bP" + b"x" * (1 << 20)) == b""
    assert screen.feed(b"x" * 10 + b"back").endswith(b"back")


@given(
    st.text(alphabet="ab cd\n日é\t", max_size=80),
    st.integers(20, 40),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_text_flows_the_same_in_pieces_and_never_over_the_edge(
    text: str, columns: int, sizes: list[int]
) -> None:
    text = text.expandtabs(4)
    one, other = Flow(columns), Flow(columns)
    whole = one.feed(text) + one.end()
    pieces, at, turn = "", 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        pieces += other.feed(text[at : at + size])
        at, turn = at + size, turn + 1
    assert pieces + other.end() == whole
    assert all(width(line) <= columns for line in whole.split("\n"))
    assert "".join(whole.split()) == "".join(text.split())


@given(st.text(max_size=40), st.integers(1, 30))
def test_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(text, columns)) <= columns


def test_last_words_are_the_last() -> None:
    assert last_words(b"x" * 5000 + b"\r\nend\r\n") == "x" * 3996 + "\nend"
    assert last_words(b" \r\n\x1b[0m") is None


def test_the_journals_version_is_the_protocols() -> None:
    assert journal.V == protocol.V
