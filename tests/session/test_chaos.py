"""Violence against a session: kills at random points, a killed tmux, a full disk, agents that sabotage."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import Session, left_over, small_disk
from tests.terminal import is_running, wait_until

pytestmark = pytest.mark.tmux

SEED = 20
KILLS = 9
TASKS = (
    "for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.1; done",
    "setsid sleep 500 & (setsid sleep 501 &) ; sleep 0.5",
    "yes chatter | head -c 1000000; sleep 0.3",
    "trap '' TERM INT HUP; sleep 0.8; echo deaf",
    "echo quick",
)


def controller(session: Session) -> int | None:
    """Give the pid of the controller that answers, None while none does."""
    told = session.pancode("status", "--json", code=None)
    return int(json.loads(told)["controller"]["pid"]) if told else None


def result(session: Session, run: str) -> dict[str, Any] | None:
    """Give a run's result.json."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads((Path(session.places.runs) / run / "result.json").read_text()))
    return None


def of_runs(session: Session) -> list[int]:
    """Give the living processes that carry a run's marks."""
    found = []
    for pid in left_over(session):
        with contextlib.suppress(OSError):
            if b"PANCODE_RUN_DIR=" in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(pid)
    return found


def kill_one(session: Session, chance: random.Random, runs: list[str]) -> None:
    """SIGKILL the controller, or the shim or the agent of a run that lives; wait for what must follow."""
    what = chance.choice(("controller", "shim_pid", "pid"))
    if what != "controller":
        wait_until(lambda: session.row(runs[-1])["state"] not in ("queued", "starting"), "the run begins")
    rows = [row for row in session.status()["workers"] if row["run_id"] in runs and row["state"] == "working"]
    if what == "controller" or not rows:
        old = controller(session)
        assert old is not None
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: controller(session) not in (None, old), "a new controller")
        return
    row = chance.choice(rows)
    with contextlib.suppress(ProcessLookupError):
        os.kill(row[what], signal.SIGKILL)


def test_whatever_is_killed_every_run_ends_once_and_truthfully(session: Session) -> None:
    chance = random.Random(SEED)  # noqa: S311 -- the same kills each time
    marks = Path(session.places.project) / "marks"
    marks.mkdir()
    runs: list[str] = []
    for _ in range(KILLS):
        task = f'echo x >> "{marks}/$PANCODE_RUN_ID"; {chance.choice(TASKS)}'
        runs.append(session.detached("--agent", "shell", task))
        kill_one(session, chance, runs)
    wait_until(lambda: session.status()["totals"]["live"] == 0, "every run has ended")
    wait_until(lambda: not of_runs(session), "nothing of a run lives")
    for run in runs:
        said = result(session, run)
        assert said is not None
        assert said["status"] != "lost" or said["evidence"]["record"]["why"]
        journal = session.journal(run)
        assert [record["seq"] for record in journal] == list(range(1, len(journal) + 1))
        kinds = [record["kind"] for record in journal]
        assert kinds.count("exec") <= 1, kinds
        assert kinds.count("ended") == 1, kinds
        assert len((marks / run).read_text().split() if (marks / run).exists() else []) <= 1
        shown = session.json("runs", "show", run)
        assert (shown["status"], sum(shown["events"].values())) == (said["status"], len(journal))
    session.pancode("down")
    assert left_over(session) == []


def test_after_a_killed_tmux_the_runs_are_told_truthfully_and_old_ones_stay_readable(
    session: Session,
) -> None:
    done = session.json("run", "--agent", "shell", "echo before")["run_id"]
    live = session.detached("--agent", "shell", "setsid sleep 641 & sleep 642")
    row = session.until_working(live)
    subprocess.run(["tmux", "-S", session.places.tmux_socket, "kill-server"], check=True)
    wait_until(lambda: not is_running(row["shim_pid"]), "the shim ends with its pane")
    session.pancode("up", "--detach")
    shown = session.json("runs", "show", live)
    assert shown["status"] in ("cancelled", "lost")
    assert shown["evidence"]["record"]["why"]
    assert session.json("runs", "show", done)["result"] == "before"
    assert "before" in session.pancode("logs", done)
    assert of_runs(session) == []


