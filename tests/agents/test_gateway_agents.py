"""The five real CLIs through the gateway: killed under them, at a limit, and held while somebody is asked."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pancode.scripted.server import serve_in_thread
from tests.agents.test_real_agents import AGENTS, BIN, PATIENCE, WHY, fleet
from tests.session.conftest import Session
from tests.session.test_gateway import calls, gateway_of, until_ended
from tests.terminal import wait_until

__all__ = ["fleet"]

pytestmark = [
    pytest.mark.agents,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not BIN, reason=WHY),
]
each = pytest.mark.parametrize(
    "agent", [pytest.param(agent, marks=pytest.mark.xdist_group(agent)) for agent in AGENTS]
)
LONG = {
    "turns": [
        {"shell": "echo one"},
        {"text": "a few words that take their time", "pace": 0.4, "shell": "echo two"},
        {"text": "All done."},
    ]
}


def start(fleet: Session, agent: str, url: str, *words: str) -> str:
    return fleet.detached("--agent", agent, "--endpoint", url, "--timeout", PATIENCE, *words, "do it")


@each
def test_a_gateway_killed_in_the_middle_of_an_answer_costs_no_run(fleet: Session, agent: str) -> None:
    with serve_in_thread(LONG) as model:
        run = start(fleet, agent, model.url)
        wait_until(lambda: _is_in_the_middle(fleet, agent, run), "the answer comes", seconds=100)
        pid = gateway_of(fleet)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        found = until_ended(fleet, run, seconds=200)
    assert (found["status"], found["result"]) == ("done", "All done."), json.dumps(found)
    assert len(calls(fleet, run, "call_ended")) == len(calls(fleet, run, "call_started"))
    assert found["meter"]["estimated"] is True


def _is_in_the_middle(fleet: Session, agent: str, run: str) -> bool:
    """Whether the second answer comes; Node takes a reset that it meets together with data for an end."""
    has_read = agent != "gemini" or any(record["kind"] == "text" for record in fleet.journal(run))
    return has_read and len(calls(fleet, run, "call_first_byte")) >= 2


@each
def test_the_key_is_nowhere_in_the_run(fleet: Session, agent: str) -> None:
    environment = {"PANCODE_ENDPOINT_KEY_ENV": "MY_KEY", "MY_KEY": "the-real-key-of-mine"}
    script = {"turns": [{"shell": "env; cat /proc/self/environ"}, {"text": "All done."}]}
    fleet.environment.update(environment)
    try:
        with serve_in_thread(script) as model:
            found = fleet.json(
                "run", "--agent", agent, "--endpoint", model.url, "--timeout", PATIENCE, "do it"
            )
            assert {request.key for request in model.requests} == {"mine"}
    finally:
        for name in environment:
            del fleet.environment[name]
    folder = Path(fleet.places.runs) / found["run_id"]
    held = [path for path in folder.rglob("*") if path.is_file() and b"the-real-key" in path.read_bytes()]
    assert held == []
    shown: dict[str, Any] = fleet.json("runs", "show", found["run_id"])
    assert (shown["meter"]["by"], shown["meter"]["calls"]) == ("gateway", 2)
    assert shown["meter"]["difference"] is None


@each
def test_a_limit_ends_the_run_before_the_next_request(fleet: Session, agent: str) -> None:
    fleet.pancode("budget", "set", "at-limit", "stop")
    turns = [{"shell": f"echo {number}"} for number in range(40)]
    with serve_in_thread({"turns": turns}) as model:
        run = start(fleet, agent, model.url, "--budget", "45000tokens")
        found = until_ended(fleet, run, seconds=200)
        asked = len(model.requests)
    assert found["reason"] == "budget", json.dumps(found)
    assert 0 < asked < 40
