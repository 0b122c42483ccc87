"""The transcript as a person sees it, at two widths, against files to be read by people.

`PANCODE_ACCEPT=1` writes the files anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from pancode.worker import captions
from pancode.worker.text import width
from pancode.worker.transcript import Transcript

GOLDEN = Path(__file__).parent / "golden"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

SPEC: Any = {
    "run": "9ad",
    "agent": "claude-code",
    "agent_version": "2.1.197",
    "model": "claude-sonnet-5",
    "grant": {"mode": "build", "level": "auto-edit", "read_only": False},
    "cwd": "/home/ann/src/shop",
    "env": {"HOME": "/home/ann"},
    "continues": None,
    "task": "Fix the token refresh so that two tabs don't log each other out. Keep the tests that are there, "
    "and add one for the race.",
}
WEAK: Any = {"sandbox": "none", "net": "open", "accepted": ["none"], "lost": ["nothing is enforced"]}
FAILED = "tests/test_auth.py ..F\nFAILED test_two_tabs - assert 'a' == 'b'\n1 failed, 12 passed in 1.71s\n"
EVENTS: list[dict[str, Any]] = [
    {"kind": "session", "id": "s"},
    {"kind": "turn"},
    {"kind": "text", "text": "I'll look at how the refr", "delta": True},
    {"kind": "text", "text": "esh is serialised first, and then at the tests; it is ", "delta": True},
    {"kind": "text", "text": "probably a missing lock.\n\nSteps:\n  1. read\n  2. fix\n", "delta": True},
    {
        "kind": "tool_started",
        "id": "1",
        "name": "read",
        "args": {"file_path": "src/auth/refresh.py"},
        "m": 1.0,
    },
    {"kind": "tool_finished", "id": "1", "name": "read", "ok": True, "result": "a\n" * 212, "m": 1.2},
    {
        "kind": "tool_started",
        "id": "2",
        "name": "grep",
        "args": {"pattern": "refresh_token", "path": "src/"},
        "m": 2.0,
    },
    {"kind": "tool_started", "id": "3", "name": "edit", "args": {"path": "src/auth/refresh.py"}, "m": 2.0},
    {"kind": "tool_finished", "id": "2", "name": "grep", "ok": True, "result": "x\n" * 9, "m": 2.1},
    {"kind": "tool_finished", "id": "3", "name": "edit", "ok": True, "result": "", "m": 2.2},
    {"kind": "usage", "scope": "step", "input": 1},
    {"kind": "turn"},
    {
        "kind": "tool_started",
        "id": "4",
        "name": "shell",
        "args": {"command": "pytest -q tests/test_auth.py"},
        "m": 3.0,
    },
    {
        "kind": "tool_finished",
        "id": "4",
        "name": "shell",
        "ok": False,
        "result": FAILED,
        "exit": 1,
        "m": 4.84,
    },
    {"kind": "retrying", "attempt": 2, "of": 10, "wait_s": 3.5, "http": 529, "why": "overloaded"},
    {
        "kind": "tool_started",
        "id": "5",
        "name": "shell",
        "args": {"command": "git push origin HEAD\n# now"},
        "m": 5.0,
    },
    {"kind": "refused", "id": "5", "name": "shell", "why": "push is the controller's act"},
    {
        "kind": "tool_finished",
        "id": "5",
        "name": "shell",
        "ok": False,
        "result": "push is the controller's act",
    },
    {"kind": "refused", "name": "web", "why": "no network"},
    {
        "kind": "tool_started",
        "id": "6",
        "name": "mcp__tracker__find_every_issue_about",
        "args": {"n": 3, "all": True},
        "m": 6.0,
    },
    {
        "kind": "tool_finished",
        "id": "6",
        "name": "mcp__tracker__find_every_issue_about",
        "ok": None,
        "result": "一つの結果",
        "m": 6.1,
    },
    {"kind": "notice", "text": "a line that isn't JSON"},
    {"kind": "unknown", "type": "of tomorrow"},
    {"kind": "problem", "message": "connection reset by peer", "http": 502},
    {"kind": "turn"},
    {"kind": "text", "text": "Fixed: the refresh takes a lock now."},
    {"kind": "finished", "ok": True, "result": "Fixed: the refresh takes a lock now."},
]
USAGE = {
    "input": 8200,
    "output": 2100,
    "cache_read": 33000,
    "cache_write": None,
    "reasoning": None,
    "turns": 7,
    "tool_calls": 6,
}


def result(**changes: Any) -> Any:
    return {
        "status": "done",
        "reason": "completed",
        "evidence": {"record": None, "exit": 0, "signal": None},
        "usage": USAGE,
        "cost": {"usd": 0.41, "source": "agent"},
        "started": 1000.0,
        "ended": 1123.0,
        **changes,
    }


def shown(columns: int) -> str:
    transcript = Transcript(columns)
    text = captions.header(SPEC, columns)
    text += "".join(transcript.show(event) for event in EVENTS)
    return text + transcript.close() + captions.final(result(), columns, structured=True)


def agrees(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("PANCODE_ACCEPT"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("columns", [80, 120])
def test_the_transcript_is_the_accepted_one(columns: int) -> None:
    text = COLOURS.sub("", shown(columns))
    agrees(f"transcript-{columns}.txt", text)
    assert all(width(line) <= columns for line in text.splitlines())


def test_the_colours_are_the_accepted_ones() -> None:
    agrees("transcript-80-colours.txt", shown(80).replace("\x1b", "^["))


@pytest.mark.parametrize("columns", [30, 33, 50, 200])
def test_no_line_is_wider_than_the_pane(columns: int) -> None:
    assert all(width(line) <= columns for line in COLOURS.sub("", shown(columns)).splitlines())


def test_a_pane_too_narrow_for_sense_is_treated_as_a_wider_one() -> None:
    assert Transcript(1).columns == captions.NARROWEST


NOTHING = dict.fromkeys(USAGE)
ENDS = {
    "login": result(
        status="failed",
        reason="auth",
        evidence={
            "record": {"kind": "problem", "message": "login needed: run `copilot login`"},
            "exit": 1,
            "signal": None,
        },
        usage=NOTHING,
        cost={"usd": None, "source": "unknown"},
        ended=1001.9,
    ),
    "stopped": result(
        status="cancelled",
        reason="stopped",
        evidence={"record": {"by": "operator", "why": "enough"}, "exit": None, "signal": "SIGINT"},
    ),
    "timeout": result(
        status="timeout",
        reason="wall-timeout",
        evidence={"record": {"why": "the run took longer than 60 s"}, "exit": 1, "signal": None},
    ),
    "never started": result(
        status="failed",
        reason="crashed",
        evidence={
            "record": {"message": 'can\'t start "x": no such file or directory'},
            "exit": None,
            "signal": None,
        },
        started=None,
        usage=NOTHING,
        cost={"usd": None, "source": "unknown"},
    ),
}


def test_the_ends_are_the_accepted_ones() -> None:
    text = "".join(f"# {name}\n{captions.final(end, 80, structured=True)}" for name, end in ENDS.items())
    text += "# a command\n" + captions.final(result(), 80, structured=False)
    agrees("ends-80.txt", COLOURS.sub("", text))


def test_a_tool_line_is_finished_in_place() -> None:
    transcript = Transcript(80)
    first = transcript.show({"kind": "tool_started", "id": "1", "name": "shell", "args": {"command": "ls"}})
    second = transcript.show({"kind": "tool_finished", "id": "1", "name": "shell", "ok": True, "result": "a"})
    assert not first.endswith("\n")
    assert (first + second).count("\n") == 1


def test_the_final_text_is_shown_only_if_nothing_was_said() -> None:
    transcript = Transcript(80)
    assert transcript.show({"kind": "finished", "ok": True, "result": "only here"}) == " only here\n"
    transcript.show({"kind": "text", "text": "said"})
    assert transcript.show({"kind": "finished", "ok": True, "result": "said"}) == ""


def test_a_new_width_holds_from_the_next_line_on() -> None:
    transcript = Transcript(120)
    transcript.resize(30)
    text = transcript.show({"kind": "text", "text": "word " * 20})
    assert max(map(len, text.splitlines())) <= 30


def test_the_header_says_what_the_sandbox_keeps_and_a_weaker_grade_in_red() -> None:
    full: Any = {**SPEC, "sandbox": {"grade": {**WEAK, "sandbox": "full", "net": "model", "accepted": []}}}
    weaker: Any = {**SPEC, "sandbox": {"grade": WEAK}}
    lines = captions.header(full, 120).splitlines()
    assert lines[0].endswith("~/src/shop · sandbox full, net: model\x1b[0m")
    lines = captions.header(weaker, 120).splitlines()
    assert lines[1] == "\x1b[31m WEAKER: none · nothing is enforced\x1b[0m"
