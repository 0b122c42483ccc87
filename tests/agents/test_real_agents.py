"""The five real CLIs, from npm, as workers in real panes and sandboxes, against the scripted model."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pancode.scripted.server import serve_in_thread
from tests.agents.conftest import (
    ACP,
    BAD_ENDS,
    PATIENCE,
    READS,
    REAL,
    BadEnds,
    Talk,
    answers,
    each,
    each_of,
    file_of,
    group_of,
    shown_with_books,
)
from tests.session.conftest import Session, left_over
from tests.session.test_gateway import calls, gateway_of, until_ended
from tests.terminal import wait_until

pytestmark = REAL
TalkWith = Callable[[str], Talk]
WRITES = {
    "turns": [
        {"shell": "touch made-by-a-reader.txt"},
        {"write": {"path": "written-by-a-reader.txt", "content": "line one\n"}},
        {"text": "All done."},
    ]
}
LONG = {
    "turns": [
        {"shell": "echo one"},
        {"text": "a few words that take their time", "pace": 0.4, "shell": "echo two"},
        {"text": "All done."},
    ]
}


def assert_usage(shown: dict[str, Any], agent: str, turns: int) -> None:
    """Check the tokens: 1200 fresh and 800 cached ones in, 34 out (Gemini counts 5 thoughts on top)."""
    usage = shown["usage"]
    assert usage["input"] == 1200 * turns
    assert usage["cache_read"] == 800 * turns
    assert usage["output"] == (39 if agent == "gemini" else 34) * turns
    assert usage["cache_write"] in ((100 * turns,) if agent == "claude-code" else (0, None))
    assert usage["reasoning"] in (5 * turns, None)


@each
def test_a_shell_call_and_a_file(fleet: Session, talk_with: TalkWith, agent: str) -> None:
    talk, project = talk_with(agent), Path(fleet.places.project)
    assert (talk.first["status"], talk.first["result"]) == ("done", "All done.")
    assert talk.first["grant"]["level"] == "auto-edit"
    assert (project / f"{agent}-made.txt").exists()
    assert (project / f"{agent}-w.txt").read_text() == "line one\nline two\n"
    tools = 5 + (agent in READS)
    assert_usage(talk.first, agent, tools + 1)
    told = tools - (agent == "codex")  # Codex counts no call that was refused.
    assert talk.first["usage"]["tool_calls"] == told
    started = [record for record in talk.journal if record["kind"] == "tool_started"]
    assert started[0]["name"] == "shell"
    assert started[1]["name"] in ("write", "edit")  # Codex tells new files and changed ones alike.
    assert "shell-output-123" in str(started[0]["args"])
    finished = talk.finished()
    assert "shell-output-123" in finished[0]["result"]
    assert [record["ok"] for record in finished[:2]] == [True, True]


@each
def test_every_call_is_asked_about_and_a_refused_one_does_not_run(
    fleet: Session, talk_with: TalkWith, agent: str
) -> None:
    talk = talk_with(agent)
    commands = talk.commands
    assert answers(talk.journal) == {command: name != "bad" for name, command in commands.items()}
    assert (Path(fleet.places.project) / f"{agent}-kept").is_dir()
    spec = json.loads((Path(fleet.places.runs) / talk.first["run_id"] / "spec.json").read_text())
    assert (spec["sandbox"]["grade"]["sandbox"], spec["sandbox"]["grade"]["hook"]) == ("full", "asked")
    told = [record for record in talk.journal if record["kind"] == "refused"]
    assert any("delete" in record["why"] for record in told)


@each
def test_the_agent_sees_its_own_home_alone_and_its_settings_can_not_be_changed(
    talk_with: TalkWith, agent: str
) -> None:
    told = json.dumps(talk_with(agent).journal)
    assert "dekool" in told
    assert "secret-of-the-operator" not in told
    assert "settings-written" not in told


@each
def test_the_key_is_nowhere_in_the_run(fleet: Session, talk_with: TalkWith, agent: str) -> None:
    talk = talk_with(agent)
    assert {request.key for request in talk.requests} == {"mine"}
    for shown in (talk.first, talk.second):
        folder = Path(fleet.places.runs) / shown["run_id"]
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert [path for path in files if b"the-real-key" in path.read_bytes()] == []
    assert "PANCODE_RUN_ID=" in json.dumps(talk.journal), "the agent has told its environment"
    meter = talk.first["meter"]
    assert (meter["by"], meter["calls"]) == ("gateway", 6 + (agent in READS))
    assert meter["difference"] is None


@each
def test_say_goes_on_with_the_conversation(talk_with: TalkWith, agent: str) -> None:
    talk = talk_with(agent)
    shown = talk.second
    assert (shown["status"], shown["reason"], shown["evidence"]["exit"]) == ("done", "completed", 0)
    assert shown["result"] == "Then this."
    assert shown["continues"] == talk.first["run_id"]
    assert shown["agent_session"]
    assert shown["agent_session"] == talk.first["agent_session"]
    assert_usage(shown, agent, 1)
    assert shown["cost"]["source"].startswith("agent" if agent == "claude-code" else "genai-prices ")


@each
def test_an_agent_reads_its_skill(fleet: Session, talk_with: TalkWith, agent: str) -> None:
    talk = talk_with(agent)
    assert ".Bars use" in (Path(fleet.places.project) / f"{agent}-told.txt").read_text()
    told = [record.system + record.prompt for record in talk.requests if not record.helper]
    assert any("tables: draws tables from lists" in text for text in told)


@each_of(READS)
def test_a_clis_own_tool_reads_it_too(talk_with: TalkWith, agent: str) -> None:
    finished = talk_with(agent).finished()[-1]
    assert (finished["name"], finished["ok"]) == ("read", True)
    if agent != "gemini":  # It says that it has read, and not what.
        assert "esu sraB" in finished["result"]


@each
def test_stop_in_the_middle_of_a_tool(fleet: Session, agent: str) -> None:
    script = {"turns": [{"shell": "setsid sleep 641 & sleep 25"}, {"text": "too late"}]}
    with serve_in_thread(script) as model:
        run_id = fleet.detached("--agent", agent, "--endpoint", model.url, "do it")
        wait_until(lambda: _sleepers(fleet) >= 2, "the tool works", seconds=100)
        fleet.pancode("stop", run_id)
    shown = shown_with_books(fleet, run_id)
    assert (shown["status"], shown["reason"]) == ("cancelled", "stopped")
    assert _sleepers(fleet) == 0


def _sleepers(fleet: Session) -> int:
    return sum(file_of(pid, "cmdline").startswith(b"sleep\0") for pid in left_over(fleet))


@each
def test_a_read_only_agent_changes_nothing(fleet: Session, agent: str) -> None:
    project = Path(fleet.places.project)
    with serve_in_thread(WRITES) as model:
        words = ("--agent", f"{agent}-reader", "--endpoint", model.url, "--timeout", PATIENCE, "do it")
        found = fleet.json("run", *words, code=None)
    assert found["status"] in ("done", "failed")
    assert not (project / "made-by-a-reader.txt").exists()
    assert not (project / "written-by-a-reader.txt").exists()


@each
def test_a_host_behind_tls_is_reached_through_the_proxy_or_not_at_all(
    without_gateway: Session, agent: str
) -> None:
    fleet = without_gateway
    words = ("--agent", agent, "--endpoint", "https://api.example.test", "--timeout", "100", "do it")
    run_id = fleet.detached(*words)

    def hosts() -> set[str]:
        return {record["host"] for record in fleet.journal(run_id) if record["kind"] == "net"}

    # Some of them wait for ever for a network that doesn't come, and some give up.
    wait_until(lambda: hosts() == {"api.example.test"}, "it asks the proxy", seconds=90)
    fleet.pancode("stop", run_id, code=None)
    assert fleet.json("runs", "show", run_id)["status"] in ("failed", "cancelled")
    assert hosts() == {"api.example.test"}


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        pytest.param(agent, reason, marks=pytest.mark.xdist_group(group_of(agent)))
        for agent, reason in BAD_ENDS
    ],
)
def test_a_bad_end_is_named(bad_ends: BadEnds, agent: str, reason: str) -> None:
    shown = bad_ends.of(agent, reason)
    assert (shown["status"], shown["reason"]) == ("failed", reason)
    assert agent in ACP or reason == "stream-cut" or shown["evidence"]["record"] is not None


@each
def test_a_gateway_killed_in_the_middle_of_an_answer_costs_no_run(fleet: Session, agent: str) -> None:
    with serve_in_thread(LONG) as model:
        run = fleet.detached("--agent", agent, "--endpoint", model.url, "--timeout", PATIENCE, "do it")
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
