"""Gemini, OpenCode and Copilot over ACP, in their sandboxes, against the scripted model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.scripted.server import serve_in_thread
from tests.agents.test_enclosed_agents import BIN, WHY, a_fleet, answers
from tests.session.conftest import Session
from tests.terminal import is_running, wait_until

COMMANDS = {
    "gemini-acp": ["gemini", "--experimental-acp"],
    "opencode-acp": ["opencode", "acp"],
    "copilot-acp": ["copilot", "--acp"],
}

pytestmark = [
    pytest.mark.agents,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not BIN, reason=WHY),
]
each = pytest.mark.parametrize(
    "agent", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in COMMANDS]
)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Session]:
    """Give a session with one agent for each program, in one entry of panagents.yaml each."""
    with a_fleet() as made:
        agents: dict[str, dict[str, Any]] = {
            name: {"runtime": "acp", "command": command} for name, command in COMMANDS.items()
        }
        agents |= {f"{name}-reader": {**agent, "readonly": True} for name, agent in agents.items()}
        (Path(made.places.home) / "panagents.yaml").write_text(json.dumps({"agents": agents}))
        yield made


def run(fleet: Session, agent: str, *turns: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the turns on the agent; give what `runs show` tells, and the journal."""
    after = {"when": "PanCode refused", "turns": [{"text": "All done."}]}
    with serve_in_thread({"turns": [*turns, {"text": "All done."}], "scripts": [after]}) as model:
        told = ("--agent", agent, "--endpoint", model.url, "--timeout", "100", "do it")
        found = fleet.json("run", *told)
    return fleet.json("runs", "show", found["run_id"]), fleet.journal(found["run_id"])


@each
def test_text_a_command_and_a_file(fleet: Session, agent: str) -> None:
    project = Path(fleet.places.project)
    command = f"echo out-{agent} > {agent}.txt; cat {agent}.txt"
    write = {"write": {"path": f"{agent}-w.txt", "content": "one\n"}}
    shown, journal = run(fleet, agent, {"text": "I look.", "shell": command}, write)
    assert (shown["status"], shown["result"], shown["unknown"]) == ("done", "All done.", {})
    assert (project / f"{agent}.txt").read_text() == f"out-{agent}\n"
    assert (project / f"{agent}-w.txt").read_text() == "one\n"
    assert shown["agent_session"]
    assert answers(journal)[command] is True
    started = [record["name"] for record in journal if record["kind"] == "tool_started"]
    assert started[0] == "shell"
    assert started[1] in ("write", "edit")
    assert all(record["ok"] for record in journal if record["kind"] == "tool_finished")
    assert shown["usage"]["turns"] == 3
    spec = json.loads((Path(fleet.places.runs) / shown["run_id"] / "spec.json").read_text())
    assert (spec["sandbox"]["grade"]["sandbox"], spec["sandbox"]["grade"]["hook"]) == ("full", "asked")
    calls = Path(fleet.places.runs) / shown["run_id"] / "calls.jsonl"
    counted = [json.loads(line) for line in calls.read_text().splitlines()]
    assert len(counted) >= 3, "the gateway counts its model calls"


@each
def test_what_is_refused_does_not_run_and_the_agent_goes_on(fleet: Session, agent: str) -> None:
    project = Path(fleet.places.project)
    (project / f"{agent}-kept").mkdir()
    bad = f"rm -rf {agent}-kept"
    shown, journal = run(fleet, agent, {"shell": bad})
    assert answers(journal) == {bad: False}
    assert (project / f"{agent}-kept").is_dir()
    assert shown["status"] == "done"
    assert shown["result"] == "All done."
    assert any("delete" in record["why"] for record in journal if record["kind"] == "refused")


@each
def test_a_reader_changes_nothing(fleet: Session, agent: str) -> None:
    write = {"write": {"path": f"{agent}-never.txt", "content": "x"}}
    _, journal = run(fleet, f"{agent}-reader", write)
    assert not (Path(fleet.places.project) / f"{agent}-never.txt").exists()
    assert [record for record in journal if record["kind"] == "answered" and record["allow"]] == []


@each
def test_a_conversation_goes_on(fleet: Session, agent: str) -> None:
    with serve_in_thread({"turns": [{"text": "First."}]}) as model:
        words = ("--agent", agent, "--endpoint", model.url, "--timeout", "100", "the first question")
        first = fleet.json("run", *words)
        second = fleet.json("say", first["run_id"], "and then?")
        prompts = [record.prompt for record in model.requests if not record.helper]
    assert (first["status"], second["status"]) == ("done", "done")
    shown = [fleet.json("runs", "show", told["run_id"]) for told in (first, second)]
    assert shown[0]["agent_session"] == shown[1]["agent_session"]
    assert shown[1]["result"] == "First."
    assert any("and then?" in prompt for prompt in prompts)


@each
@pytest.mark.parametrize(("status", "reason"), [(401, "auth"), (429, "rate-limit")])
def test_an_error_of_the_model_is_named(fleet: Session, agent: str, status: int, reason: str) -> None:
    with serve_in_thread({"turns": [{"error": status}]}) as model:
        words = ("--agent", agent, "--endpoint", model.url, "--timeout", "240", "do it")
        found = fleet.json("run", *words, code=1)
    assert (found["status"], found["reason"]) == ("failed", reason)


@each
def test_a_stop_ends_it_all(fleet: Session, agent: str) -> None:
    with serve_in_thread({"turns": [{"shell": "echo $$ > pid-of-it; sleep 639"}]}) as model:
        run_id = fleet.detached("--agent", agent, "--endpoint", model.url, "do it")
        path = Path(fleet.places.project) / "pid-of-it"
        wait_until(path.exists, "the tool works", seconds=60)
        path.unlink()
        fleet.pancode("stop", run_id)
    assert fleet.json("runs", "show", run_id)["status"] == "cancelled"
    mark = f"PANCODE_RUN_ID={run_id}".encode()
    alive = [pid for pid in os.listdir("/proc") if pid.isdecimal() and mark in _environment(pid)]
    assert [pid for pid in alive if is_running(int(pid))] == []


def _environment(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
