"""The fleet screen as text."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.domains.ui.frame import Canvas, View, body_lines, diff, frame, scrolled
from pancode.domains.ui.reading import read_fleet
from pancode.domains.ui.rows import Fleet
from pancode.domains.ui.text import columns
from tests.ui.fakes import NOW, Screen, status, worker

GOLDEN = Path(__file__).parent / "golden"


def ended(run_id: str, state: str, ago: float, **changes: Any) -> dict[str, Any]:
    return worker(run_id, state, started=NOW - ago - 112, ended=NOW - ago, pid=None, **changes)


def three() -> dict[str, Any]:
    usage = {"input": 8_180, "output": 2_100, "cache_read": 33_000, "cache_write": None, "reasoning": None}
    return status(
        worker(
            "9ad",
            agent="claude",
            doing="edit src/auth/refresh.py",
            usage=usage,
            turns=7,
            cost={"usd": 0.414, "source": "agent"},
        ),
        ended(
            "k1c", "done", 300, agent="scout", task="look at src/auth", cost={"usd": 0.02, "source": "table"}
        ),
        ended("m5e", "failed", 20, agent="copilot", reason="auth", task="write the changelog"),
        totals={"live": 1, "waiting": 0, "done": 1, "failed": 1},
        budget={"limit_usd": 10, "spent_usd": 0.43, "unknown_runs": 1},
    )


def sixty() -> dict[str, Any]:
    states = ("working", "queued", "done", "failed", "cancelled", "working")
    rows = [
        worker(f"r{n:02d}", states[n % 6], started=NOW - 10 * n, ended=NOW - n, task=f"task number {n}")
        if states[n % 6] in ("done", "failed", "cancelled")
        else worker(f"r{n:02d}", states[n % 6], started=NOW - 10 * n, task=f"task number {n}")
        for n in range(60)
    ]
    return status(*rows, totals={"live": 30, "waiting": 0, "done": 10, "failed": 20})


FLEETS = {"none": status(totals={}), "three": three(), "sixty": sixty()}


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", list(FLEETS))
def test_a_frame_reads_as_the_golden_one(name: str, width: int) -> None:
    lines = frame(read_fleet(FLEETS[name], NOW), View(), None, NOW, Canvas(width, 24))
    text = "\n".join(lines) + "\n"
    golden = GOLDEN / f"{name}-{width}.txt"
    if os.environ.get("PANCODE_ACCEPT"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def ids(fleet: Fleet) -> list[str]:
    return [row.run_id for row in fleet.ordered(NOW)]


def test_who_waits_comes_first_then_trouble_then_work_then_the_queue_then_the_ended() -> None:
    fleet = read_fleet(
        status(
            ended("old", "done", 50),
            worker("que", "queued", started=None),
            worker("wrk"),
            ended("bad", "failed", 9),
            ended("off", "cancelled", 10),
            worker("ask", "asking"),
            ended("gon", "lost", 3),
        ),
        NOW,
    )
    assert ids(fleet) == ["ask", "gon", "bad", "wrk", "que", "off", "old"]


def shown(row: dict[str, Any], width: int = 120) -> str:
    return frame(read_fleet(status(row), NOW), View(), None, NOW, Canvas(width, 6))[1]


def test_a_worker_that_asks_says_what() -> None:
    assert shown(worker("k3f", "asking", doing="rm -rf dist")).split()[:3] == ["?", "asks", "k3f"]
    assert "asks: rm -rf dist" in shown(worker("k3f", "asking", doing="rm -rf dist"))


def test_a_silent_worker_counts_from_its_last_sign() -> None:
    evidence = {"state": "quiet", "last_event_age_s": 45}
    line = shown(worker("w71", heartbeat={"at": NOW - 3, "evidence": evidence}, doing="shell make"))
    assert "◐ silent" in line
    assert "silent 48s · shell make" in line


def test_a_silent_command_claims_no_time_since_nobody_knows_it() -> None:
    evidence = {"state": "quiet", "last_event_age_s": None}
    line = shown(worker("w71", heartbeat={"at": NOW - 3, "evidence": evidence}))
    assert "◐ silent" in line
    assert "silent · make the tests pass" in line


def test_a_worker_whose_shim_stopped_beating_is_not_called_working() -> None:
    line = shown(worker("w71", heartbeat={"at": NOW - 40, "evidence": {"state": "working"}}))
    assert "◐ no beat" in line
    assert "no heartbeat for 40s" in line


def test_a_retrying_worker_says_why() -> None:
    assert "retrying 529, attempt 3" in shown(worker("w71", retrying="retrying 529, attempt 3"))


def test_what_nobody_knows_is_a_dash_and_an_estimate_has_a_tilde() -> None:
    assert shown(worker("a1", started=None)).split()[-2:] == ["–", "–"]
    assert "~$0.03" in shown(worker("a1", cost={"usd": 0.03, "source": "price table"}))


@pytest.mark.parametrize("state", ["hibernating", "", "\x1b[31m"])
def test_a_state_nobody_has_heard_of_is_shown_and_breaks_nothing(state: str) -> None:
    assert "k3f" in shown(worker("k3f", state))


HOSTILE = "\x1b[2J\x1b]0;owned\x07a\rb\nc\x9b31m\u202eevil\u200b 日本語 e\u0301\u0301\u0301\u0301 \ufe0f\x00"


def test_text_from_agents_reaches_the_screen_without_its_controls() -> None:
    line = shown(worker("k3f", task=HOSTILE, agent="\x1b[7mcodex", doing=None), 200)
    assert line.isprintable()
    assert "owned" not in line
    assert "b c" in line
    assert "日本語" in line


@given(st.text(), st.integers(1, 220), st.integers(1, 30))
def test_no_line_is_ever_wider_than_the_screen(text: str, width: int, height: int) -> None:
    fleet = read_fleet(
        status(worker("k3f", task=text, agent=text, model=text), worker("9ad", doing=text)), NOW
    )
    for view in (View(), View(selected="k3f"), View(note="n" * 300), View(help=True)):
        lines = frame(fleet, view, None, NOW, Canvas(width, height))
        assert len(lines) == height
        assert all(columns(line) <= width and line == line.rstrip("\n") for line in lines)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_status_of_the_wrong_shape_is_read_without_a_fault(junk: Any) -> None:
    keys = (*worker("k3f"), "grade")
    fleet = read_fleet({"workers": [dict.fromkeys(keys, junk), junk], **dict.fromkeys(status(), junk)}, NOW)
    fleet = read_fleet(
        {"workers": [{**dict.fromkeys(keys, junk), "run_id": "k3f"}], "budget": {"spent_usd": junk}}, NOW
    )
    assert frame(fleet, View(), NOW - 4, NOW, Canvas(200, 24))


def test_a_difference_writes_only_the_lines_that_changed() -> None:
    before = frame(read_fleet(sixty(), NOW), View(), None, NOW, Canvas(80, 24))
    changed = sixty()
    changed["workers"][59]["doing"] = "shell pytest -q"
    after = frame(read_fleet(changed, NOW), View(), None, NOW, Canvas(80, 24))
    number = next(n for n, line in enumerate(after) if "shell pytest -q" in line)
    assert diff(before, after) == f"\x1b[{number + 1};1H\x1b[2K{after[number]}"
    assert diff(after, after) == ""


def test_differences_add_up_to_the_last_frame() -> None:
    screen = Screen(80, 24)
    fleet, old = read_fleet(sixty(), NOW), None
    for second in range(4):
        lines = frame(fleet, View(), None, NOW + second, Canvas(80, 24))
        screen.feed(diff(old, lines))
        old = lines
    assert old is not None
    assert screen.text == "\n".join(old)


def test_a_second_later_only_running_clocks_and_beats_differ() -> None:
    fleet = read_fleet(three(), NOW)
    before, after = (frame(fleet, View(), None, NOW + s, Canvas(120, 24)) for s in (0, 1))
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [line.split()[0] for line in changed] == ["●", "BUILD"]


def test_the_chosen_row_stays_on_the_screen() -> None:
    fleet, canvas = read_fleet(sixty(), NOW), Canvas(80, 12)
    order = fleet.ordered(NOW)
    view = View()
    for row in [*order, *reversed(order)]:
        view = scrolled(replace(view, selected=row.run_id), order, body_lines(canvas))
        lines = frame(fleet, view, None, NOW, canvas)
        assert any(line.startswith("›") and row.run_id in line for line in lines)


def test_colours_say_nothing_that_words_do_not() -> None:
    fleet = read_fleet(three(), NOW)
    coloured = frame(fleet, View(), None, NOW, Canvas(120, 24, colour=True))
    screen = Screen(120, 24)
    screen.feed(diff(None, coloured))
    assert screen.text == "\n".join(frame(fleet, View(), None, NOW, Canvas(120, 24)))
    assert any("\x1b[31m✗ failed" in line for line in coloured)


WEAK = {"sandbox": "none", "net": "open", "accepted": ["none"], "lost": ["nothing is enforced"]}
RED = "\x1b[1;31m"


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize(("chosen", "gone_since"), [(None, None), ("k3f", None), (None, NOW)])
def test_a_weaker_grade_is_red_and_in_words_at_every_width(
    width: int, chosen: str | None, gone_since: float | None
) -> None:
    row = worker("k3f", sandbox=WEAK, grade="none", doing="edit refresh.py")
    fleet, canvas = read_fleet(status(row), NOW), Canvas(width, 12, colour=True)
    lines = frame(fleet, View(selected=chosen), gone_since, NOW, canvas)
    assert f"{RED}WEAKER: none\x1b[0m" in lines[1]
    assert f"{RED}1 WEAKER\x1b[0m" in lines[-1]
    screen = Screen(width, 12)
    screen.feed(diff(None, lines))
    plain = frame(fleet, View(selected=chosen), gone_since, NOW, replace(canvas, colour=False))
    assert screen.text == "\n".join(plain)
    assert "WEAKER: none" in plain[1]


def test_a_weaker_grade_is_red_as_far_as_there_is_room() -> None:
    row = worker("k3f", sandbox={**WEAK, "accepted": ["none", "no-landlock", "links"]})
    line = frame(read_fleet(status(row), NOW), View(), None, NOW, Canvas(43, 9, colour=True))[1]
    assert f"{RED}WEAKER: none no-landlock lin\x1b[0m" in line


def test_a_question_of_a_worker_with_a_weaker_grade_says_what_that_loses() -> None:
    question = {"id": "k3f.a1", "tool": "shell", "what": "ls", "since": NOW, "deadline": None}
    row = worker("k3f", "asking", sandbox=WEAK, questions=[question])
    lines = frame(
        read_fleet(status(row), NOW), View("k3f", why=True), None, NOW, Canvas(100, 12, colour=True)
    )
    assert f"{RED}sandbox           WEAKER: none · nothing is enforced\x1b[0m" in "\n".join(lines)


def test_who_waits_in_the_queue_or_stands_still_says_why() -> None:
    assert "2 runs of codex are live, its limit · make the tests" in shown(
        worker("k3f", "queued", started=None, waits="2 runs of codex are live, its limit")
    )
    paused = worker("k3f", "paused", paused={"by": "operator", "why": "lunch"}, doing="edit a.py")
    assert "‖ paused" in shown(paused)
    assert "by operator: lunch · edit a.py" in shown(paused)


def test_a_quiet_worker_whose_model_call_is_under_way_is_not_called_silent() -> None:
    beat = {"at": NOW - 3, "evidence": {"state": "quiet", "last_event_age_s": 45}}
    row = worker("k3f", heartbeat=beat, calls={"count": 3, "inflight": 1, "since": NOW - 48})
    assert "● working" in shown(row)
    assert "asks its model for 48s · make the tests pass" in shown(row)
    assert "◐ silent" in shown({**row, "calls": {"count": 3, "inflight": 0, "since": None}})


def test_a_controller_that_is_gone_is_said_to_be() -> None:
    lines = frame(read_fleet(three(), NOW), View(), NOW - 3, NOW, Canvas(80, 24))
    assert lines[-1].startswith(" controller gone since 3s · BUILD")
    assert frame(None, View(), NOW - 3, NOW, Canvas(80, 24))[0] == " waiting for the controller since 3s"


def test_a_footer_without_room_keeps_what_matters_most() -> None:
    fleet = read_fleet(status(worker("k3f", "asking"), totals={"live": 3, "waiting": 1, "done": 9}), NOW)
    assert frame(fleet, View(), None, NOW, Canvas(30, 9))[-1] == " BUILD · 1 asks you · 3 live"


def test_a_question_stands_in_its_row_in_the_footer_and_in_full() -> None:
    question = {
        "id": "k3f.a1", "tool": "shell", "what": "rm -rf dist", "class": "bash_destructive",
        "why": "it deletes", "rule": "delete", "source": "built-in", "recoverable": "nothing", "cwd": "/w",
        "since": NOW, "deadline": NOW + 60,
    }  # fmt: skip
    row = worker("k3f", "asking", doing="thinking", questions=[question, {**question, "id": "k3f.a2"}])
    assert "asks: rm -rf dist (and 1 more)" in shown(row)
    fleet, canvas = read_fleet(status(row), NOW), Canvas(100, 12)
    lines = frame(fleet, View(selected="k3f", allowing="k3f.a1"), None, NOW, canvas)
    assert lines[-1] == " allow k3f.a1 once? y/n  rm -rf dist"
    text = "\n".join(frame(fleet, View(selected="k3f", why=True), None, NOW, canvas))
    assert "codex k3f.a1 wants to use shell" in text
    assert "denied in 1:00 if nobody answers" in text