def test_a_run_whose_folder_is_removed_is_still_waited_for_and_shown(session: Session) -> None:
    for whole in (True, False):
        go = Path(session.places.project) / f"go{whole}"
        run = session.detached("--agent", "shell", f"until test -e {go.name}; do sleep 0.05; done; echo gone")
        session.until_working(run)
        folder = Path(session.places.runs) / run
        for path in (path for path in folder.iterdir() if path.is_file()):
            path.unlink()
        if whole:
            folder.rename(session.base / "removed")
        go.touch()
        wait_until(lambda: session.row(run)["state"] == "done", "the run ends")  # noqa: B023 -- at once
        shown = session.json("runs", "show", run)
        assert (shown["status"], shown["result"]) == ("done", "gone")
    old = controller(session)
    assert old is not None
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: controller(session) not in (None, old), "a new controller")
    assert {row["state"] for row in session.json("runs")["runs"]} == {"done"}


RUBBISH = (
    b'\0\0\0{"seq": \n[[[[\n{"seq": "x"}\n{"seq": 1e400}\n"text"\n\xff\xfe\n'
    b'{"seq":99999999999999999999999,"kind":"exec"}\n{"seq":50,"kind":"exec","pid":"x","t":"noon"}\n'
    b'{"seq":51,"t":1.0,"kind":"usage","input":"x"}\n{"seq":52,"t":1.0,"kind":"cost","usd":{}}\n'
    + b"[" * 100_000
    + b'\n{"seq":53,"t":1.0,"kind":"tex'
)


def test_rubbish_in_the_folders_costs_only_itself(session: Session) -> None:
    ended = [session.json("run", "--agent", "shell", f"echo {n}")["run_id"] for n in range(4)]
    session.pancode("down")
    folders = [Path(session.places.runs) / run for run in ended]
    with (folders[0] / "events.jsonl").open("ab") as file:
        file.write(RUBBISH)
    (folders[0] / "result.json").unlink()
    whole = (folders[1] / "result.json").read_text()
    (folders[1] / "result.json").write_text(whole[: len(whole) // 2])
    (folders[2] / "spec.json").write_bytes(b'{"run": 5, "created": "never"}')
    (folders[3] / "result.json").write_text('{"run_id": [], "status": 5, "ended": "soon"}')
    os.unlink(session.places.database)
    session.pancode("up", "--detach")
    for number in (0, 1, 3):
        shown = session.json("runs", "show", ended[number])
        assert (shown["status"], shown["result"]) == ("done", str(number))
    assert session.json("run", "--agent", "shell", "echo on")["status"] == "done"


@pytest.fixture
def full_disk() -> Iterator[Session]:
    """Give a session that is up and whose home is a disk of six megabytes."""
    with small_disk(6) as made:
        made.pancode("up", "--detach")
        yield made


def fill(path: Path) -> None:
    """Write to a file until the disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def test_a_full_disk_is_said_and_the_controller_goes_on(full_disk: Session) -> None:
    session = full_disk
    live = session.detached("--agent", "shell", "while :; do printf '%1000s' x; sleep 0.02; done")
    session.until_working(live)
    before = controller(session)
    filler = Path(session.places.home) / "filler"
    fill(filler)
    wait_until(lambda: session.row(live)["state"] == "failed", "the run ends")
    fill(filler.with_name("filler2"))
    refused = session.pancode("run", "--agent", "shell", "echo never", code=None)
    assert "never" not in refused
    assert "no space left on device" in session.last_error, session.last_error
    assert "fault in PanCode" not in session.last_error
    for verb in ("status", "runs"):
        session.pancode(verb)
    assert controller(session) == before
    filler.unlink()
    filler.with_name("filler2").unlink()
    told = session.json("run", "--agent", "shell", "echo again")
    assert (told["status"], told["result"]) == ("done", "again")
    assert session.json("runs", "show", live)["status"] == "failed"
    with contextlib.closing(sqlite3.connect(session.places.database)) as index:
        wait_until(
            lambda: index.execute("SELECT count(*) FROM events WHERE run=?", (told["run_id"],)).fetchone()[0],
            "the index is written again",
        )
