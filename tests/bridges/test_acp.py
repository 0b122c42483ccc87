"""The ACP client against an agent of the tests' own: records, questions, and all that can go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pancode.bridges.acp.keeping import set_aside
from tests.bridges.hooked import hook_port, yes_or_no

AGENT = Path(__file__).parent / "acp" / "agent.py"
RUN = {
    "toolCallId": "c1",
    "kind": "execute",
    "title": "ls",
    "rawInput": {"command": "ls"},
    "content": [{"type": "content", "content": {"type": "text", "text": "[in /src]"}}],
}
EDIT = {
    "toolCallId": "c2",
    "kind": "edit",
    "title": "Editing",
    "content": [{"type": "diff", "path": "/src/a.txt", "oldText": "a", "newText": "b"}],
}


class Place:
    """A place for one agent's script, and the bridge on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.script = path / "script.json"

    def start(
        self, turns: list[list[dict[str, Any]]], script: Mapping[str, Any] | None = None, **job: Any
    ) -> subprocess.Popen[bytes]:
        self.script.write_text(json.dumps({"turns": turns, **(script or {})}))
        command = [sys.executable, "-I", "-S", str(AGENT), str(self.script)]
        more = {"command": command, **job.pop("more", {})}
        told = {"v": 1, "task": "do it", "level": "auto-edit", "read_only": False, "more": more, **job}
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "pancode.bridges.acp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.path,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def run(
        self, *turns: list[dict[str, Any]], script: Mapping[str, Any] | None = None, code: int = 0, **job: Any
    ) -> list[dict[str, Any]]:
        """Play the turns and give the records."""
        out, err = self.start(list(turns), script, **job).communicate(timeout=120)
        found = [json.loads(line) for line in out.splitlines()]
        assert b"Traceback" not in err, err.decode()
        end = found[-1]
        assert (end["kind"], end["ok"]) == ("finished", code == 0), end
        return found

    def asked(self, *turns: list[dict[str, Any]], allow: bool, **job: Any) -> tuple[Any, Any]:
        """Play the turns where everything is allowed, or nothing; give the records and the questions."""
        with hook_port(lambda _: yes_or_no(allow, "" if allow else "not today")) as (port, asked):
            hook = {"command": "", "timeout_s": 10, "port": port}
            return self.run(*turns, hook=hook, **job), asked


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def of(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in records if record["kind"] == kind]


def test_text_streams_and_the_last_message_is_the_result(place: Place) -> None:
    call = {"sessionUpdate": "tool_call", "toolCallId": "r", "kind": "read", "title": "Reading"}
    done = {"toolCallId": "r", "status": "completed", "rawOutput": "hello"}
    tokens = {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11, "cachedReadTokens": 4}
    end = {"stopReason": "end_turn", "usage": tokens}
    records = place.run(
        [{"say": "I "}, {"say": "look"}, {"call": call}, {"call": done}, {"say": "Done."}, {"end": end}]
    )
    assert [record["kind"] for record in records] == [
        "session", "turn", "text", "text", "tool_started", "tool_finished", "turn", "text", "usage",
        "finished",
    ]  # fmt: skip
    assert of(records, "session")[0]["id"] == "s-1"
    assert of(records, "tool_finished")[0]["result"] == "hello"
    assert (of(records, "usage")[0]["input"], of(records, "usage")[0]["cache_read"]) == (5, 4)
    assert records[-1]["result"] == "Done."


def test_a_permission_is_asked_for_in_pancodes_words_and_given_once(place: Place) -> None:
    done = {
        "toolCallId": "c1",
        "status": "completed",
        "rawOutput": {"output": "a.txt", "metadata": {"exit": 0}},
    }
    steps = [{"permit": RUN, "then": [{"call": done}]}, {"permit": EDIT, "then": [{"say": "Both."}]}]
    records, asked = place.asked(steps, allow=True)
    cwd = str(place.path)
    assert asked == [
        {"tool": "shell", "command": "ls", "cwd": cwd},
        {"tool": "edit", "paths": ["/src/a.txt"], "cwd": cwd},
    ]
    started, finished = of(records, "tool_started"), of(records, "tool_finished")
    assert [record["name"] for record in started] == ["shell", "edit"]
    assert (finished[0]["exit"], finished[0]["ok"], finished[1]["ok"]) == (0, True, None)
    assert [record["result"] for record in finished] == ["a.txt", ""]
    assert records[-1]["result"] == "Both."


def test_a_refusal_is_told_and_the_agent_hears_why(place: Place) -> None:
    records, _ = place.asked([{"permit": RUN, "then": [{"say": "Ran."}]}], [{"do": "echo"}], allow=False)
    assert of(records, "refused")[0]["why"] == "not today"
    assert "not today" in records[-1]["result"]


def test_an_agent_that_goes_on_after_a_refusal_is_not_told_twice(place: Place) -> None:
    records, _ = place.asked([{"permit": RUN, "else": [{"say": "Then not."}]}], allow=False)
    assert records[-1]["result"] == "Then not."


