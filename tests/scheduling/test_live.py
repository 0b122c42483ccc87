"""The queue in a real session: limits, dependencies, moving, and a killed controller."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.session.conftest import Session
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux
LONG = "exec sleep 600"


def up_with(session: Session, **settings: str) -> Session:
    session.environment |= settings
    session.pancode("up", "--detach")
    return session


def test_the_queue_survives_a_killed_controller(no_session: Session) -> None:
    session = up_with(no_session, PANCODE_SESSION_CONCURRENCY="1")
    first = session.detached("-a", "shell", LONG)
    session.until_working(first)
    low = session.detached("-a", "shell", "echo low")
    high = session.detached("-a", "shell", "--priority", "5", "echo high")
    assert session.row(low)["waits"] == "runs in this session: 1 at once is the limit"
    assert "waits     runs in this session: 1 at once" in session.pancode("runs", "show", low)
    assert [row["run_id"] for row in session.json("queue")["waiting"]] == [high, low]
    assert session.json("queue", "move", low, "--priority", "7") == {"run_id": low, "priority": 7}
    old = session.status()["controller"]["pid"]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: session.status()["controller"]["pid"] != old, "another controller")
    waiting = session.json("queue")["waiting"]
    assert [(row["run_id"], row["priority"], row["position"]) for row in waiting] == [
        (low, 7, 1),
        (high, 5, 2),
    ]
    session.pancode("stop", first)
    wait_until(lambda: session.json("runs", "show", high)["status"] == "done", "the queue is done")
    ended = {run: session.json("runs", "show", run)["ended"] for run in (low, high)}
    assert ended[low] < ended[high]


def test_a_run_waits_for_another_and_ends_with_its_failure(session: Session) -> None:
    good = session.detached("-a", "shell", "echo one > made")
    after = session.json("run", "-a", "shell", "--after", good, "cat made")
    assert (after["status"], after["result"].strip()) == ("done", "one")
    bad = session.detached("-a", "shell", "exit 3")
    told = session.json("run", "-a", "shell", "--after", bad, "echo never", code=8)
    assert told["evidence"]["record"]["why"] == f"run {bad}, which had to be done before it, ended failed"
    assert "there is no run" in session_error(session, "run", "--after", "zzzz", "-a", "shell", "true")


def session_error(session: Session, *words: str) -> str:
    session.pancode(*words, code=4)
    return session.last_error


def test_a_queued_run_can_be_stopped(no_session: Session) -> None:
    session = up_with(no_session, PANCODE_SESSION_CONCURRENCY="1")
    first = session.detached("-a", "shell", LONG)
    second = session.detached("-a", "shell", "echo never")
    assert session.json("stop", second)["status"] == "cancelled"
    assert session.json("queue")["waiting"] == []
    assert session.journal(second)[-1]["kind"] == "ended"
    session.pancode("stop", first)


def test_an_agent_says_itself_how_many_of_it_are_live(session: Session) -> None:
    agents = Path(session.environment["PANCODE_HOME"]) / "panagents.yaml"
    agents.write_text(
        agents.read_text() + '  one:\n    command: ["sleep", "{task}"]\n    concurrency: 1\n',
        encoding="utf-8",
    )
    first, second = (session.detached("-a", "one", "--no-isolate", "600") for _ in range(2))
    session.until_working(first)
    assert session.row(second)["waits"] == 'runs of agent "one": 1 at once is the limit'
    text = session.pancode("queue")
    assert "agent one: live 1 of at most 1, waiting 1" in text
    session.pancode("stop", first)
    session.until_working(second)
    session.pancode("stop", second)


def test_a_bad_limit_is_named(no_session: Session) -> None:
    no_session.environment["PANCODE_PROVIDER_CONCURRENCY"] = "many"
    no_session.pancode("up", "--detach", code=10)
    assert "PANCODE_PROVIDER_CONCURRENCY" in no_session.last_error


def test_what_waits_ends_with_the_session(no_session: Session) -> None:
    session = up_with(no_session, PANCODE_SESSION_CONCURRENCY="1")
    first = session.detached("-a", "shell", LONG)
    second = session.detached("-a", "shell", "echo never")
    session.pancode("down")
    ended = {row["run_id"]: row["state"] for row in session.json("runs")["runs"]}
    assert ended == {first: "cancelled", second: "cancelled"}
