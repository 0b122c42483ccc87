"""The verdict, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from pancode.core.errors import ExitCode
from pancode.worker.protocol import REASONS, STATUSES
from pancode.worker.verdict import EXIT_CODES, Ending, judge

GOOD = {"kind": "finished", "ok": True, "result": "x"}
BAD = {"kind": "finished", "ok": False, "message": "m"}
AUTH = {"kind": "problem", "message": "no key", "reason": "auth"}
STOP = {"kind": "stop_requested", "by": "operator", "why": "", "force": False}


def ending(
    *, structured: bool = True, code: int | None = 0, signal: str | None = None, **facts: Any
) -> Ending:
    end = Ending(structured=structured, exit_code=code, signal=signal)
    for name, value in facts.items():
        setattr(end, name, value)
    return end


CASES: list[tuple[str, Ending, tuple[str, str], Any]] = [
    ("all is well", ending(finished=GOOD), ("done", "completed"), GOOD),
    ("the record is missing", ending(), ("failed", "stream-cut"), None),
    ("a problem explains the missing record", ending(problem=AUTH), ("failed", "auth"), AUTH),
    ("good record, bad exit", ending(finished=GOOD, code=1), ("failed", "agent-error"), GOOD),
    ("bad record, exit 0", ending(finished=BAD), ("failed", "agent-error"), BAD),
    (
        "bad record names it",
        ending(finished={**BAD, "reason": "network"}, code=1, problem=AUTH),
        ("failed", "network"),
        {**BAD, "reason": "network"},
    ),
    (
        "bad record without a reason, a problem with one",
        ending(finished=BAD, code=1, problem=AUTH),
        ("failed", "auth"),
        AUTH,
    ),
    ("HTTP 401", ending(finished={**BAD, "http": 401}, code=1), ("failed", "auth"), {**BAD, "http": 401}),
    ("HTTP 403", ending(finished={**BAD, "http": 403}, code=1), ("failed", "auth"), {**BAD, "http": 403}),
    (
        "HTTP 404",
        ending(finished={**BAD, "http": 404}, code=1),
        ("failed", "model-unknown"),
        {**BAD, "http": 404},
    ),
    (
        "HTTP 429",
        ending(finished={**BAD, "http": 429}, code=1),
        ("failed", "rate-limit"),
        {**BAD, "http": 429},
    ),
    ("HTTP 500", ending(finished={**BAD, "http": 500}, code=1), ("failed", "overload"), {**BAD, "http": 500}),
    (
        "HTTP 529",
        ending(problem={**AUTH, "reason": None, "http": 529}, code=1),
        ("failed", "overload"),
        {**AUTH, "reason": None, "http": 529},
    ),
    (
        "HTTP 400",
        ending(finished={**BAD, "http": 400}, code=1),
        ("failed", "agent-error"),
        {**BAD, "http": 400},
    ),
    (
        "a failure that says completed",
        ending(finished={**BAD, "reason": "completed"}),
        ("failed", "agent-error"),
        {**BAD, "reason": "completed"},
    ),
    (
        "the agent's own budget",
        ending(finished={**BAD, "reason": "budget"}, code=1),
        ("budget", "budget"),
        {**BAD, "reason": "budget"},
    ),
    (
        "the agent refuses",
        ending(finished={**BAD, "reason": "refused"}, code=1),
        ("refused", "refused"),
        {**BAD, "reason": "refused"},
    ),
    (
        "a signal out of nowhere",
        ending(code=None, signal="SIGKILL", finished=GOOD),
        ("failed", "crashed"),
        None,
    ),
    (
        "a signal after a problem",
        ending(code=None, signal="SIGSEGV", problem=AUTH),
        ("failed", "crashed"),
        AUTH,
    ),
    (
        "stopped",
        ending(code=None, signal="SIGINT", cause="stopped", stop=STOP, in_time=False),
        ("cancelled", "stopped"),
        STOP,
    ),
    (
        "stopped, exits 0 without a record",
        ending(cause="stopped", stop=STOP, in_time=False),
        ("cancelled", "stopped"),
        STOP,
    ),
    (
        "stopped, success comes after it",
        ending(finished=GOOD, cause="stopped", stop=STOP, in_time=False),
        ("cancelled", "stopped"),
        STOP,
    ),
    (
        "finished before the stop",
        ending(finished=GOOD, cause="stopped", stop=STOP),
        ("done", "completed"),
        GOOD,
    ),
    (
        "finished, then had to be killed",
        ending(finished=GOOD, cause="stopped", stop=STOP, code=None, signal="SIGKILL"),
        ("cancelled", "stopped"),
        STOP,
    ),
    (
        "wall limit",
        ending(code=1, cause="wall-timeout", stop=STOP, in_time=False),
        ("timeout", "wall-timeout"),
        STOP,
    ),
    (
        "idle limit",
        ending(code=1, cause="idle-timeout", stop=STOP, in_time=False),
        ("timeout", "idle-timeout"),
        STOP,
    ),
    ("budget", ending(code=1, cause="budget", stop=STOP, in_time=False), ("budget", "budget"), STOP),
    ("command, exit 0", ending(structured=False), ("done", "completed"), None),
    ("command, exit 3", ending(structured=False, code=3), ("failed", "agent-error"), None),
    ("command, signal", ending(structured=False, code=None, signal="SIGTERM"), ("failed", "crashed"), None),
    (
        "command, ^C",
        ending(structured=False, code=None, signal="SIGINT", interrupted=True),
        ("cancelled", "stopped"),
        {"kind": "stop_requested", "by": "terminal", "why": "^C in the pane"},
    ),
    (
        "command, ^C, exit 130",
        ending(structured=False, code=130, interrupted=True),
        ("cancelled", "stopped"),
        {"kind": "stop_requested", "by": "terminal", "why": "^C in the pane"},
    ),
    (
        "command, ^C that it took otherwise",
        ending(structured=False, interrupted=True),
        ("done", "completed"),
        None,
    ),
    (
        "command, stopped, exits 0",
        ending(structured=False, cause="stopped", stop=STOP),
        ("cancelled", "stopped"),
        STOP,
    ),
    (
        "nothing started",
        ending(code=None, failure="no such file"),
        ("failed", "crashed"),
        {"kind": "problem", "message": "no such file"},
    ),
    (
        "the disk was full",
        ending(finished=GOOD, failure="no space"),
        ("failed", "crashed"),
        {"kind": "problem", "message": "no space"},
    ),
]


@pytest.mark.parametrize(
    ("end", "verdict", "record"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_every_ending_has_its_verdict(end: Ending, verdict: tuple[str, str], record: Any) -> None:
    status, reason, evidence = judge(end)
    assert (status, reason) == verdict
    assert evidence == {"record": record, "exit": end.exit, "signal": end.signal}
    assert status in STATUSES
    assert reason in REASONS


def test_evidence_is_short_and_without_the_journals_own_fields() -> None:
    record = {"v": 1, "seq": 4, "t": 1.0, "m": 2.0, "src": "agent", **BAD, "message": "x" * 5000}
    evidence = judge(ending(finished=record))[2]
    assert evidence["record"] == {"kind": "finished", "ok": False, "message": "x" * 500 + "…"}


def test_the_exit_statuses_are_those_of_the_verbs() -> None:
    assert {status: ExitCode[status.upper()].value for status in STATUSES} == EXIT_CODES
