"""Adapters without a Session: their programs print PanCode's own records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pancode.worker.question import action_of
from pancode.worker.stream import load_adapter, load_session

BRIDGE = "def launch(request):\n    return {}\n"


@pytest.fixture
def bridge(tmp_path: Path) -> str:
    path = tmp_path / "bridge.py"
    path.write_text(BRIDGE)
    return str(path)


def test_records_pass_as_they_are(bridge: str) -> None:
    session = load_session(bridge, None)
    record = {"kind": "text", "text": "hello", "delta": True}
    assert list(session.feed(record)) == [record]
    assert list(session.noise("a word")) == []
    assert list(session.end({})) == []


@pytest.mark.parametrize("kind", ["ended", "started", "asked", None, 7, ["text"]])
def test_a_record_that_is_not_an_agents_to_tell_is_unknown(bridge: str, kind: object) -> None:
    (event,) = load_session(bridge, None).feed({"kind": kind, "text": "x"})
    assert event["kind"] == "unknown"


def test_questions_are_actions_already(bridge: str) -> None:
    module = load_adapter(bridge)
    asked = {"tool": "shell", "command": "ls", "cwd": "/src", "more": 1}
    assert action_of(module, bytearray(json.dumps(asked).encode())) == {
        "tool": "shell",
        "command": "ls",
        "cwd": "/src",
    }
    with pytest.raises(ValueError, match="tool"):
        action_of(module, bytearray(b'{"command": "ls"}'))


def test_the_answer_says_the_same_twice(bridge: str) -> None:
    answer = load_adapter(bridge).hook_says(False, "it writes")
    assert json.loads(answer["out"]) == {"allow": False, "why": "it writes"}
    assert answer["exit"] == 2
