"""The controller among killed processes and damaged files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pancode.domains.dispatch.shelf import KEPT_WINDOWS
from tests.session.conftest import Session
from tests.session.test_structured import ADAPTER, AGENTS
from tests.terminal import is_running, wait_until

pytestmark = pytest.mark.tmux


def talk(session: Session, *lines: bytes) -> socket.socket:
    """Connect to the controller and send lines as they are."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.settimeout(60)
    link.connect(session.places.socket)
    for line in lines:
        link.sendall(line + b"\n")
    return link


def answers(link: socket.socket, count: int) -> list[dict[str, Any]]:
    """Read this many lines and hang up."""
    with link, link.makefile("rb") as lines:
        return [json.loads(lines.readline()) for _ in range(count)]


def a_new_controller(session: Session, old: int) -> int:
    """Wait until another controller than `old` answers; give its pid."""

    def pid() -> int:
        found = session.pancode("status", "--json", code=None)
        return int(json.loads(found)["controller"]["pid"]) if found else old

    wait_until(lambda: pid() != old, "a new controller")
    return pid()


def killed(session: Session) -> int:
    """Kill the controller; give the pid of the next one."""
    old = int(session.status()["controller"]["pid"])
    os.kill(old, signal.SIGKILL)
    return a_new_controller(session, old)


def test_a_second_stop_that_forces_kills_what_ignores_the_first(session: Session) -> None:
    run = session.detached("--agent", "shell", "trap '' INT TERM HUP; while :; do sleep 0.1; done")
    session.until_working(run)
    session.pancode("stop", "--detach", run)
    session.pancode("stop", "--detach", "--force", run)
    wait_until(lambda: session.row(run)["state"] == "cancelled", "it is dead")
    forced = [each["force"] for each in session.journal(run) if each["kind"] == "stop_requested"]
    assert forced == [False, True]


def test_a_session_that_begins_to_end_does_so_although_its_client_goes(session: Session) -> None:
    run = session.detached("--agent", "shell", "sleep 600")
    row = session.until_working(run)
    controller = session.status()["controller"]["pid"]
    link = talk(session, b'{"id": 1, "verb": "shutdown", "args": {}}')
    link.recv(1)  # It has begun.
    link.close()
    wait_until(lambda: not is_running(controller), "the controller has gone")
    assert not is_running(row["pid"])
    assert json.loads((Path(session.places.runs) / run / "result.json").read_text())["status"] == "cancelled"


def test_damaged_folders_cost_only_themselves(session: Session) -> None:
    good = session.json("run", "--agent", "shell", "echo good")["run_id"]
    runs = Path(session.places.runs)
    whole = json.loads((runs / good / "spec.json").read_text())
    damage = {
        "aaa": "{",
        "bbb": json.dumps({"run": "bbb"}),
        "ccc": json.dumps({**whole, "run": "ccc", "created": "noon"}),
        "ddd": json.dumps({**whole, "run": "ddd", "grant": {"mode": "chaos"}}),
        "eee": "[" * 100_000,
    }
    for name, text in damage.items():
        (runs / name).mkdir()
        (runs / name / "spec.json").write_text(text)
    (runs / "fff").write_text("no folder at all")
    odd = [
        {"seq": 1, "t": "noon", "kind": "exec"},
        {"seq": 2, "t": 1, "kind": "exec", "pid": {}},
        {"seq": 2**90, "t": 1, "kind": "text"},
        {"seq": 3, "t": 1, "kind": "cost", "usd": "free"},
        {"seq": 4, "t": 1, "kind": "ended", "status": [], "evidence": 7},
    ]
    (runs / "ggg").mkdir()
    (runs / "ggg" / "spec.json").write_text(json.dumps({**whole, "run": "ggg"}))
    (runs / "ggg" / "events.jsonl").write_text("\n".join(["\x00\x01", "[1]", *map(json.dumps, odd)]) + "\n")
    (runs / "ggg" / "result.json").write_text(json.dumps({"run_id": "ggg", "ended": "noon"}))
    killed(session)
    assert session.row(good)["state"] == "done"
    assert session.json("run", "--agent", "shell", "echo on")["status"] == "done"
    log = Path(session.places.log).read_text()
    for name in damage:
        assert f"run {name} is left out: {runs}/{name}/spec.json can't be read" in log
    session.pancode("down")
    assert "runs indexed" in session.pancode("reindex")
    assert "run aaa is left out" in session.last_error
    session.pancode("runs")


def test_a_session_file_that_cannot_be_read_means_the_strictest(session: Session) -> None:
    Path(session.places.session_file).write_text("{")
    killed(session)
    status = session.status()
    assert (status["mode"], status["safety"]) == ("plan", "suggest")


def test_a_damaged_index_is_told_and_built_anew(session: Session) -> None:
    run = session.json("run", "--agent", "shell", "true")["run_id"]
    session.pancode("down")
    for name in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(session.places.database + name)
    Path(session.places.database).write_bytes(b"not a database " * 1000)
    session.pancode("runs", code=12)
    assert "pancode reindex" in session.last_error
    session.pancode("up", "--detach", code=None)
    wait_until(lambda: "can't use the index" in Path(session.places.log).read_text(), "the log says it")
    session.pancode("down")
    assert "1 runs indexed" in session.pancode("reindex")
    session.pancode("up", "--detach")
    assert session.row(run)["state"] == "done"


