"""Gemini, OpenCode and Copilot over ACP, in their sandboxes, against the scripted model."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pancode.scripted.server import Record, serve_in_thread
from tests.agents.conftest import ACP, REAL, answers, each_of, file_of
from tests.session.conftest import Session
from tests.terminal import is_running, wait_until

pytestmark = REAL
each = each_of(ACP)


@dataclass(frozen=True)
class Talk:
    """A conversation of two turns: what is allowed, and then what is refused."""

    shown: tuple[dict[str, Any], dict[str, Any]]
    journals: tuple[list[dict[str, Any]], list[dict[str, Any]]]
    fine: str
    bad: str
    requests: tuple[Record, ...]


@pytest.fixture(scope="session")
def talk_with(fleet: Session) -> Callable[[str], Talk]:
    """Give the conversation with an agent, led when it is asked for the first time."""
    return functools.cache(functools.partial(_lead, fleet))


TalkWith = Callable[[str], Talk]


def _lead(fleet: Session, agent: str) -> Talk:
    (Path(fleet.places.project) / f"{agent}-kept").mkdir()
    fine, bad = f"echo out-{agent} > {agent}.txt; cat {agent}.txt", f"rm -rf {agent}-kept"
    script = {
        "scripts": [
            {"when": "PanCode refused", "turns": [{"text": "Then not."}]},
            {"when": "and then?", "turns": [{"shell": bad}, {"text": "Then not."}]},
        ],
        "turns": [
            {"text": "I look.", "shell": fine},
            {"write": {"path": f"{agent}-w.txt", "content": "one\n"}},
            {"text": "All done."},
        ],
    }
    with serve_in_thread(script) as model:
        words = ("--agent", agent, "--endpoint", model.url, "--timeout", "200", "do it")
        first = fleet.json("run", *words)["run_id"]
        second = fleet.json("say", first, "and then?")["run_id"]
        requests = model.requests
    shown = (fleet.json("runs", "show", first), fleet.json("runs", "show", second))
    return Talk(shown, (fleet.journal(first), fleet.journal(second)), fine, bad, requests)


@each
def test_text_a_command_and_a_file(fleet: Session, talk_with: TalkWith, agent: str) -> None:
    project = Path(fleet.places.project)
    talk = talk_with(agent)
    shown, journal = talk.shown[0], talk.journals[0]
    assert (shown["status"], shown["result"], shown["unknown"]) == ("done", "All done.", {})
    assert (project / f"{agent}.txt").read_text() == f"out-{agent}\n"
    assert (project / f"{agent}-w.txt").read_text() == "one\n"
    assert shown["agent_session"]
    assert answers(journal)[talk.fine] is True
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
def test_what_is_refused_does_not_run_and_the_agent_goes_on(
    fleet: Session, talk_with: TalkWith, agent: str
) -> None:
    talk = talk_with(agent)
    assert answers(talk.journals[1]) == {talk.bad: False}
    assert (Path(fleet.places.project) / f"{agent}-kept").is_dir()
    assert (talk.shown[1]["status"], talk.shown[1]["result"]) == ("done", "Then not.")
    assert any("delete" in record["why"] for record in talk.journals[1] if record["kind"] == "refused")


@each
def test_a_conversation_goes_on(talk_with: TalkWith, agent: str) -> None:
    talk = talk_with(agent)
    assert talk.shown[0]["agent_session"] == talk.shown[1]["agent_session"]
    assert any("and then?" in record.prompt for record in talk.requests if not record.helper)


@each
def test_a_reader_changes_nothing(fleet: Session, agent: str) -> None:
    write = {"write": {"path": f"{agent}-never.txt", "content": "x"}}
    after = {"when": "PanCode refused", "turns": [{"text": "All done."}]}
    with serve_in_thread({"turns": [write, {"text": "All done."}], "scripts": [after]}) as model:
        words = ("--agent", f"{agent}-reader", "--endpoint", model.url, "--timeout", "200", "do it")
        found = fleet.json("run", *words)
    assert not (Path(fleet.places.project) / f"{agent}-never.txt").exists()
    journal = fleet.journal(found["run_id"])
    assert [record for record in journal if record["kind"] == "answered" and record["allow"]] == []


@each
def test_a_stop_ends_it_all(fleet: Session, agent: str) -> None:
    with serve_in_thread({"turns": [{"shell": "echo $$ > pid-of-it; sleep 639"}]}) as model:
        run_id = fleet.detached("--agent", agent, "--endpoint", model.url, "do it")
        path = Path(fleet.places.project) / "pid-of-it"
        wait_until(path.exists, "the tool works", seconds=100)
        path.unlink()
        fleet.pancode("stop", run_id)
    assert fleet.json("runs", "show", run_id)["status"] == "cancelled"
    mark = f"PANCODE_RUN_ID={run_id}".encode()
    alive = [pid for pid in os.listdir("/proc") if pid.isdecimal() and mark in file_of(pid, "environ")]
    assert [pid for pid in alive if is_running(int(pid))] == []
