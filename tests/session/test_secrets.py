"""A session in which tasks, tools, questions and words have secrets in them: none is stored or shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import Session
from tests.terminal import wait_until
from tests.worker.test_redaction import BLOCK, KEY, PASSWORD, SECRETS

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="needs bwrap"),
]

ADAPTER = '''
"""An agent that talks about the secrets of its task, and asks whether it may use them."""

ID, NAME, BINARY, INSTALL = "teller", "Teller", "sh", "nothing to install"
VERSIONS, VERSION_ARGS, SECRETS, PASS_ENV, READS = ("1",), ("-c", "echo 1"), (), (), ()
CAN = frozenset({"resume"})
PROGRAM = """
import json, subprocess, sys
task, hook = sys.argv[1:]
def say(kind, value):
    print(json.dumps({"type": kind, "value": value}), flush=True)
say("id", "c1")
action = {"tool": "deploy", "command": "deploy " + task}
done = subprocess.run(hook, shell=True, input=json.dumps(action), text=True, capture_output=True)
say("call", action)
say("result", task)
for line in task.splitlines(True):
    for at in range(0, len(line), 7):
        say("piece", line[at:at + 7])
print("not JSON: " + task.replace(chr(10), " "), file=sys.stderr)
print("neither: " + task.splitlines()[0], flush=True)
say("end", "used " + task)
"""


def launch(request):
    command = request["hook"]["command"] if request["hook"] else "exit 2"
    argv = [PYTHON, "-I", "-S", "-c", PROGRAM, request["task"], command]
    return {"argv": argv, "env": {}, "secret_env": {}, "files": {}}


def hook_asks(payload):
    return dict(payload)


def hook_says(allow, why):
    return {"out": "", "err": why, "exit": 0 if allow else 2}


class Session:
    def __init__(self, previous=None):
        pass

    def feed(self, record):
        kind, value = record["type"], record["value"]
        if kind == "id":
            yield {"kind": "session", "id": value}
        elif kind == "call":
            yield {"kind": "tool_started", "id": "t1", "name": "deploy", "args": value}
        elif kind == "result":
            yield {"kind": "tool_finished", "id": "t1", "name": "deploy", "ok": False, "result": value}
        elif kind == "piece":
            yield {"kind": "text", "text": value, "delta": True}
        elif kind == "end":
            yield {"kind": "finished", "ok": True, "result": value}

    def noise(self, line):
        return []

    def end(self, files):
        return []
'''
AGENTS = """
agents:
  teller:
    description: Tells what it was told
    runtime: teller
"""
TASK = f"use {KEY} and PASSWORD={PASSWORD}\n{BLOCK}\nto deploy"


@pytest.fixture
def telling(no_session: Session) -> Session:
    home = Path(no_session.places.home)
    (home / "adapters").mkdir(parents=True)
    (home / "adapters" / "teller.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home / "panagents.yaml").write_text(AGENTS)
    no_session.pancode("up", "--detach")
    no_session.pancode("safety", "full-auto")
    return no_session


def in_text(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def in_files(session: Session) -> list[tuple[str, str]]:
    """Give each secret with the file that has it; specs keep the task, as it has to be executed."""
    found = []
    for folder, _, names in os.walk(session.places.home):
        for name in names:
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                continue
            if name == "spec.json":
                assert path.stat().st_mode & 0o077 == 0
                continue
            found += [(secret, str(path)) for secret in in_text(path.read_bytes().decode("utf-8", "replace"))]
    return found


def panes(session: Session) -> str:
    """Give what all panes show, and have shown."""
    tmux = ["tmux", "-S", session.places.tmux_socket]
    ids = subprocess.run(
        [*tmux, "list-panes", "-a", "-F", "#{pane_id}"], capture_output=True, text=True, check=True
    )
    each = [
        subprocess.run(
            [*tmux, "capture-pane", "-p", "-J", "-S", "-", "-t", pane],
            capture_output=True,
            text=True,
            check=True,
        )
        for pane in ids.stdout.split()
    ]
    return "\n".join(done.stdout for done in each)


def told(session: Session, run: str) -> dict[str, str]:
    """Give what the verbs tell about a run."""
    words: dict[str, tuple[str, ...]] = {
        "status": ("status", "--json"),
        "runs": ("runs", "--json"),
        "show": ("runs", "show", run, "--json"),
        "logs": ("logs", run),
        "raw": ("logs", run, "--raw"),
        "approvals": ("approvals", "--json"),
    }
    return {name: session.pancode(*each) for name, each in words.items()}


def ended(session: Session, run: str) -> dict[str, Any]:
    wait_until(lambda: session.row(run)["reason"] is not None, f"{run} ends")
    found: dict[str, Any] = session.json("runs", "show", run)
    return found


def test_no_secret_of_an_agent_is_stored_or_shown(telling: Session) -> None:
    run = telling.detached("--agent", "teller", "--safety", "full-auto", TASK)
    wait_until(lambda: telling.row(run)["questions"], "the question")
    for name, text in told(telling, run).items():
        assert in_text(text) == [], name
    assert in_text(panes(telling)) == []
    telling.pancode("approve", run)
    assert ended(telling, run)["status"] == "done"
    for name, text in told(telling, run).items():
        assert in_text(text) == [], name
    assert "use <redacted:github-token> and" in telling.json("runs", "show", run)["task"]
    assert "<redacted:private-key>" in telling.pancode("logs", run)
    shown = panes(telling)
    assert "<redacted:github-token>" in shown
    assert in_text(shown) == []
    assert in_files(telling) == []


def test_what_was_said_keeps_no_secret_once_it_was_sent(telling: Session) -> None:
    run = telling.detached("--agent", "teller", "--safety", "full-auto", "to deploy")
    wait_until(lambda: telling.row(run)["questions"], "the question")
    telling.pancode("say", run, TASK)
    telling.pancode("approve", run)
    wait_until(lambda: len(telling.json("runs")["runs"]) == 2, "the next turn is there")
    turn = telling.json("runs")["runs"][0]["run_id"]
    wait_until(lambda: telling.row(turn)["questions"], "its question")
    assert in_files(telling) == []
    telling.pancode("deny", turn)
    assert "use <redacted:github-token> and" in ended(telling, turn)["task"]
    assert in_files(telling) == []


def test_no_secret_of_a_command_is_stored_or_shown(telling: Session) -> None:
    run = telling.detached("--agent", "shell", "--yes", f"echo {KEY}; sleep 100; echo PASSWORD={PASSWORD}")
    telling.until_working(run)
    wait_until(lambda: "<redacted:github-token>" in panes(telling), "the first words")
    telling.pancode("stop", run)
    assert ended(telling, run)["status"] == "cancelled"
    for name, text in told(telling, run).items():
        assert in_text(text) == [], name
    assert in_text(panes(telling)) == []
    assert in_files(telling) == []