def test_an_index_of_a_newer_pancode_stays_as_it_is(session: Session) -> None:
    session.pancode("down")
    with sqlite3.connect(session.places.database) as db:
        db.execute("PRAGMA user_version=99")
    for _ in range(2):
        session.pancode("runs", code=10)
        assert "newer PanCode" in session.last_error
        session.pancode("up", "--detach", code=None)
        session.pancode("down", code=None)
    with sqlite3.connect(session.places.database) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_live_run_is_shown_without_a_controller(session: Session) -> None:
    run = session.detached("--agent", "shell", "sleep 600")
    session.until_working(run)
    session.pancode("down")
    folder = Path(session.places.runs) / run
    (folder / "result.json").unlink()
    with sqlite3.connect(session.places.database) as db:
        db.execute("UPDATE runs SET status=NULL, reason=NULL, ended=NULL, result=NULL")
    shown = session.json("runs", "show", run)
    assert (shown["status"], shown["state"], shown["agent"]) == (None, None, "shell")
    assert "–" in session.pancode("runs", "show", run)
    assert "–" in session.pancode("runs")


def test_a_request_that_is_repeated_starts_no_second_run(session: Session) -> None:
    args = {"task": "true", "cwd": session.places.project, "agent": "shell", "key": "only-once"}
    line = json.dumps({"id": 1, "verb": "run", "args": args}).encode()
    first = answers(talk(session, line), 1)[0]["result"]["run_id"]
    assert answers(talk(session, line), 1)[0]["result"]["run_id"] == first
    killed(session)
    assert answers(talk(session, line), 1)[0]["result"]["run_id"] == first
    assert len(session.json("runs")["runs"]) == 1


def test_a_stop_that_the_shim_did_not_get_is_given_by_the_next_controller(session: Session) -> None:
    run = session.detached("--agent", "shell", "sleep 600")
    session.until_working(run)
    # As a controller leaves it that is killed between the request and the order.
    order = {"do": "stop", "by": "operator", "why": "enough", "force": False}
    (Path(session.places.runs) / run / "stop.json").write_text(json.dumps(order))
    killed(session)
    wait_until(lambda: session.row(run)["state"] == "cancelled", "it is stopped")


def test_every_stop_is_on_the_disk(session: Session) -> None:
    run = session.detached("--agent", "shell", "sleep 600")
    session.until_working(run)
    session.pancode("stop", run)
    kept = json.loads((Path(session.places.runs) / run / "stop.json").read_text())
    assert (kept["by"], kept["force"]) == ("operator", False)


def test_windows_of_ended_runs_are_closed_in_their_turn_also_after_a_restart(session: Session) -> None:
    first = [session.json("run", "--agent", "shell", "true")["run_id"] for _ in range(6)]
    killed(session)
    later = [session.json("run", "--agent", "shell", "true")["run_id"] for _ in range(6)]
    wait_until(lambda: len(_windows(session)) == KEPT_WINDOWS, "two windows are closed")
    assert _windows(session) == {*first[2:], *later}


def _windows(session: Session) -> set[str]:
    words = ["tmux", "-S", session.places.tmux_socket, "list-panes", "-a", "-F", "#{@pancode_run_id}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return {line for line in done.stdout.splitlines() if line}


def test_what_was_said_is_sent_once_by_whichever_controller_sees_the_end(no_session: Session) -> None:
    session = no_session
    home = Path(session.places.home)
    (home / "adapters").mkdir(parents=True)
    (home / "adapters" / "player.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home / "panagents.yaml").write_text(AGENTS)
    session.pancode("up", "--detach")
    gate = Path(session.places.project) / "gate"
    run = session.detached("--agent", "steady", f"id c9; gate {gate}; end one")
    row = session.until_working(run)
    session.pancode("say", run, "id c9; end two")
    old = session.status()["controller"]["pid"]
    os.kill(old, signal.SIGSTOP)
    gate.touch()
    wait_until(lambda: not is_running(row["shim_pid"]), "the worker ends")
    os.kill(old, signal.SIGKILL)
    a_new_controller(session, old)
    wait_until(lambda: session.status()["totals"]["done"] == 2, "the next turn has ended")
    killed(session)
    continued = [each for each in session.json("runs")["runs"] if each["continues"] == run]
    assert len(continued) == 1


def test_what_a_run_left_while_nobody_listened_is_settled_as_if_somebody_had(session: Session) -> None:
    gate = Path(session.places.project) / "gate"
    run = session.detached("--agent", "shell", f"while [ ! -e '{gate}' ]; do sleep 0.05; done")
    row = session.until_working(run)
    for _ in range(3):
        session.json("run", "--agent", "shell", "true")
    old = session.status()["controller"]["pid"]
    os.kill(old, signal.SIGSTOP)
    gate.touch()
    wait_until(lambda: not is_running(row["shim_pid"]), "the worker ends")
    os.kill(old, signal.SIGKILL)
    a_new_controller(session, old)
    listed = {each["run_id"]: each["state"] for each in session.json("runs")["runs"]}
    assert listed[run] == "done"
    assert session.json("runs", "show", run)["events"]["ended"] == 1
    assert answers(talk(session, json.dumps({"id": 1, "verb": "resolve", "args": {"run": run}}).encode()), 1)[
        0
    ]["result"]["window"]
