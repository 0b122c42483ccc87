"""Every recorded stream gives the events that its golden file says; PANCODE_ACCEPT=1 rewrites the files."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.replaying import FILES, TRANSCRIPTS, Replay, cases, replay
from tests.adapters.shapes import problems

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
EACH = [(cli, case) for cli in FILES for case in cases(cli)]


def summary(cli: str, case: str, seen: Replay) -> dict[str, Any]:
    """Put the events of a transcript into a form that a person can check against its .exit and .stderr."""
    exit_file = TRANSCRIPTS / cli / f"{case}.exit"
    finish = dict(seen.finish()) if seen.of("finished") else None
    return {
        "exit": int(exit_file.read_text()) if exit_file.exists() else None,
        "kinds": dict(sorted(Counter(event["kind"] for event in seen.events).items())),
        "text": seen.text(),
        "tools": [[tool["name"], _short(tool["args"])] for tool in seen.of("tool_started")],
        "results": [[tool["name"], tool["ok"], _short(tool["result"])] for tool in seen.of("tool_finished")],
        "refused": [[event["name"], _short(event["why"])] for event in seen.of("refused")],
        "retries": [[event["attempt"], event["of"], event["http"]] for event in seen.of("retrying")],
        "problems": [_short(event["message"]) for event in seen.of("problem")],
        "usage": seen.usage() or None,
        "cost": seen.cost(),
        "finished": finish and {key: _short(value) for key, value in finish.items() if key != "kind"},
        "unknown": [event["type"] for event in seen.of("unknown")],
    }


def _short(value: object) -> object:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str | dict | list):
        return text if len(text) <= 100 else f"{text[:100]}…"
    return value


@pytest.mark.parametrize("cli", FILES)
def test_every_transcript_gives_the_events_of_its_golden_file(cli: str) -> None:
    seen = {case: summary(cli, case, replay(cli, case)) for case in cases(cli)}
    golden = GOLDEN / f"{cli}.json"
    if os.environ.get("PANCODE_ACCEPT"):
        golden.write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n")
    expected = json.loads(golden.read_text())
    assert sorted(seen) == sorted(expected)
    for case, found in seen.items():
        assert json.loads(json.dumps(found)) == expected[case], f"{cli}/{case}"


@pytest.mark.parametrize(("cli", "case"), EACH)
def test_every_event_has_the_shape_that_the_protocol_says(cli: str, case: str) -> None:
    assert [problem for event in replay(cli, case).events for problem in problems(event)] == []


@pytest.mark.parametrize(("cli", "case"), EACH)
def test_nothing_follows_finished(cli: str, case: str) -> None:
    kinds = [event["kind"] for event in replay(cli, case).events]
    if "finished" in kinds:
        # A complaint on standard error may be read after the last record: two pipes have no common order.
        assert set(kinds[kinds.index("finished") + 1 :]) <= {"problem", "refused"}


@pytest.mark.parametrize(("cli", "case"), EACH)
def test_every_tool_that_finished_was_started_with_the_same_name(cli: str, case: str) -> None:
    seen = replay(cli, case)
    started = {tool["id"]: tool["name"] for tool in seen.of("tool_started")}
    assert all(started[tool["id"]] == tool["name"] for tool in seen.of("tool_finished"))


@pytest.mark.parametrize(("cli", "case"), EACH)
def test_a_recorded_stream_has_no_unknown_record(cli: str, case: str) -> None:
    assert replay(cli, case).of("unknown") == []
