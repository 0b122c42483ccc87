"""`pancode task` in a real session: shared, on disk at once, readable without a session."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.session.conftest import Session, a_session
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


@pytest.fixture
def session() -> Iterator[Session]:
    with a_session() as made:
        made.pancode("up", "--detach")
        yield made


def test_the_board_survives_a_killed_controller_and_the_end_of_the_session(session: Session) -> None:
    run = session.json("run", "--agent", "shell", "true")["run_id"]
    made = session.json("task", "create", "fix", "the", "tests", "-d", "all of them", "--run", run)
    assert (made["title"], made["runs"]) == ("fix the tests", [{"run_id": run, "state": "done"}])
    controller = session.status()["controller"]["pid"]
    os.kill(controller, signal.SIGKILL)
    wait_until(lambda: session.status()["controller"]["pid"] != controller, "a new controller")
    session.pancode("task", "update", made["id"], "--status", "doing")
    listed = session.pancode("task", "list")
    assert f"{run} done" in listed
    assert "doing" in listed
    session.pancode("down")
    shown = session.json("task", "show", made["id"])
    assert [change["what"] for change in shown["history"]] == ["created", "status todo -> doing"]
    assert session.pancode("task", "show", made["id"]).startswith(f"{made['id']} doing: fix the tests\n")
    assert [task["id"] for task in session.json("task", "list", "--status", "doing")["tasks"]] == [made["id"]]
    session.pancode("task", "check", made["id"], code=13)
    session.pancode("task", "update", made["id"], code=2)


def test_what_is_wrong_is_said(session: Session) -> None:
    session.pancode("task", "check", "t-0", code=4)
    assert 'there is no task "t-0"' in session.last_error
    session.pancode("task", "create", "x" * 300, code=2)
    assert session.json("task", "list") == {"tasks": []}
    assert "the board is empty" in session.pancode("task", "list")
    assert "no task is done; " in session.pancode("task", "list", "--status", "done")