def test_one_that_asks_for_the_same_again_and_again_ends_as_refused(place: Place) -> None:
    records, asked = place.asked(*([{"permit": RUN}] for _ in range(9)), allow=False, code=1)
    assert (records[-1]["reason"], records[-1]["message"], len(asked)) == ("refused", "not today", 6)


def test_a_yes_for_ever_is_never_chosen_and_a_change_of_mode_never_allowed(place: Place) -> None:
    ever = [{"optionId": "yes", "name": "Always", "kind": "allow_always"}]
    switch = {"toolCallId": "m", "kind": "switch_mode", "title": "Leave plan mode"}
    steps = [{"permit": RUN, "options": ever, "else": [{"permit": switch, "else": [{"say": "No."}]}]}]
    records, asked = place.asked(steps, allow=True)
    assert records[-1]["result"] == "No."
    assert len(asked) == 1


def test_files_are_read_and_written_only_after_a_yes(place: Place) -> None:
    (place.path / "a.txt").write_text("one\ntwo\nthree\n")
    read = {"ask": ["fs/read_text_file", {"path": str(place.path / "a.txt"), "line": 2, "limit": 1}]}
    write = {"ask": ["fs/write_text_file", {"path": str(place.path / "b.txt"), "content": "new\r\n"}]}
    records, asked = place.asked([read, write], allow=True)
    assert '"two\\n"' in records[-1]["result"]
    assert (place.path / "b.txt").read_bytes() == b"new\r\n"
    assert [action["tool"] for action in asked] == ["read", "write"]
    (place.path / "b.txt").unlink()
    records, _ = place.asked([write, {"ask": ["fs/read_text_file", {"path": "a.txt"}]}], allow=False)
    assert "not today" in records[-1]["result"]
    assert "not absolute" in records[-1]["result"]
    assert not (place.path / "b.txt").exists()


def test_a_write_whose_call_was_just_allowed_is_not_asked_about_again(place: Place) -> None:
    path = str(place.path / "b.txt")
    permit = {**EDIT, "content": [{"type": "diff", "path": path, "newText": "x"}]}
    write = {"ask": ["fs/write_text_file", {"path": path, "content": "x"}]}
    records, asked = place.asked([{"permit": permit, "then": [write, write]}], allow=True)
    assert [action["tool"] for action in asked] == ["write", "write"]
    assert records[-1]["ok"]


def test_a_terminal_runs_after_a_yes_and_keeps_the_end_of_its_output(place: Place) -> None:
    create = {"command": "sh", "args": ["-c", "echo äöü-$A; exit 3"], "outputByteLimit": 6}
    create["env"] = [{"name": "A", "value": "b"}]
    waits = [
        {"ask": [f"terminal/{what}", {"terminalId": "t1"}]} for what in ("wait_for_exit", "output", "release")
    ]
    records, asked = place.asked([{"ask": ["terminal/create", create]}, *waits], allow=True)
    assert asked[0]["command"] == "A=b sh -c 'echo äöü-$A; exit 3'"
    result = records[-1]["result"]
    assert '"exitCode": 3' in result
    assert json.dumps("ü-b\n")[1:-1] in result
    assert '"truncated": true' in result
    records, _ = place.asked([{"ask": ["terminal/create", create]}], allow=False)
    assert "not today" in records[-1]["result"]


def test_without_anybody_to_ask_a_reader_may_only_read(place: Place) -> None:
    records = place.run([{"permit": RUN}] * 1, *[[{"permit": RUN}]] * 5, read_only=True, code=1)
    assert records[-1]["reason"] == "refused"


def test_what_is_not_known_is_counted_and_never_fatal(place: Place) -> None:
    records = place.run(
        [{"do": "garbage"}, {"do": "unknown"}, {"ask": ["session/dance", {}]}, {"say": "Fine."}]
    )
    odd = {record["kind"] for record in records if record["kind"].startswith("acp: ")}
    assert odd == {
        "acp: a line that is no message",
        "acp: an answer to nothing",
        "acp: update hologram",
        "acp: notice session/glow",
    }
    assert "no method" in records[-1]["result"]


def test_long_lines_are_taken_or_left(place: Place) -> None:
    records = place.run([{"do": "huge"}, {"do": "too long"}, {"say": "end"}])
    assert records[-1]["result"] == "x" * 3_000_000 + "end"
    assert of(records, "acp: a line that is too long")


@pytest.mark.parametrize(
    ("steps", "reason", "words"),
    [
        ([{"say": "I was"}, {"do": "die"}], "crashed", "ended with 3 in the middle"),
        ([{"do": "close"}], "crashed", "closed its output"),
        ([{"end": {"stopReason": "max_tokens"}}], "agent-error", "token limit"),
        ([{"end": {"stopReason": "max_turn_requests"}}], "budget", "model requests"),
        ([{"end": {"stopReason": "refusal"}}], "refused", "refuses"),
        ([{"end": {"stopReason": "tired"}}], "agent-error", '"tired"'),
        ([{"end": {}}], "agent-error", "not known"),
    ],
)
def test_a_bad_end_is_told(place: Place, steps: Any, reason: str, words: str) -> None:
    end = place.run(steps, code=1)[-1]
    assert end["reason"] == reason
    assert words in end["message"]


