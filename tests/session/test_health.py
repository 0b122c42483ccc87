"""The watchdog at work, and what `pancode why` tells, in a real session with quick heartbeats."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.worker import tree
from tests.session.conftest import Session, a_session
from tests.session.test_structured import ADAPTER
from tests.terminal import wait_until

AGENTS = """
agents:
  plain: {runtime: player}
  nudged: {runtime: player, on_stale: nudge}
  again: {runtime: player, on_stale: retry}
  watched: {command: [sh, -c, "{task}"], on_dead: stop}
"""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Give a session whose workers beat ten times in a second."""
    with a_session() as made:
        made.environment["PANCODE_HEARTBEAT_INTERVAL_MS"] = "100"
        home = Path(made.places.home)
        (home / "adapters").mkdir(parents=True, exist_ok=True)
        (home / "adapters" / "player.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
        (home / "panagents.yaml").write_text(AGENTS)
        made.pancode("up", "--detach")
        yield made


SEIZE, INTERRUPT, DETACH, ALL = 0x4206, 0x4207, 17, 0x40000000


@contextlib.contextmanager
def hung(pid: int) -> Iterator[None]:
    """Hold a process as a debugger does: tmux lets one go on that is stopped by a signal."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if ptrace(SEIZE, pid, None, None) != 0:
        pytest.skip("this machine lets nobody hold another process")
    assert ptrace(INTERRUPT, pid, None, None) == 0
    os.waitpid(pid, ALL)
    try:
        yield
    finally:
        if ptrace(DETACH, pid, None, None) != 0:
            os.waitpid(pid, ALL)


def health(session: Session, run: str) -> str | None:
    told: dict[str, Any] | None = session.row(run)["health"]
    return None if told is None else str(told["state"])


def runs(session: Session, agent: str) -> list[dict[str, Any]]:
    """Give the agent's runs, the newest first."""
    return [row for row in session.json("runs")["runs"] if row["agent"] == agent]


def test_a_worker_that_is_not_heard_of_is_stale_then_dead_then_recovered(session: Session) -> None:
    run = session.detached("--agent", "shell", "while :; do echo x; sleep 0.05; done")
    row = session.until_working(run)
    wait_until(lambda: health(session, run) == "healthy", "it to be healthy")
    with hung(row["shim_pid"]):
        wait_until(lambda: health(session, run) == "dead", "it to be dead")
        assert session.row(run)["health"]["source"] == "heartbeat"
        assert "is traced" in session.pancode("why", run)
    wait_until(lambda: health(session, run) in ("recovered", "healthy"), "it to recover")
    wait_until(lambda: health(session, run) == "healthy", "it to be healthy again")


def test_a_dead_worker_is_ended_if_its_agent_says_so(session: Session) -> None:
    run = session.detached("--agent", "watched", "sleep 1021 & sleep 1022")
    row = session.until_working(run)
    below = [each.pid for each in tree.below(row["shim_pid"])]
    with hung(row["shim_pid"]):
        wait_until(lambda: session.row(run)["state"] == "lost", "it to be given up")
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists() and not _is_zombie(pid)]
    said = {claim["claim"]: claim for claim in session.json("why", run)["claims"]}
    assert said["state"]["value"] == "lost"


def _is_zombie(pid: int) -> bool:
    found = tree.look(pid)
    return found is None or found.state in tree.GONE


def test_a_silent_agent_is_nudged_once(session: Session) -> None:
    run = session.detached("--agent", "nudged", "id s1; say hi; gate never")
    wait_until(lambda: any(row["continues"] == run for row in runs(session, "nudged")), "its next turn")
    first = session.json("runs", "show", run)
    assert (first["status"], first["evidence"]["record"]["by"]) == ("cancelled", "watchdog")
    assert first["evidence"]["record"]["why"].startswith("nudge: stale: no output")


def test_a_silent_agent_is_started_again_once(session: Session) -> None:
    run = session.detached("--agent", "again", "say hi; gate never")
    wait_until(lambda: [bool(row["ended"]) for row in runs(session, "again")] == [True] * 2, "both to end")
    second, first = (session.json("runs", "show", row["run_id"]) for row in runs(session, "again"))
    assert (first["run_id"], second["retries"]) == (run, run)
    assert second["evidence"]["record"]["why"].endswith("it was helped once before")


def test_a_silent_agent_is_let_be_unless_its_definition_says_more(session: Session) -> None:
    run = session.detached("--agent", "plain", "say hi; gate never")
    wait_until(lambda: health(session, run) == "stale", "it to be stale")
    assert session.row(run)["state"] == "working"
    claims = {claim["claim"]: claim for claim in session.json("why", run)["claims"]}
    assert claims["health"]["value"] == "stale"
    assert claims["health"]["because"].startswith("no output, no work, no tool")
    assert claims["state"]["source"].startswith("journal, record ")
    assert {"agent", "shim", "heartbeat", "mode", "safety", "cost", "time"} <= set(claims)
    assert all(claim["source"] for claim in claims.values())
    session.pancode("pause", run)
    assert health(session, run) in ("recovered", "healthy")
    session.pancode("stop", run)
    ended = {claim["claim"]: claim for claim in session.json("why", run)["claims"]}
    assert (ended["state"]["value"], ended["reason"]["value"]) == ("cancelled", "stopped")
    session.pancode("down")
    assert session.json("why", run)["claims"][0]["value"] == "cancelled"
