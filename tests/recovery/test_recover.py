"""`pancode recover`: what was lost, its logs, its changes, and once more with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.test_lost import kill_tmux
from tests.session.conftest import Session, a_session
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


@pytest.fixture
def repository() -> Iterator[Session]:
    """Give a session of a repository with one commit, after a crash has taken two of its runs."""
    with a_session() as made:
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
        for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
            subprocess.run([*git, *words], cwd=made.places.project, check=True)
        made.pancode("up", "--detach")
        yield made


def unwritten(session: Session) -> str:
    """Lose a run whose result can't be written, and see that it is told; give the run."""
    run = session.detached("--agent", "shell", "mkdir once && sleep 600; true")
    row = session.until_working(run)
    in_the_way = Path(session.places.runs) / run / "result.json"
    in_the_way.mkdir()
    os.kill(row["shim_pid"], signal.SIGKILL)
    wait_until(lambda: session.row(run)["state"] == "lost", "the controller knows of it")
    assert session.json("recover")["unwritten"] == [run]
    assert f"{run} has ended (lost), and its result can't be written yet" in session.pancode("recover")
    in_the_way.rmdir()
    return run


def test_what_was_lost_is_listed_with_its_changes_and_started_once_more(repository: Session) -> None:
    session = repository
    assert session.json("recover") == {"lost": [], "unfinished": [], "unwritten": [], "damaged": []}
    assert "nothing was lost" in session.pancode("recover")
    owed = unwritten(session)
    done = session.json("run", "--agent", "shell", "true")["run_id"]
    wait_until(lambda: session.json("recover")["lost"], "with the next result, the one before is written")
    assert session.json("recover")["unwritten"] == []
    again = session.json("recover", "--retry", owed)["lost"][0]["retried"]
    wait_until(lambda: session.json("runs", "show", again)["status"] == "done", "the new run has ended")
    assert "all that was lost has been started once more" in session.pancode("recover")
    mark = Path(session.places.project) / "go"
    task = f"echo precious > found.txt; test -e {mark} || sleep 600"
    isolated = session.detached("--agent", "shell", "--isolate", task)
    plain = session.detached("--agent", "shell", f"test -e {mark} || sleep 600")
    for run in (isolated, plain):
        session.until_working(run)
    clone = json.loads((Path(session.places.runs) / isolated / "spec.json").read_text())["isolation"]["clone"]
    wait_until((Path(clone) / "found.txt").exists, "it has written")
    kill_tmux(session)
    session.pancode("up", "--detach")
    assert "were lost; pancode recover lists" in session.last_error
    lost = {each["run_id"]: each for each in session.json("recover")["lost"]}
    assert set(lost) == {isolated, plain}
    assert {each["why"] for each in lost.values()} == {"the tmux server ended"}
    assert (lost[isolated]["clone"], lost[plain]["clone"]) == (clone, None)
    wait_until(lambda: session.json("recover", isolated)["lost"][0]["changes"], "its changes are collected")
    assert session.json("recover", isolated)["lost"][0]["changes"]["files"] == 1
    assert "+precious" in session.pancode("diff", isolated)
    said = session.pancode("recover")
    assert f"pancode logs {plain}" in said
    assert f"pancode diff {isolated}, pancode merge {isolated}" in said
    session.pancode("recover", done, code=5)
    assert f"run {done} was not lost: it is done" in session.last_error
    session.pancode("recover", "zzz", code=4)

    mark.touch()
    told = session.json("recover", "--retry", plain)["lost"]
    assert [each["run_id"] for each in told] == [plain]
    again = told[0]["retried"]
    wait_until(lambda: session.json("runs", "show", again)["status"] == "done", "the new run has ended")
    assert [each["run_id"] for each in session.json("recover")["lost"]] == [isolated]
    assert session.json("recover", plain)["lost"][0]["retried"] == again


def test_without_a_session_it_says_what_waits_for_one(repository: Session) -> None:
    session = repository
    run = session.detached("--agent", "shell", "sleep 600")
    session.until_working(run)
    kill_tmux(session)
    folder = Path(session.places.runs) / run
    # Whether or not the last controller has heard of the end, and indexed it.
    (folder / "result.json").unlink(missing_ok=True)
    (folder.with_name("bad")).mkdir()
    (folder.with_name("bad") / "spec.json").write_text("{")
    told = session.json("recover")
    assert told == {"lost": [], "unfinished": [run], "unwritten": [], "damaged": ["bad"]}
    said = session.pancode("recover")
    assert f"not ended, and no session is up: {run}; pancode up settles them" in said
    assert "can't be read any more: bad" in said
    session.pancode("recover", run, code=5)
    assert "pancode up settles it" in session.last_error
    session.pancode("up", "--detach")
    assert "pancode recover lists what was lost" in session.last_error
    wait_until(lambda: session.json("recover")["lost"], "it is settled")
