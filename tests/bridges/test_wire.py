"""The bridges' lines to PanCode: the job, the records, the questions, the end."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pancode.bridges.launching import bridge_launch
from pancode.bridges.wire import Job, Verdict, Wire, read_job
from pancode.worker.protocol import BRIDGE_KEY
from tests.bridges.hooked import hook_port, yes_or_no

REQUEST: dict[str, Any] = {
    "binary": "/usr/bin/x", "task": "look", "cwd": "/src/shop", "run_dir": "/runs/a1", "level": "auto-edit",
    "read_only": False, "is_root": False, "model": "m", "system_prompt": "be short", "tools": ["read"],
    "max_turns": 3, "effort": None, "endpoint": "http://127.0.0.1:9/v1", "endpoint_key": "token-1",
    "endpoint_is_vendors": False, "session": None, "extra_args": [], "sandboxed": True,
    "hook": {"command": "ask", "timeout_s": 5, "port": 61802},
}  # fmt: skip
BRIDGE = """
import asyncio, sys
from pancode.bridges.wire import BridgeError, run

async def work(wire):
    print("a library's own words")
    wire.emit({"kind": "text", "text": wire.job.task})
    if wire.job.task == "raise":
        raise ValueError("two\\nlines")
    if wire.job.task == "fail":
        raise BridgeError("the key is wrong", "auth", 401)
    if wire.job.task == "wait":
        try:
            await asyncio.sleep(600)
        finally:
            wire.emit({"kind": "text", "text": "tidied up"})
    wire.emit({"kind": "finished", "ok": True, "result": wire.job.key})

run(work)
"""


def ask(job: Job, action: Any) -> Verdict:
    return asyncio.run(Wire(job, 1).ask(action))


def play(tmp_path: Path, task: str) -> subprocess.Popen[bytes]:
    path = tmp_path / "bridge.py"
    path.write_text(BRIDGE)
    process = subprocess.Popen(
        [sys.executable, "-I", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"v": 1, "task": task}).encode() + b"\ntoken-1")
    process.stdin.close()
    process.stdin = None
    return process


def records(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_what_the_adapter_launches_is_what_the_bridge_reads() -> None:
    launch = bridge_launch(REQUEST, "pancode.bridges.acp", {"command": ["gemini", "--acp"]})  # type: ignore[arg-type]
    assert launch["argv"] == [sys.executable, "-I", "-m", "pancode.bridges.acp"]
    assert launch["secret_env"] == {BRIDGE_KEY: "token-1"}
    told = launch["stdin"] or ""
    assert "token-1" not in told
    job = read_job(told, "token-1")
    assert (job.task, job.tools, job.max_turns, job.port, job.reading) == ("look", ("read",), 3, 61802, False)
    assert job.more == {"command": ["gemini", "--acp"]}
    assert "token-1" not in repr(job)


def test_a_request_that_says_nothing_of_grants_may_only_read() -> None:
    assert read_job('{"task": "look"}', None).reading


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"task": 1}'])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_job(text, None)


def test_a_question_is_answered_with_its_reason() -> None:
    with hook_port(lambda asked: yes_or_no(asked["tool"] == "read", f"it is a {asked['tool']}")) as (
        port,
        asked,
    ):
        job = Job("look", port=port, ask_s=10)
        assert ask(job, {"tool": "read", "paths": ["a"]}) == Verdict(True, "it is a read")
        assert ask(job, {"tool": "shell", "command": "x"}) == Verdict(False, "it is a shell")
    assert asked[1] == {"tool": "shell", "command": "x"}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"yes",
        b"[]",
        b'{"out": "", "err": "", "exit": 0}',
        b'{"out": "{\\"allow\\": 1}", "err": "", "exit": 0}',
        b'{"out": "{\\"allow\\": true}", "err": "", "exit": 2}',
    ],
)
def test_an_answer_that_is_no_clear_yes_is_a_no(answer: bytes) -> None:
    with hook_port(lambda _: answer) as (port, _):
        assert not ask(Job("look", port=port, ask_s=10), {"tool": "read"}).allow


def test_nobody_at_the_port_is_a_no() -> None:
    with hook_port(lambda _: b"") as (port, _):
        pass
    assert "can't ask" in ask(Job("look", port=port, ask_s=10), {"tool": "read"}).why


def test_without_a_port_a_reader_reads_and_does_nothing_else() -> None:
    reader = Job("look")
    assert ask(reader, {"tool": "read"}).allow
    assert not ask(reader, {"tool": "shell", "command": "ls"}).allow
    assert ask(Job("look", level="auto-edit", read_only=False), {"tool": "write", "paths": ["a"]}).allow


def test_records_are_all_that_is_on_standard_output(tmp_path: Path) -> None:
    process = play(tmp_path, "do it")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert records(out) == [
        {"kind": "text", "text": "do it"},
        {"kind": "finished", "ok": True, "result": "token-1"},
    ]
    assert b"a library's own words" in err


@pytest.mark.parametrize(
    ("task", "message", "reason"),
    [("raise", "ValueError: two lines", "agent-error"), ("fail", "the key is wrong", "auth")],
)
def test_a_bad_end_is_a_sentence(tmp_path: Path, task: str, message: str, reason: str) -> None:
    process = play(tmp_path, task)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    end = records(out)[-1]
    assert (end["kind"], end["ok"], end["message"], end["reason"]) == ("finished", False, message, reason)
    assert b"Traceback" not in err


def test_a_bridge_that_is_stopped_tidies_up_and_claims_no_end(tmp_path: Path) -> None:
    process = play(tmp_path, "wait")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert records(out) == [{"kind": "text", "text": "tidied up"}]
    assert b"Traceback" not in err