@pytest.mark.parametrize(
    ("script", "job", "reason", "words"),
    [
        (
            {"silent": True},
            {"more": {"patience_s": 0.3}},
            "agent-error",
            'no answer to "initialize" in 0.3 s',
        ),
        ({"protocol": 7}, {}, "agent-error", "speaks version 7"),
        ({"fails": {"session/new": {"code": -32000, "message": "who?"}}}, {}, "auth", "needs a login: who?"),
        ({"fails": {"session/prompt": {"code": 429, "message": "slow"}}}, {}, "rate-limit", "slow"),
        (
            {
                "fails": {
                    "session/prompt": {"code": -32603, "message": "Internal", "data": {"details": "HTTP 401"}}
                }
            },
            {},
            "auth",
            "Internal HTTP 401",
        ),
        ({"can": {}}, {"session": "s-1"}, "agent-error", "can't go on with an earlier conversation"),
        ({}, {"model": "m9"}, "model-unknown", 'has no model "m9"'),
    ],
)
def test_what_can_not_begin_says_why(place: Place, script: Any, job: Any, reason: str, words: str) -> None:
    end = place.run([{"say": "x"}], script=script, code=1, **job)[-1]
    assert end["reason"] == reason
    assert words in end["message"]


def test_a_program_that_is_none_is_told(place: Place) -> None:
    end = place.run(code=1, more={"command": [str(place.path / "none")]})[-1]
    assert (end["reason"], end["message"]) == ("crashed", "none can't be started: no such file or directory")


@pytest.mark.parametrize("can", [{"loadSession": True}, {"sessionCapabilities": {"resume": {}}}])
def test_a_conversation_goes_on_without_telling_it_again(place: Place, can: Any) -> None:
    records = place.run([{"say": "more"}], script={"can": can}, session="s-0")
    assert of(records, "session")[0]["id"] == "s-0"
    assert [record["text"] for record in of(records, "text")] == ["more"]


def test_a_mode_that_asks_and_the_model_are_chosen(place: Place) -> None:
    modes = {"currentModeId": "yolo", "availableModes": [{"id": "yolo"}, {"id": "default"}, {"id": "plan"}]}
    options = [{"value": "m1"}, {"value": "m2"}]
    model = {"id": "which", "category": "model", "type": "select", "currentValue": "m1", "options": options}
    opened = {"opened": {"modes": modes, "configOptions": [model]}}
    place.run([{"say": "x"}], script=opened, model="m2")
    place.run([{"say": "x"}], script=opened, read_only=True)
    log = [json.loads(line) for line in Path(f"{place.script}.log").read_text().splitlines()]
    assert log == [
        ["session/set_mode", {"sessionId": "s-1", "modeId": "default"}],
        ["session/set_config_option", {"sessionId": "s-1", "configId": "which", "value": "m2"}],
        ["session/set_mode", {"sessionId": "s-1", "modeId": "plan"}],
    ]


def test_a_stop_cancels_the_turn_and_leaves_nothing(place: Place) -> None:
    create = {"ask": ["terminal/create", {"command": "sleep", "args": ["637"]}]}
    process = place.start([[create, {"do": "wait"}, {"say": "never"}]])
    assert process.stdout is not None
    line = b""
    while b'"text"' not in line:
        line = process.stdout.readline()
        assert line, "it ended too early"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b'"finished"' not in out
    assert b"acp: " not in out  # The late answer to what was cancelled is no riddle.
    left = [name for name in os.listdir("/proc") if name.isdecimal() and _works_in(name) == str(place.path)]
    assert left == []


def _works_in(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


@pytest.mark.parametrize("allow", [True, False])
def test_an_agent_of_the_protocols_own_library_is_driven(place: Place, *, allow: bool) -> None:
    more = {"command": [sys.executable, "-I", str(AGENT.with_name("library_agent.py"))]}
    records, asked = place.asked(allow=allow, more=more)
    assert asked[0] == {"tool": "write", "paths": [f"{place.path}/made.txt"], "cwd": str(place.path)}
    assert not [record["kind"] for record in records if record["kind"].startswith("acp: ")]
    assert records[-1]["result"] == ("do it|do it|0" if allow else "Then not.")
    assert [record["input"] for record in of(records, "usage")] == ([6] if allow else [])
    assert (place.path / "made.txt").exists() is allow


def test_a_conversations_file_is_set_aside_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    chats = tmp_path / ".gemini" / "tmp" / "p" / "chats"
    chats.mkdir(parents=True)
    ours, other = "session-2026-11-23T01-31-50f70afa.jsonl", "session-2026-11-23T01-31-88436ee6.jsonl"
    (chats / ours).write_text("told")
    (chats / other).write_text("")
    session, below = "50f70afa-d49f-4f31-a5d0-77684e69be26", ".gemini/tmp/*/chats"
    assert [Path(path).read_text() for path in set_aside(session, below)] == ["told"]
    (chats / ours).write_text("begun anew")
    assert set_aside(session, below) == []
    kept = {path.name: path.read_text() for path in chats.iterdir()}
    assert kept["session-2000-01-01T00-00-50f70afa.jsonl"] == "told"
    assert other in kept
