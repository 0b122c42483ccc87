"""Receipts in a real session: one for every ending, sealed and chained, written once."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import Session
from tests.session.test_structured import ADAPTER, AGENTS
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


@pytest.fixture
def selling(no_session: Session) -> Session:
    home = Path(no_session.places.home)
    (home / "adapters").mkdir(parents=True)
    (home / "adapters" / "player.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home / "panagents.yaml").write_text(AGENTS)
    no_session.pancode("up", "--detach")
    return no_session


def folder(session: Session, run: str) -> Path:
    return Path(session.places.runs) / run


def verified(session: Session, run: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = session.json("receipt", run, "--verify", code=code)
    return found


def test_every_ending_has_a_receipt_and_they_follow_each_other(selling: Session) -> None:
    key = "sk-ant-abcdefgh12345678"
    runs = [
        selling.json("run", "--agent", "steady", "--budget", "2usd", "usd 0.25; tokens 100; end ok")[
            "run_id"
        ],
        selling.json("run", "--agent", "shell", f"echo {key}; exit 3", code=1)["run_id"],
        selling.json("run", "--agent", "shell", "--timeout", "0.5", "sleep 600", code=6)["run_id"],
    ]
    selling.pancode("mode", "plan")
    runs.append(selling.json("run", "--agent", "shell", "true", code=5)["run_id"])
    selling.pancode("mode", "build")
    stopped = selling.detached("--agent", "shell", "sleep 600")
    shim = selling.until_working(stopped)["shim_pid"]
    os.kill(shim, signal.SIGKILL)
    wait_until(lambda: selling.row(stopped)["state"] == "lost", "it is lost")
    runs.append(stopped)
    told = [verified(selling, run) for run in runs]
    assert [one["wrong"] for one in told] == [[]] * 5
    receipts = [one["receipt"] for one in told]
    assert [one["seq"] for one in receipts] == [1, 2, 3, 4, 5]
    assert [one["prev"] for one in receipts[1:]] == [one["hash"] for one in receipts[:-1]]
    assert [one["end"]["status"] for one in receipts] == ["done", "failed", "timeout", "refused", "lost"]
    first = receipts[0]
    assert first["spent"] | {"nano": 0} == {
        "usd": 0.25, "nano": 0, "source": "agent", "tokens": 107, "turns": None, "counted_by": "agent",
    }  # fmt: skip
    assert first["budget"]["limits"]["asked"] == {"usd": 2.0, "tokens": None, "turns": None}
    assert first["agent"]["name"] == "steady"
    assert first["grant"]["level"] == "auto-edit"
    assert first["journal"]["records"] == len(selling.journal(runs[0]))
    assert key not in (folder(selling, runs[1]) / "receipt.json").read_text()
    assert receipts[3]["refused"]["gate"] == "mode"
    assert "steady player" in selling.pancode("receipt", runs[0])


def test_what_is_changed_afterwards_shows(selling: Session) -> None:
    one, two = (selling.json("run", "--agent", "shell", f"echo {word}")["run_id"] for word in ("a", "b"))
    journal = folder(selling, one) / "events.jsonl"
    journal.write_text(journal.read_text().replace('"kind"', '"kinD"', 1))
    assert verified(selling, one, code=1)["wrong"] == ["events.jsonl is not as it was when the run ended"]
    receipt = folder(selling, two) / "receipt.json"
    told = json.loads(receipt.read_text())
    told["end"]["status"] = "failed"
    receipt.write_text(json.dumps(told))
    assert verified(selling, two, code=1)["wrong"] == ["the receipt is not as it was sealed"]
    selling.pancode("receipt", "zzz", code=4)


def test_a_receipt_that_a_kill_has_prevented_is_written_by_the_next_controller(selling: Session) -> None:
    done = selling.json("run", "--agent", "steady", "usd 0.25; end ok")["run_id"]
    gate = Path(selling.places.project) / "gate"
    run = selling.detached("--agent", "steady", f"usd 0.5; gate {gate}; end ok")
    selling.until_working(run)
    controller = selling.status()["controller"]["pid"]
    os.kill(controller, signal.SIGSTOP)
    gate.touch()
    wait_until((folder(selling, run) / "result.json").exists, "it has ended")
    os.kill(controller, signal.SIGKILL)
    wait_until(lambda: selling.status()["controller"]["pid"] != controller, "another controller")
    wait_until((folder(selling, run) / "receipt.json").exists, "it has its receipt")
    assert verified(selling, run)["wrong"] == []
    assert verified(selling, run)["receipt"]["prev"] == verified(selling, done)["receipt"]["hash"]
    assert selling.json("cost")["total"]["usd"] == 0.75
