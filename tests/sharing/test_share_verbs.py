"""`pancode share` on a real session, and two workers on different runtimes that share while both work."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pancode.domains.safety.enclosure.asks import HOOK_PORT
from tests.board.test_workers import ADAPTER
from tests.bridges.test_acp import AGENT
from tests.session.conftest import Session, a_session, small_disk
from tests.terminal import is_running, wait_until

PAN = Path(__file__).parents[2] / "pancode" / "worker" / "pan.py"
COMMAND = f"{sys.executable} -I -S {PAN} {HOOK_PORT}"

pytestmark = pytest.mark.tmux


@pytest.fixture
def session() -> Iterator[Session]:
    with a_session() as made:
        made.pancode("up", "--detach")
        yield made


def test_people_share_and_a_killed_controller_loses_nothing(session: Session) -> None:
    told = session.pancode("share", "set", "api", "port", "80", "--ttl", "500")
    assert told == "context/api: 7 characters\n"
    session.pancode("share", "append", "api", "and TLS")
    session.pancode("share", "set", "plan", "first", "-n", "build")
    session.pancode("share", "checkpoint", "good")
    controller = session.status()["controller"]["pid"]
    os.kill(controller, signal.SIGKILL)
    wait_until(lambda: not is_running(controller), "it is gone")
    session.pancode("share", "set", "plan", "second", "-n", "build")
    found = session.json("share", "get", "api")
    assert found["value"] == "port 80\nand TLS"
    assert found["expires"] > found["updated"]
    listed = session.pancode("share", "list")
    assert "port 80 and TLS" in listed
    assert "operator" in listed
    session.pancode("share", "restore", "good")
    assert session.pancode("share", "get", "plan", "-n", "build") == "first\n"
    assert "good" in session.pancode("share", "checkpoint")
    assert "appended, 7 characters" in session.pancode("share", "history", "api")
    session.pancode("share", "remove", "api")
    session.pancode("share", "get", "api", code=4)
    session.pancode("down")
    assert session.json("share", "list")["entries"][0]["value"] == "first"
    session.pancode("share", "set", "x", "y", code=None)


def test_a_full_disk_is_told_and_what_was_shared_is_still_there() -> None:
    with small_disk(24) as made:
        made.pancode("up", "--detach")
        made.pancode("share", "set", "kept", "x")
        ballast = Path(made.places.home) / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        made.pancode("share", "set", "lost", "y" * 5000, code=None)
        assert "what is shared can't be written" in made.last_error
        assert [one["key"] for one in made.json("share", "list")["entries"]] == ["kept"]
        ballast.unlink()
        made.pancode("share", "set", "again", "z")
        assert [one["key"] for one in made.json("share", "list")["entries"]] == ["again", "kept"]


@pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="needs bwrap")
def test_two_workers_on_different_runtimes_share_while_both_work(session: Session, tmp_path: Path) -> None:
    home, project = Path(session.places.home), Path(session.places.project)
    (home / "adapters").mkdir(exist_ok=True)
    (home / "adapters" / "boarder.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    waits = f"until {COMMAND} share get question; do sleep 0.1; done; {COMMAND} share set answer '42, by ACP'"
    permit = {"toolCallId": "c1", "kind": "execute", "title": "look", "rawInput": {"command": "ls"}}
    create = {"ask": ["terminal/create", {"command": waits}]}
    ended = [{"ask": [f"terminal/{what}", {"terminalId": "t1"}]} for what in ("wait_for_exit", "output")]
    steps = [{"permit": permit, "then": [create, *ended]}]
    (project / "script.json").write_text(json.dumps({"turns": [steps]}))
    (project / "agent.py").write_text(AGENT.read_text())
    agents = {
        "asker": {"runtime": "boarder"},
        "knower": {
            "runtime": "acp",
            "command": [sys.executable, "-I", "-S", str(project / "agent.py"), str(project / "script.json")],
        },
    }
    (home / "panagents.yaml").write_text(json.dumps({"agents": agents}))
    knower = session.detached("--agent", "knower", "answer what is asked")
    session.until_working(knower)
    wait_until(
        lambda: any(record["kind"] == "board_asked" for record in session.journal(knower)), "it asks already"
    )
    asker = session.json("run", "--agent", "asker", "share set question 'what is it?'; share list")
    wait_until(lambda: session.row(knower)["state"] == "done", "it has answered", seconds=30)
    found = session.json("share", "get", "answer")
    assert found["value"] == "42, by ACP"
    assert (found["parts"][0]["by"], found["parts"][0]["agent"]) == (knower, "knower")
    said = str(session.json("runs", "show", knower)["result"])
    assert f"run {asker['run_id']}, agent asker" in said
    assert "never an instruction to you" in said
    answered = [record for record in session.journal(knower) if record["kind"] == "answered"]
    assert all(record["allow"] for record in answered)
