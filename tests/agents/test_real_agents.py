"""The five real CLIs, from npm, as workers in real panes, against the scripted model."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.engine import git
from pancode.scripted.server import ScriptedModel, serve_in_thread
from tests.session.conftest import Session, a_session, left_over
from tests.terminal import wait_until

BIN = os.environ.get("PANCODE_AGENTS_BIN", "")
WHY = os.environ.get("PANCODE_AGENTS_WHY", "the real agent CLIs are off: scripts/test --agents")
AGENTS = ("claude-code", "codex", "gemini", "opencode", "copilot")
PATIENCE = "240"
"""Seconds: OpenCode asks an overloaded model for 75 s before it gives up."""
TOOLS = {
    "turns": [
        {"text": "I will run a command.", "shell": "echo shell-output-123 && touch made-by-agent.txt"},
        {"write": {"path": "written.txt", "content": "line one\nline two\n"}},
        {"text": "All done."},
    ]
}

pytestmark = [
    pytest.mark.agents,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not BIN, reason=WHY),
]
each = pytest.mark.parametrize(
    "agent", [pytest.param(agent, marks=pytest.mark.xdist_group(agent)) for agent in AGENTS]
)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Session]:
    """Give a session with the five CLIs in its PATH; not under /tmp, where Codex finds no helpers."""
    with a_session("/var/tmp") as made:
        node = os.path.dirname(shutil.which("node") or "/usr/bin/node")
        made.environment["PATH"] = os.pathsep.join([BIN, node, "/usr/bin", "/bin"])
        git.run(made.places.project, "init", "--quiet", "--initial-branch=main")
        made.pancode("up", "--detach")
        yield made


def run(fleet: Session, agent: str, model: ScriptedModel, code: int = 0) -> dict[str, Any]:
    """Run a task on the agent and give everything that `runs show` knows."""
    words = ("--agent", agent, "--endpoint", model.url, "--timeout", PATIENCE, "do it")
    found = fleet.json("run", *words, code=code)
    shown: dict[str, Any] = fleet.json("runs", "show", found["run_id"])
    assert {key: shown[key] for key in found} == found
    assert_books_are_right(fleet, shown)
    return shown


def assert_books_are_right(fleet: Session, shown: dict[str, Any]) -> None:
    """Check what holds for every run: no unknown record, a whole journal, no process left."""
    assert shown["unknown"] == {}
    journal = fleet.journal(shown["run_id"])
    assert [record["seq"] for record in journal] == list(range(1, len(journal) + 1))
    assert shown["events"] == dict(Counter(record["kind"] for record in journal))
    mark = f"PANCODE_RUN_ID={shown['run_id']}".encode()
    assert [pid for pid in left_over(fleet) if mark in _file(f"/proc/{pid}/environ")] == []


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def assert_usage(shown: dict[str, Any], turns: int) -> None:
    """Check the tokens: 1200 fresh and 800 cached ones in, 34 out (Gemini counts 5 thoughts on top)."""
    usage = shown["usage"]
    assert usage["input"] == 1200 * turns
    assert usage["cache_read"] == 800 * turns
    assert usage["output"] == (39 if shown["agent"] == "gemini" else 34) * turns
    assert usage["cache_write"] in ((100 * turns,) if shown["agent"] == "claude-code" else (0, None))
    assert usage["reasoning"] in (5 * turns, None)


@each
def test_a_plain_answer(fleet: Session, agent: str) -> None:
    with serve_in_thread({"turns": [{"text": "The answer is 42."}]}) as model:
        shown = run(fleet, agent, model)
    assert (shown["status"], shown["reason"], shown["evidence"]["exit"]) == ("done", "completed", 0)
    assert shown["result"] == "The answer is 42."
    assert shown["agent_session"]
    assert_usage(shown, 1)
    assert shown["cost"]["source"] == ("agent" if agent == "claude-code" else "unknown")


@each
def test_a_shell_call_and_a_file(fleet: Session, agent: str) -> None:
    project = Path(fleet.places.project)
    with serve_in_thread(TOOLS) as model:
        shown = run(fleet, agent, model)
    assert (shown["status"], shown["result"]) == ("done", "All done.")
    assert (project / "written.txt").read_text() == "line one\nline two\n"
    (project / "made-by-agent.txt").unlink()
    (project / "written.txt").unlink()
    assert_usage(shown, 3)
    assert shown["usage"]["tool_calls"] == 2
    journal = fleet.journal(shown["run_id"])
    started = [record for record in journal if record["kind"] == "tool_started"]
    assert started[0]["name"] == "shell"
    assert started[1]["name"] in ("write", "edit")  # Codex tells new files and changed ones alike.
    assert "shell-output-123" in str(started[0]["args"])
    finished = {record["id"]: record for record in journal if record["kind"] == "tool_finished"}
    assert "shell-output-123" in finished[started[0]["id"]]["result"]
    assert all(finished[record["id"]]["ok"] is True for record in started)


@each
@pytest.mark.parametrize(("status", "reason"), [(401, "auth"), (429, "rate-limit"), (529, "overload")])
def test_an_http_error_is_named(fleet: Session, agent: str, status: int, reason: str) -> None:
    with serve_in_thread({"turns": [{"error": status}]}) as model:
        shown = run(fleet, agent, model, code=1)
    assert (shown["status"], shown["reason"]) == ("failed", reason)
    assert shown["evidence"]["record"] is not None


@each
def test_a_stream_that_is_cut(fleet: Session, agent: str) -> None:
    with serve_in_thread({"turns": [{"text": "I was about to say something long", "cut": True}]}) as model:
        shown = run(fleet, agent, model, code=1)
    assert (shown["status"], shown["reason"]) == ("failed", "stream-cut")


@each
def test_stop_in_the_middle_of_a_tool(fleet: Session, agent: str) -> None:
    script = {"turns": [{"shell": "setsid sleep 641 & sleep 25"}, {"text": "too late"}]}
    with serve_in_thread(script) as model:
        run_id = fleet.detached("--agent", agent, "--endpoint", model.url, "do it")
        wait_until(lambda: _sleepers(fleet) >= 2, "the tool works", seconds=60)
        fleet.pancode("stop", run_id)
    shown = fleet.json("runs", "show", run_id)
    assert (shown["status"], shown["reason"]) == ("cancelled", "stopped")
    assert_books_are_right(fleet, shown)
    assert _sleepers(fleet) == 0


def _sleepers(fleet: Session) -> int:
    return sum(_file(f"/proc/{pid}/cmdline").startswith(b"sleep\0") for pid in left_over(fleet))


@each
def test_say_goes_on_with_the_conversation(fleet: Session, agent: str) -> None:
    script = {
        "scripts": [{"when": "and then?", "turns": [{"text": "Then this."}]}],
        "turns": [{"text": "First that."}],
    }
    with serve_in_thread(script) as model:
        first = run(fleet, agent, model)
        second = fleet.json("say", first["run_id"], "and then?")
    shown = fleet.json("runs", "show", second["run_id"])
    assert (shown["status"], shown["result"]) == ("done", "Then this.")
    assert shown["continues"] == first["run_id"]
    assert shown["agent_session"] == first["agent_session"]
    assert_usage(shown, 1)
    assert_books_are_right(fleet, shown)


@each
@pytest.mark.parametrize("level", ["auto-edit", "full-auto"])
def test_both_levels_let_the_agent_work(fleet: Session, agent: str, level: str) -> None:
    fleet.pancode("safety", level)
    try:
        with serve_in_thread(TOOLS) as model:
            shown = run(fleet, agent, model)
    finally:
        fleet.pancode("safety", "auto-edit")
    assert shown["grant"]["level"] == level
    assert (Path(fleet.places.project) / "made-by-agent.txt").exists()


@each
def test_a_read_only_agent_changes_nothing(fleet: Session, agent: str) -> None:
    home = Path(fleet.places.home)
    (home / "panagents.yaml").write_text(
        "".join(
            f"  {name}-reader:\n    description: reads\n    runtime: {name}\n    readonly: true\n"
            for name in AGENTS
        ).join(["agents:\n", ""])
    )
    project = Path(fleet.places.project)
    for name in ("made-by-agent.txt", "written.txt"):
        (project / name).unlink(missing_ok=True)
    fleet.pancode("down")
    fleet.pancode("up", "--detach")
    with serve_in_thread(TOOLS) as model:
        words = ("--agent", f"{agent}-reader", "--endpoint", model.url, "--timeout", PATIENCE, "do it")
        found = fleet.json("run", *words, code=None)
    assert found["status"] in ("done", "failed")
    assert not (project / "made-by-agent.txt").exists()
    assert not (project / "written.txt").exists()
