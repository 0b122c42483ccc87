"""The orchestrator's tools over the socket, in a real session, with no model at all."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pancode.core.errors import PanError
from pancode.core.grants import Mode
from pancode.core.tooltable import shown
from pancode.domains.panos.wording import CALLS, definition
from tests.panos.conftest import Turn, audit
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux
FLOW = """\
nodes:
  a: {task: first, agent: echoer}
  b: {task: then, agent: echoer, needs: [a]}
"""


def test_every_row_of_the_table_that_is_not_local_has_its_words() -> None:
    remote = {name for mode in Mode for name in shown(mode, local=False)}
    assert remote == set(CALLS)
    for name in CALLS:
        told = definition(name)
        assert told["description"]
        assert told["parameters"]["type"] == "object"
        assert "title" not in told["parameters"]
    assert "title" in definition("task_write")["parameters"]["properties"]


def test_what_is_shown_follows_the_mode_and_a_call_is_judged_again(turn: Turn) -> None:
    session = turn.session
    assert tuple(turn.tools()) == shown(Mode.BUILD, local=False)
    session.pancode("mode", "plan")
    assert tuple(turn.tools()) == shown(Mode.PLAN, local=False)
    told = turn.call("dispatch_agent", task="x", agent="echoer")
    assert told == {"ok": False, "text": 'refused: plan mode has no tool "dispatch_agent"'}
    session.pancode("mode", "review")
    assert tuple(turn.tools()) == shown(Mode.REVIEW, local=False)
    assert "no tool" in turn.call("task_list")["text"]
    session.pancode("mode", "build")
    session.pancode("safety", "suggest")
    assert tuple(turn.tools()) == shown(Mode.BUILD, local=False)
    assert "suggest starts no workers" in turn.call("shadow_explore", queries=["x"])["text"]
    assert "suggest blocks" in turn.call("task_write", title="x")["text"]
    assert turn.call("task_list")["ok"]
    refused = [record for record in audit(session) if record["decision"] == "blocked"]
    assert [record["tool"] for record in refused] == [
        "dispatch_agent",
        "task_list",
        "shadow_explore",
        "task_write",
    ]
    assert session.status()["totals"]["live"] == 1


def test_a_turn_that_began_in_plan_gets_no_more_when_the_session_goes_to_build(turn: Turn) -> None:
    session = turn.session
    session.pancode("mode", "plan")
    session.pancode("stop", turn.run)
    wait_until(lambda: session.row(turn.run)["state"] == "cancelled", "the first turn ends")
    late = Turn(session, session.detached("--agent", "panos", "talk"))
    session.until_working(late.run)
    session.pancode("mode", "build")
    assert tuple(late.tools()) == tuple(
        name for name in shown(Mode.PLAN, local=False) if name in shown(Mode.BUILD)
    )
    assert "plan mode has no tool" in late.call("dispatch_agent", task="x")["text"]


def test_workers_are_started_below_the_turn_and_their_reports_come_back(turn: Turn) -> None:
    session = turn.session
    told = turn.call("dispatch_agent", task="the fix", agent="echoer", call="same")
    assert told["ok"]
    assert "did: the fix" in told["text"]
    assert turn.call("dispatch_agent", task="the fix", agent="echoer", call="same") == told
    runs = [row for row in session.status()["workers"] if row["agent"] == "echoer"]
    assert [row["parent"] for row in runs] == [turn.run]
    told = turn.call("batch_dispatch", tasks=["one", {"task": "two"}], agent="echoer")
    assert told["ok"]
    assert "did: one" in told["text"]
    assert "did: two" in told["text"]
    steps = [{"task": "a", "agent": "echoer"}, {"task": "b of $ORIGINAL: $INPUT", "agent": "echoer"}]
    told = turn.call("dispatch_chain", steps=steps, originalTask="all")
    assert "did: b of all:" in told["text"]
    assert "did: a" in told["text"].split("s2:")[1]
    flows = Path(session.places.project) / ".pancode" / "teams"
    flows.mkdir(parents=True)
    (flows / "two.yaml").write_text(FLOW)
    assert turn.call("dispatch_chain", flow="two")["ok"]
    told = turn.call("dispatch_chain", flow="../../../etc/hostname")
    assert "there is no flow" in told["text"]
    children = [row for row in session.status()["workers"] if row["run_id"] != turn.run]
    assert {row["parent"] for row in children} == {turn.run}


def test_what_is_wrong_is_a_sentence_for_the_model(turn: Turn) -> None:
    assert "there is no agent" in turn.call("dispatch_agent", task="x", agent="nobody")["text"]
    assert "at most 8 items" in turn.call("batch_dispatch", tasks=["x"] * 9)["text"]
    assert "say what is to be done" in turn.call("dispatch_agent")["text"]
    assert "Extra inputs" in turn.call("dispatch_agent", task="x", yes=True)["text"]
    assert turn.call("rm_rf")["text"] == 'refused: there is no tool "rm_rf"'
    told = turn.call("dispatch_agent", task="git push --force", agent="shell")
    assert not told["ok"]
    with pytest.raises(PanError, match="no turn"):
        Turn(turn.session, "zzz").tools()
    worker = turn.session.detached("--agent", "sleeper", "x")
    with pytest.raises(PanError, match="is a worker's"):
        Turn(turn.session, worker).tools()


def test_scouts_report_within_their_budget_and_may_go_out_in_plan_mode(turn: Turn) -> None:
    turn.session.pancode("mode", "plan")
    told = turn.call("shadow_explore", queries=["where is a", "where is b"], depth="shallow")
    assert told["ok"], told
    assert "1. where is a" in told["text"]
    assert "FOUND where is b" in told["text"]
    rows = [row for row in turn.session.status()["workers"] if row["agent"] == "pan-scout"]
    assert [row["read_only"] for row in rows] == [True, True]
    assert "at most 4" in turn.call("shadow_explore", queries=["x"] * 5)["text"]


def test_a_call_that_raises_anything_asks_the_operator(turn: Turn) -> None:
    session = turn.session
    assert turn.call("pan_apply_config", key="safety", value="suggest")["ok"]
    assert session.status()["safety"] == "suggest"
    session.pancode("safety", "auto-edit")
    waiting = turn.begin("pan_apply_config", key="runtime.safety", value="full-auto")
    wait_until(lambda: session.json("approvals")["questions"], "the question")
    (question,) = session.json("approvals")["questions"]
    assert question["what"] == "pancode safety full-auto"
    assert session.status()["safety"] == "auto-edit"
    session.pancode("deny", question["id"], "--because", "not today")
    told = turn.answer(waiting)
    assert not told["ok"]
    assert "not today" in told["text"]
    assert session.status()["safety"] == "auto-edit"
    waiting = turn.begin("pan_apply_config", key="budget.session", value=5)
    assert turn.answer(waiting)["ok"]
    waiting = turn.begin("pan_apply_config", key="budget.session", value=50)
    wait_until(lambda: session.json("approvals")["questions"], "the second question")
    session.pancode("approve", turn.run)
    assert turn.answer(waiting)["ok"]
    assert session.json("budget")["limits"][0]["limit"]["usd"] == 50
    words = [(one["tool"], one["decision"]) for one in audit(session) if one["tool"] == "pan_apply_config"]
    assert ("pan_apply_config", "denied") in words
    assert ("pan_apply_config", "approved") in words


def test_settings_are_read_and_changed_and_what_is_admins_is_asked(turn: Turn) -> None:
    told = turn.call("pan_read_config")["text"]
    assert "mode = build" in told
    assert "runtime.theme = dark" in told
    assert turn.call("pan_apply_config", key="runtime.theme", value="light")["ok"]
    assert "runtime.theme = light" in turn.call("pan_read_config", domain="runtime")["text"]
    assert "no key" in turn.call("pan_apply_config", key="runtime.thema", value="light")["text"]
    assert not turn.call("pan_apply_config", key="runtime.theme", value="pink")["ok"]
    assert turn.call("pan_read_config", domain="shared")["text"] == "nothing is shared"
    assert turn.call("pan_apply_config", key="shared/notes/plan", value="first the tests")["ok"]
    (entry,) = turn.session.json("share", "list", "notes")["entries"]
    assert (entry["value"], entry["parts"][-1]["by"]) == ("first the tests", turn.run)
    assert f"= first the tests (by {turn.run})" in turn.call("pan_read_config", domain="shared")["text"]
    assert turn.call("pan_read_config", domain="shared/notes/plan")["text"].endswith("first the tests")
    assert turn.call("pan_apply_config", key="shared/notes/plan", value=None)["ok"]
    assert "nothing is shared as" in turn.call("pan_read_config", domain="shared/notes/plan")["text"]
    waiting = turn.begin("pan_apply_config", key="dispatch.maxDepth", value=9)
    wait_until(lambda: turn.session.json("approvals")["questions"], "the question")
    turn.session.pancode("deny", turn.run)
    assert "said no" in turn.answer(waiting)["text"]


def test_its_own_runs_it_stops_with_its_turn_and_about_others_it_asks(turn: Turn) -> None:
    session = turn.session
    assert turn.call("dispatch_agent", task="long", agent="sleeper", wait=False)["ok"]
    own = next(row["run_id"] for row in session.status()["workers"] if row["parent"] == turn.run)
    assert "stopped" in turn.call("dispatch_agent", stop=own)["text"]
    wait_until(lambda: session.row(own)["state"] == "cancelled", "it ends")
    assert "cancelled" in turn.call("dispatch_agent", run=own)["text"]
    other = session.detached("--agent", "sleeper", "mine")
    waiting = turn.begin("dispatch_agent", stop=other)
    wait_until(lambda: session.json("approvals")["questions"], "the question")
    assert session.row(other)["state"] in ("starting", "working")
    session.pancode("approve", turn.run)
    assert turn.answer(waiting)["ok"]
    wait_until(lambda: session.row(other)["state"] == "cancelled", "it ends, too")
    turn.call("dispatch_agent", task="one", agent="sleeper", wait=False)
    turn.call("dispatch_agent", task="kept", agent="sleeper", wait=False, keep=True)
    turn.call("batch_dispatch", tasks=["a", "b"], agent="sleeper", concurrency=1, wait=False)
    assert "keep is for" in turn.call("dispatch_agent", task="x", run="k3f", keep=True)["text"]
    waiting = turn.begin("pan_apply_config", key="mode", value="admin")
    wait_until(lambda: session.json("approvals")["questions"], "another question")

    def live() -> set[str]:
        rows = session.status()["workers"]
        return {row["task"] for row in rows if row["agent"] == "sleeper" and row["ended"] is None}

    wait_until(lambda: len(live()) == 3, "all work")
    told = session.json("stop")
    assert [run["agent"] for run in told["stopped"]] == ["sleeper", "sleeper"]
    assert len(told["flows"]) == len(told["kept"]) == 1
    wait_until(lambda: live() == {"kept"}, "the others end")
    assert "the turn has ended" in turn.answer(waiting)["text"]
    assert session.json("approvals")["questions"] == []
    session.pancode("stop", code=2)
    assert "no turn of Panos's is under way" in session.last_error


def test_the_board_is_the_sessions(turn: Turn) -> None:
    told = turn.call("task_write", title="mend the tests")
    (task,) = turn.session.json("task", "list")["tasks"]
    assert (task["title"], task["author"]) == ("mend the tests", turn.run)
    assert turn.call("task_update", id=task["id"], status="doing")["text"].endswith("[doing] mend the tests")
    assert turn.call("task_check", id=task["id"])["ok"]
    assert "[done]" in turn.call("task_list")["text"]
    assert told["ok"]


def test_a_call_goes_on_over_the_death_of_the_controller(turn: Turn) -> None:
    session = turn.session
    link = turn.begin("dispatch_agent", task="long", agent="sleeper")
    wait_until(lambda: any(row["agent"] == "sleeper" for row in session.status()["workers"]), "the worker")
    (worker,) = (row["run_id"] for row in session.status()["workers"] if row["agent"] == "sleeper")
    turn.call("task_write", call="w", title="once")
    assert "no conversation" in turn.call("dispatch_agent", run=worker, task="and more")["text"]
    with turn.begin("pan_apply_config", key="safety", value="full-auto"):
        wait_until(lambda: session.json("approvals")["questions"], "the question")
    earlier = session.json("approvals")["questions"][0]["id"]
    controller = session.status()["controller"]["pid"]
    os.kill(controller, signal.SIGKILL)
    with link, pytest.raises((OSError, ValueError)):
        json.loads(link.recv(100))
    wait_until(lambda: session.status()["controller"]["pid"] != controller, "a new controller")
    turn.call("task_write", call="w", title="once")
    assert len(session.json("task", "list")["tasks"]) == 1
    with turn.begin("pan_apply_config", key="mode", value="admin"):
        wait_until(lambda: session.json("approvals")["questions"], "another question")
    assert session.json("approvals")["questions"][0]["id"] != earlier
    again = socket.socket(socket.AF_UNIX)
    again.settimeout(60)
    again.connect(session.places.socket)
    asked = {"run": turn.run, "call": "c1", "tool": "dispatch_agent"}
    asked["args"] = {"task": "long", "agent": "sleeper"}  # type: ignore[assignment]
    again.sendall(json.dumps({"id": 1, "verb": "panos_call", "args": asked}).encode() + b"\n")
    (worker,) = (row for row in session.status()["workers"] if row["agent"] == "sleeper")
    session.pancode("stop", worker["run_id"])
    told = turn.answer(again)
    assert f"run {worker['run_id']} (sleeper): cancelled" in told["text"]


def test_a_worker_is_not_listened_to(turn: Turn) -> None:
    code = (
        "import json, socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        f' s.sendall(json.dumps({{"id": 1, "verb": "panos_tools", "args": {{"run": "{turn.run}"}}}}).encode()'
        ' + b"\\n"); print(s.recv(65536).decode())'
    )
    path = Path(turn.session.places.project) / "ask.py"
    path.write_text(code)
    outside = subprocess.run(
        [sys.executable, str(path), turn.session.places.socket], check=True, capture_output=True, text=True
    )
    assert "pan_read_config" in outside.stdout
    command = f"{sys.executable} {path} {turn.session.places.socket} > told.txt 2>&1; true"
    turn.session.pancode("run", "--agent", "shell", command, "--yes", code=None)
    told = Path(turn.session.places.project) / "told.txt"
    assert "pan_read_config" not in (told.read_text() if told.exists() else "")


def test_with_no_model_there_is_a_sentence_and_the_verbs_work(turn: Turn) -> None:
    session = turn.session
    home = Path(session.places.home)
    home.joinpath("panagents.yaml").write_text("agents: {}\n")
    session.pancode("stop", turn.run)
    wait_until(lambda: session.row(turn.run)["state"] == "cancelled", "the turn ends")
    session.environment["PANCODE_MODEL"] = "nowhere/none"
    session.pancode("ask", "hello", code=10)
    assert "Panos has no model: " in session.last_error
    assert "pancode config set models.orchestrator" in session.last_error
    assert session.json("run", "--agent", "shell", "true")["status"] == "done"
