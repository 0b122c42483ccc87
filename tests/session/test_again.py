"""A run's request once more, and the idle time-out, in a real session."""

from __future__ import annotations

from pathlib import Path

from tests.session.conftest import Session


def test_a_request_is_repeated_as_a_new_run(shared: Session) -> None:
    task = "echo so; test -e here && exit 0; touch here; exit 3"
    first = shared.json("run", "--agent", "shell", "--timeout", "50", "--yes", task, code=1)
    again = shared.json("retry", first["run_id"], "--yes")
    assert (again["status"], again["result"].strip()) == ("done", "so")
    assert again["run_id"] != first["run_id"]
    shown = shared.json("runs", "show", again["run_id"])
    assert (shown["retries"], shown["task"], shown["continues"]) == (first["run_id"], task, None)
    spec = (Path(shared.places.runs) / again["run_id"] / "spec.json").read_text()
    assert '"wall_s": 50.0' in spec


def test_only_what_has_ended_is_repeated(shared: Session) -> None:
    run = shared.detached("--agent", "shell", "sleep 1000")
    shared.pancode("retry", run, code=11)
    assert f"run {run} has not ended" in shared.last_error
    shared.pancode("retry", "nothing", code=4)


def test_a_run_that_gives_no_sign_of_life_is_ended(shared: Session) -> None:
    result = shared.json("run", "--agent", "shell", "--idle", "0.3", "sleep 1000", code=6)
    assert (result["status"], result["reason"]) == ("timeout", "idle-timeout")
