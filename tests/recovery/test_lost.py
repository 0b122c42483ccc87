"""What a killed tmux server and a restarted machine leave, told truthfully by whoever comes next."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from pancode.engine.tmux.server import look
from tests.session.conftest import Session, left_over
from tests.terminal import is_running, wait_until

pytestmark = pytest.mark.tmux

WRITTEN = ("lease.json", "events.jsonl", "result.json", "stream.raw", "stderr.raw", "terminal.cast")
"""What a run's folder gets only once the run was given to a worker."""


def kill_tmux(session: Session) -> None:
    """SIGKILL the session's tmux server, and wait until nothing of the session lives."""
    server = look(session.places.tmux_socket).pid
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: not is_running(server), "the server is gone")
    wait_until(lambda: left_over(session) == [], "all that hung on it is gone")


def test_after_a_killed_tmux_what_worked_is_lost_with_its_logs(session: Session) -> None:
    run = session.detached("--agent", "shell", "echo said before; sleep 600")
    session.until_working(run)
    wait_until(lambda: "said before" in session.pancode("logs", run), "it has spoken")
    kill_tmux(session)
    session.pancode("up", "--detach")
    shown = session.json("runs", "show", run)
    assert (shown["status"], shown["reason"]) == ("lost", "lost")
    assert shown["evidence"]["record"]["why"] == "the tmux server ended"
    assert "said before" in session.pancode("logs", run)


def test_a_pane_that_somebody_closes_is_no_loss(session: Session) -> None:
    run = session.detached("--agent", "shell", "sleep 600")
    row = session.until_working(run)
    subprocess.run(["tmux", "-S", session.places.tmux_socket, "kill-pane", "-t", row["pane"]], check=True)
    wait_until(lambda: session.row(run)["state"] == "cancelled", "it is cancelled")
    shown = session.json("runs", "show", run)
    assert shown["evidence"]["record"]["why"] == "the pane was closed"


def test_a_killed_shim_leaves_nothing_that_it_had_set_aside(session: Session) -> None:
    run = session.detached("--agent", "shell", "sleep 600")
    row = session.until_working(run)
    reserve = Path(session.places.runs) / run / "reserve"
    wait_until(reserve.exists, "something is set aside")
    os.kill(row["shim_pid"], signal.SIGKILL)
    wait_until(lambda: session.row(run)["state"] == "lost", "it is lost")
    assert not reserve.exists()


def test_what_ran_when_the_machine_was_restarted_is_lost_and_no_pid_of_it_is_trusted(
    session: Session,
) -> None:
    ended = session.json("run", "--agent", "shell", "echo done before")["run_id"]
    run = session.detached("--agent", "shell", "sleep 600")
    session.until_working(run)
    kill_tmux(session)
    # As a power cut leaves it: no end, and pids that by now belong to somebody else.
    folder = Path(session.places.runs) / run
    (folder / "result.json").unlink()
    records = [each for each in session.journal(run) if each["kind"] in ("started", "exec")]
    stranger = subprocess.Popen(["sh", "-c", "sleep 600", "sh", str(folder)])
    try:
        text = "".join(json.dumps({**each, "pid": stranger.pid}) + "\n" for each in records)
        (folder / "events.jsonl").write_text(text + '{"v": 1, "seq": 3, "t": 17')
        lease = json.loads((folder / "lease.json").read_text())
        (folder / "lease.json").write_text(json.dumps({**lease, "boot": "an earlier one"}))
        os.unlink(session.places.database)
        session.pancode("up", "--detach")
        shown = session.json("runs", "show", run)
        assert shown["status"] == "lost"
        assert "the machine was started again" in shown["evidence"]["record"]["why"]
        assert [each["kind"] for each in session.journal(run)] == ["started", "exec", "ended"]
        assert session.json("runs", "show", ended)["result"] == "done before"
        assert is_running(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


def test_a_run_that_was_queued_when_all_was_killed_is_started_once_by_the_next(session: Session) -> None:
    old = session.status()["controller"]["pid"]
    mark = Path(session.places.project) / "marks"
    done = session.json("run", "--agent", "shell", "true")["run_id"]
    kill_tmux(session)
    wait_until(lambda: not is_running(old), "the controller is gone")
    # As a controller leaves it that is killed between the admission and the lease.
    first, folder = Path(session.places.runs) / done, Path(session.places.runs) / "zzz"
    shutil.copytree(first, folder, ignore=lambda _, names: {name for name in names if name in WRITTEN})
    text = (first / "spec.json").read_text()
    spec = json.loads(text.replace(f"/{done}", "/zzz").replace(f'"{done}"', '"zzz"'))
    spec["argv"] = ["sh", "-c", f"echo x >> {mark}"]
    (folder / "spec.json").write_text(json.dumps(spec))
    session.pancode("up", "--detach")
    wait_until(lambda: session.json("runs", "show", "zzz")["status"] is not None, "it has ended")
    assert session.json("runs", "show", "zzz")["status"] == "done"
    assert mark.read_text() == "x\n"


def test_a_result_that_was_removed_is_written_again_also_for_a_run_that_was_settled(session: Session) -> None:
    run = session.json("run", "--agent", "shell", "echo once")["run_id"]
    session.pancode("down")
    result = Path(session.places.runs) / run / "result.json"
    result.unlink()
    session.pancode("up", "--detach")
    wait_until(result.exists, "it is there again")
    assert session.json("runs", "show", run)["result"] == "once"
