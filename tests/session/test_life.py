"""The session's life: killed controllers, restarts, shutting down, and what is left."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.session.conftest import Session, left_over
from tests.terminal import is_running, wait_until

pytestmark = pytest.mark.tmux


def test_a_killed_controller_is_replaced_and_every_worker_adopted(session: Session) -> None:
    gate = Path(session.places.project) / "gate"
    task = f"while [ ! -e '{gate}' ]; do echo line; sleep 0.1; done"
    runs = [session.detached("--agent", "shell", f"{task}; echo end of {n}") for n in range(5)]
    rows = {run: session.until_working(run) for run in runs}
    old = session.status()["controller"]["pid"]
    os.kill(old, signal.SIGKILL)
    assert all(is_running(row["pid"]) for row in rows.values())
    wait_until(lambda: _controller(session) not in (None, old), "a new controller")
    for run in runs:
        assert session.row(run)["shim_pid"] == rows[run]["shim_pid"]
    gate.touch()
    wait_until(lambda: session.status()["totals"]["done"] == 5, "all are done")
    for number, run in enumerate(runs):
        shown = session.json("runs", "show", run)
        assert shown["result"].endswith(f"end of {number}")
        journal = session.journal(run)
        assert [record["seq"] for record in journal] == list(range(1, len(journal) + 1))
        # Nothing is lost and nothing ran twice: the index has each record once, and one agent was exec'ed.
        assert shown["events"] == dict(Counter(record["kind"] for record in journal))
        assert shown["events"]["exec"] == 1


def _controller(session: Session) -> int | None:
    found = session.pancode("status", "--json", code=None)
    if not found:
        return None
    import json

    pid = json.loads(found)["controller"]["pid"]
    return int(pid)


def test_a_run_that_ended_while_no_controller_was_there_has_its_result(session: Session) -> None:
    gate = Path(session.places.project) / "gate"
    task = f"while [ ! -e '{gate}' ]; do sleep 0.05; done; echo through"
    run = session.detached("--agent", "shell", task)
    row = session.until_working(run)
    old = session.status()["controller"]["pid"]
    os.kill(old, signal.SIGSTOP)  # It is as good as gone, and is not replaced meanwhile.
    gate.touch()
    wait_until(lambda: not is_running(row["shim_pid"]), "the worker ends")
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: _controller(session) not in (None, old), "a new controller")
    assert session.json("runs", "show", run)["result"] == "through"


def test_mode_and_level_outlive_a_restart_but_admin_does_not(session: Session) -> None:
    session.pancode("mode", "review")
    session.pancode("safety", "full-auto")
    session.pancode("mode", "admin")
    session.pancode("down")
    session.pancode("up", "--detach")
    status = session.status()
    assert (status["mode"], status["safety"]) == ("review", "full-auto")


def test_down_leaves_no_process_and_no_socket(session: Session) -> None:
    run = session.detached("--agent", "shell", "setsid sleep 631 & sleep 632")
    session.until_working(run)
    session.pancode("down")
    assert left_over(session) == []
    assert os.listdir(session.base / "r" / "pancode") == []
    assert session.json("runs", "show", run)["status"] == "cancelled"


def test_a_deleted_index_is_built_anew(session: Session) -> None:
    runs = {session.json("run", "--agent", "shell", f"echo {n}")["run_id"] for n in range(3)}
    session.pancode("reindex", code=11)  # The session is up: its controller is the only writer.
    session.pancode("down")
    before = session.json("runs")["runs"]
    os.unlink(session.places.database)
    assert "3 runs indexed" in session.pancode("reindex")
    assert session.json("runs")["runs"] == before
    assert {row["run_id"] for row in before} == runs


def test_a_second_controller_is_told_so(session: Session) -> None:
    import subprocess
    import sys

    words = [sys.executable, "-m", "pancode.app", "--session", "main", "--project", session.places.project]
    done = subprocess.run(
        words, env=session.environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 11
    assert 'session "main" has a controller already' in done.stderr


def test_two_sessions_of_one_project_know_nothing_of_each_other(session: Session) -> None:
    session.pancode("up", "--detach", "--session", "other")
    session.pancode("mode", "plan", "--session", "other")
    assert session.status()["mode"] == "build"
    session.json("run", "--agent", "shell", "true")
    assert session.json("runs", "--session", "other")["runs"] == []
    session.pancode("down", "--all")
    assert left_over(session) == []


def test_the_status_names_a_source_for_every_state(session: Session) -> None:
    run = session.detached("--agent", "shell", "sleep 600")
    row = session.until_working(run)
    assert row["state_source"] == "journal"
    assert row["cost"] == {"usd": None, "source": "no model"}
    assert is_running(row["pid"])
    assert is_running(row["shim_pid"])
    status = session.status()
    assert {"session", "mode", "safety", "budget", "controller", "workers"} <= set(status)
    assert status["totals"]["live"] == 1


def test_workers_are_forked_and_start_by_themselves_where_that_hangs(session: Session) -> None:
    wait_until(lambda: _forked(session), "a worker that was forked")
    run, server = _forked(session)[-1]
    pid = session.row(run)["shim_pid"]
    os.kill(server, signal.SIGSTOP)
    try:
        assert session.json("run", "--agent", "shell", "echo hi")["result"] == "hi"
    finally:
        os.kill(server, signal.SIGCONT)
    os.kill(server, signal.SIGKILL)
    wait_until(
        lambda: any(each != server for _, each in _forked(session)), "one that a new server has forked"
    )
    assert session.row(run)["shim_pid"] == pid
    assert session.json("stop", run)["status"] == "cancelled"


def _forked(session: Session) -> list[tuple[str, int]]:
    """Start a worker; give the live ones that were forked, each with the fork server it came from."""
    session.until_working(session.detached("--agent", "shell", "sleep 600"))
    found = []
    for row in session.status()["workers"]:
        with contextlib.suppress(OSError):
            parent = Path(f"/proc/{row['shim_pid']}/stat").read_text().rpartition(")")[2].split()[1]
            if b"--fork-server" in Path(f"/proc/{parent}/cmdline").read_bytes():
                found.append((row["run_id"], int(parent)))
    return found
