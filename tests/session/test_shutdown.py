"""`pancode down` in its four phases, from every state of a run, and what it leaves: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import Session, left_over
from tests.terminal import is_running, wait_until

pytestmark = pytest.mark.tmux

DEAF = "trap '' INT TERM; while :; do sleep 0.1; done"


def result(session: Session, run: str) -> dict[str, Any]:
    """Give how a run ended, from the disk."""
    path = Path(session.places.runs) / run / "result.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def phases(session: Session) -> list[str]:
    words = [line.removeprefix("pancode: ").partition(":")[0] for line in session.last_error.splitlines()]
    return [word for word in dict.fromkeys(words) if word in ("drain", "stop", "persist", "exit")]


def nothing_is_left(session: Session) -> None:
    assert not left_over(session)
    assert not Path(session.places.runtime).exists()
    told = session.json("clean", "--dry-run")
    assert (told["clones"], told["found"], told["left"], told["old"]) == ([], [], [], [])


@pytest.mark.parametrize("state", ["queued", "working", "paused", "stopping", "checking"])
def test_down_ends_a_run_in_any_state(session: Session, state: str) -> None:
    task = {"stopping": DEAF, "checking": "true"}.get(state, "sleep 1031 & sleep 1032")
    more = ("--check", "echo up; sleep 1033") if state == "checking" else ()
    run = session.detached("--agent", "shell", "--yes", *more, task)
    if state == "checking":
        wait_until(lambda: (session.row(run)["doing"] or "").startswith("check "), "its check")
    else:
        session.until_working(run)
    after = session.detached("--agent", "shell", "--after", run, "true") if state == "queued" else None
    if state == "paused":
        session.pancode("pause", run)
    elif state == "stopping":
        session.pancode("stop", run, "--detach")
    told = session.json("down")
    assert phases(session) == ["drain", "stop", "persist", "exit"]
    assert told["sessions"][0]["queued"] == ([] if after is None else [after])
    assert (told["sessions"][0]["was_up"], told["sessions"][0]["unwritten"], told["left"]) == (True, [], [])
    assert result(session, run)["status"] == "cancelled"
    if after is not None:
        assert result(session, after)["status"] == "cancelled"
        assert f"cancelled before their start: {after} (pancode retry RUN)" in session.last_error
    nothing_is_left(session)


def test_what_was_queued_can_be_started_again(session: Session) -> None:
    first = session.detached("--agent", "shell", "sleep 1034")
    queued = session.detached("--agent", "shell", "--after", first, "echo so")
    session.pancode("down")
    session.pancode("up", "--detach")
    assert session.json("retry", queued)["result"].strip() == "so"


def test_workers_may_go_on_while_it_drains(session: Session) -> None:
    gate = Path(session.places.project) / "gate"
    run = session.detached("--agent", "shell", f"while [ ! -e '{gate}' ]; do sleep 0.02; done")
    session.until_working(run)
    process = session.start_process("down", "--drain", "60")
    wait_until(lambda: session.status()["draining"], "it to drain")
    session.pancode("run", "--agent", "shell", "true", code=5)
    assert "shutting down" in session.last_error
    gate.touch()
    _, err = process.communicate(timeout=60)
    assert "1 worker may still finish" in err
    assert result(session, run)["status"] == "done"
    nothing_is_left(session)


def test_a_second_ctrl_c_forces(session: Session) -> None:
    run = session.detached("--agent", "shell", DEAF)
    session.until_working(run)
    began = time.monotonic()
    process = session.start_process("down", "--drain", "600")
    wait_until(lambda: session.status()["draining"], "it to drain")
    process.send_signal(signal.SIGINT)
    # The hint comes first, on standard error; only then does the second one count as a second.
    assert process.stderr is not None
    said = ""
    while "Ctrl-C again forces" not in said:
        said += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert time.monotonic() - began < 60
    nothing_is_left(session)
    assert not Path(f"/proc/{process.pid}").exists() or not is_running(process.pid)


def test_what_a_killed_session_leaves_is_listed_and_cleaned(session: Session) -> None:
    run = session.detached("--agent", "shell", "trap '' HUP TERM; while :; do sleep 0.2; done")
    row = session.until_working(run)
    status = session.status()
    environment = {**session.environment, "PANCODE_RUN_DIR": str(Path(session.places.runs) / run)}
    stray = subprocess.Popen(["sleep", "1035"], env=environment, start_new_session=True)
    try:
        session.pancode("stop", run, "--force")
        wait_until(lambda: not is_running(row["pid"]), "the run to end")
        server = int(_server(session))
        for pid in (status["controller"]["pid"], server):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(server), "tmux to be gone")
        found = session.json("clean", "--dry-run")["found"]
        assert {one["kind"] for one in found} == {"process", "runtime"}
        assert str(stray.pid) in {one["what"] for one in found}
        assert stray.poll() is None
        assert session.json("clean")["left"] == []
        stray.wait(10)
        nothing_is_left(session)
    finally:
        if stray.poll() is None:
            stray.kill()
            stray.wait()


def _server(session: Session) -> str:
    words = ["tmux", "-S", session.places.tmux_socket, "display-message", "-p", "#{pid}"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
