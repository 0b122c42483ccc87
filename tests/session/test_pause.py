"""Pausing and going on, in a real session: at every state, over a restart of the controller, by key."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pancode.worker import tree
from tests.session.conftest import Session
from tests.terminal import wait_until

COUNTING = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"


def counted(session: Session, run: str) -> int:
    """Give the size of what the run has printed."""
    return (Path(session.places.runs) / run / "stream.raw").stat().st_size


def is_still(session: Session, run: str) -> bool:
    shim = session.row(run)["shim_pid"]
    found = tree.below(shim)
    return bool(found) and {each.state for each in found} == {"T"}


def paused(session: Session) -> str:
    run = session.detached("--agent", "shell", COUNTING)
    session.until_working(run)
    assert session.pancode("pause", run, "--why", "lunch").strip() == f"{run}: paused"
    return run


def test_a_paused_run_says_so_and_goes_on(shared: Session) -> None:
    run = paused(shared)
    row = shared.row(run)
    assert (row["state"], row["state_source"]) == ("paused", "journal")
    assert is_still(shared, run)
    size = counted(shared, run)
    told = shared.json("pause", run)["runs"][0]
    assert (told["state"], told["confirmed"]) == ("paused", True)
    assert counted(shared, run) == size
    assert shared.pancode("resume", run).strip() == f"{run}: goes on"
    wait_until(lambda: counted(shared, run) > size, "more of its output")
    assert shared.json("stop", run)["status"] == "cancelled"
    assert "has ended: cancelled" in shared.pancode("pause", run)


def test_a_paused_run_can_be_stopped_and_killed(shared: Session) -> None:
    for words in ((), ("--force",)):
        run = paused(shared)
        assert shared.json("stop", run, *words)["status"] == "cancelled"


def test_all_of_them(shared: Session) -> None:
    runs = [shared.detached("--agent", "shell", COUNTING) for _ in range(3)]
    for run in runs:
        shared.until_working(run)
    assert sorted(one["run_id"] for one in shared.json("pause", "--all")["runs"]) == sorted(runs)
    assert all(is_still(shared, run) for run in runs)
    shared.pancode("resume", "--all")
    assert {shared.row(run)["state"] for run in runs} == {"working"}
    shared.pancode("pause", code=2)
    shared.pancode("resume", "--all", runs[0], code=2)


def test_the_next_controller_knows_that_it_is_paused(session: Session) -> None:
    run = paused(session)
    controller = session.status()["controller"]["pid"]
    os.kill(controller, signal.SIGKILL)
    wait_until(lambda: session.status()["controller"]["pid"] != controller, "a new controller")
    assert session.row(run)["state"] == "paused"
    assert is_still(session, run)
    session.pancode("resume", run)
    assert session.row(run)["state"] == "working"


def test_down_ends_a_paused_run(session: Session) -> None:
    run = paused(session)
    pids = [each.pid for each in tree.below(session.row(run)["shim_pid"])]
    session.pancode("down")
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert '"cancelled"' in (Path(session.places.runs) / run / "result.json").read_text()


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_one_that_has_not_begun_takes_the_order_along(shared: Session, verb: str) -> None:
    """Asked at once after the start, whatever state it is in by then."""
    run = shared.detached("--agent", "shell", COUNTING)
    shared.pancode("pause", run, code=None)
    if verb == "resume":
        shared.pancode("resume", run, code=None)
        wait_until(lambda: shared.row(run)["state"] == "working", f"{run} works")
    else:
        wait_until(lambda: shared.row(run)["state"] == "paused", f"{run} stands still")
