"""Questions of real workers: held, shown, answered by command, by deadline, by nobody; through restarts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import Session
from tests.terminal import wait_until

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="needs bwrap"),
]

ADAPTER = '''
"""An agent that asks before each tool call of its task, and says what came of it."""

ID, NAME, BINARY, INSTALL = "asker", "Asker", "sh", "nothing to install"
VERSIONS, VERSION_ARGS, SECRETS, PASS_ENV, READS = ("1",), ("-c", "echo 1"), (), (), ()
CAN = frozenset()
PROGRAM = """
import json, subprocess, sys
hook = sys.argv[2]
for tool in sys.argv[1].split(";"):
    action = json.dumps({"tool": tool.strip()})
    done = subprocess.run(hook, shell=True, input=action, text=True, capture_output=True)
    word = "did" if done.returncode == 0 else "left"
    told = (tool.strip() + ": " + done.stderr.strip()).rstrip()
    print(json.dumps({"type": word, "value": told}), flush=True)
print(json.dumps({"type": "end"}), flush=True)
"""


def launch(request):
    command = request["hook"]["command"] if request["hook"] else "exit 2"
    argv = [PYTHON, "-I", "-S", "-c", PROGRAM, request["task"], command]
    return {"argv": argv, "env": {}, "secret_env": {}, "files": {}}


def hook_asks(payload):
    tool = payload["tool"]
    return {"tool": "shell", "command": tool} if tool.startswith("git ") else {"tool": tool}


def hook_says(allow, why):
    return {"out": "", "err": "" if allow else why, "exit": 0 if allow else 2}


class Session:
    def __init__(self, previous=None):
        self.said = []

    def feed(self, record):
        if record["type"] == "end":
            yield {"kind": "finished", "ok": True, "result": "\\n".join(self.said)}
        else:
            self.said.append(record["type"] + " " + record["value"])
            yield {"kind": "text", "text": self.said[-1]}

    def noise(self, line):
        return []

    def end(self, files):
        return []
'''
POPUP_IS_DEAF = 0.8
"""Seconds, and some more, in which the popup takes no key."""
AGENTS = """
agents:
  asker:
    description: Asks about each word of its task
    runtime: asker
"""


@pytest.fixture
def asking(no_session: Session) -> Session:
    """Give a session at full-auto with an agent that asks; a tool that nobody knows is asked about there."""
    home = Path(no_session.places.home)
    (home / "adapters").mkdir(parents=True)
    (home / "adapters" / "asker.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home / "panagents.yaml").write_text(AGENTS)
    no_session.pancode("up", "--detach")
    no_session.pancode("safety", "full-auto")
    return no_session


def start(session: Session, task: str, *words: str) -> str:
    return session.detached("--agent", "asker", "--safety", "full-auto", *words, task)


def after(seconds: float) -> None:
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > seconds, "time passes")


def open_questions(session: Session) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = session.json("approvals")["questions"]
    return found


def until_asked(session: Session, count: int = 1) -> list[dict[str, Any]]:
    wait_until(lambda: len(open_questions(session)) == count, f"{count} questions")
    return open_questions(session)


def result(session: Session, run: str) -> dict[str, Any]:
    wait_until(lambda: session.row(run)["reason"] is not None, f"{run} ends")
    found: dict[str, Any] = session.json("runs", "show", run)
    return found


def decisions(session: Session, run: str) -> list[tuple[str, str]]:
    lines = (Path(session.places.home) / "audit.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [(one["decision"], one["by"]) for one in records if one["run"] == run]


def test_an_action_is_held_until_somebody_says_yes(asking: Session) -> None:
    run = start(asking, "deploy")
    [question] = until_asked(asking)
    assert (question["id"], question["run_id"], question["tool"]) == (f"{run}.a1", run, "deploy")
    assert (question["class"], question["rule"]) == ("not_understood", "unknown-tool")
    assert 0 < question["remaining_s"] <= 600
    row = asking.row(run)
    assert (row["state"], row["state_source"]) == ("asking", "controller")
    assert [one["id"] for one in row["questions"]] == [f"{run}.a1"]
    assert asking.status()["totals"]["waiting"] == 1
    assert "asker" in asking.pancode("approvals", run)
    assert asking.pancode("approve", run).strip() == f"approved {run}.a1"
    found = result(asking, run)
    assert (found["status"], found["result"]) == ("done", "did deploy:")
    assert decisions(asking, run) == [("asked", "policy"), ("approved", "operator")]
    assert asking.status()["totals"]["waiting"] == 0
    asking.pancode("approve", f"{run}.a1", code=11)


def test_a_no_tells_the_agent_why_and_it_goes_on(asking: Session) -> None:
    run = start(asking, "deploy")
    until_asked(asking)
    asking.pancode("deny", f"{run}.a1", "--because", "not on a Friday")
    found = result(asking, run)
    assert (found["status"], found["result"]) == ("done", "left deploy: not on a Friday")
    assert decisions(asking, run) == [("asked", "policy"), ("denied", "operator")]


def test_several_questions_are_answered_one_by_one_or_all_together(asking: Session) -> None:
    runs = [start(asking, "deploy"), start(asking, "publish")]
    ids = {one["id"] for one in until_asked(asking, 2)}
    assert ids == {f"{run}.a1" for run in runs}
    asking.pancode("deny", f"{runs[1]}.a1")
    [left] = until_asked(asking)
    assert left["run_id"] == runs[0]
    asking.pancode("approve", runs[0], "--all")
    assert result(asking, runs[0])["result"] == "did deploy:"


def test_always_for_this_run_asks_once_and_another_run_anew(asking: Session) -> None:
    run = start(asking, "deploy; deploy; publish")
    until_asked(asking)
    asking.pancode("approve", run, "--always-for-this-run")
    wait_until(lambda: [one["tool"] for one in open_questions(asking)] == ["publish"], "the other one")
    asking.pancode("deny", run)
    said = result(asking, run)["result"].splitlines()
    assert [line.split(":")[0] for line in said] == ["did deploy", "did deploy", "left publish"]
    start(asking, "deploy")
    assert until_asked(asking)[0]["tool"] == "deploy"


def test_a_new_controller_asks_again_with_the_same_deadline_and_takes_the_answer(asking: Session) -> None:
    run = start(asking, "deploy")
    [before] = until_asked(asking)
    pid = asking.status()["controller"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: asking.status()["controller"]["pid"] != pid, "another controller")
    [after] = until_asked(asking)
    assert (after["id"], after["deadline"]) == (before["id"], before["deadline"])
    asking.pancode("approve", run)
    assert result(asking, run)["result"] == "did deploy:"


def test_a_lower_level_takes_the_question_back(asking: Session) -> None:
    run = start(asking, "deploy")
    until_asked(asking)
    asking.pancode("safety", "auto-edit")
    found = result(asking, run)
    assert found["result"].startswith("left deploy:")
    assert decisions(asking, run)[-1] == ("blocked", "policy")


def test_nobody_is_asked_below_full_auto(asking: Session) -> None:
    run = asking.detached("--agent", "asker", "--safety", "auto-edit", "deploy")
    assert result(asking, run)["result"].startswith("left deploy:")
    assert decisions(asking, run) == [("blocked", "policy")]


def test_what_nobody_answers_is_denied_at_its_deadline(asking: Session) -> None:
    rules = Path(asking.places.home) / "pansafety.yaml"
    rules.write_text("questions:\n  deadline: 1s\n")
    run = start(asking, "deploy")
    found = result(asking, run)
    assert found["result"].startswith("left deploy: nobody answered within 1 s")
    assert decisions(asking, run) == [("asked", "policy"), ("expired", "deadline")]


def test_the_loop_breaker_stops_who_asks_for_the_same_again_and_again(asking: Session) -> None:
    run = asking.detached("--agent", "asker", "--safety", "auto-edit", "; ".join(["deploy"] * 9))
    found = result(asking, run)
    assert (found["status"], found["reason"]) == ("failed", "loop")
    assert found["evidence"]["record"]["by"] == "loop-breaker"


def test_stopping_a_run_ends_its_question(asking: Session) -> None:
    run = start(asking, "deploy")
    until_asked(asking)
    asking.pancode("stop", run)
    assert open_questions(asking) == []
    asking.pancode("approve", run, code=4)


def test_a_worker_cant_answer(asking: Session) -> None:
    run = start(asking, "deploy")
    until_asked(asking)
    asking.environment["PANCODE_RUN_ID"] = run
    asking.pancode("approve", run, code=5)
    assert "a worker can't answer" in asking.last_error
    del asking.environment["PANCODE_RUN_ID"]
    asking.pancode("deny", run)


def test_an_approved_push_is_done_by_pancode_and_the_agent_is_told_so(asking: Session) -> None:
    project, remote = asking.places.project, asking.base / "remote.git"
    who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (
        ["init", "--quiet", "--bare", str(remote)],
        ["init", "--quiet", "-b", "main"],
        [*who, "commit", "--quiet", "--allow-empty", "-m", "one"],
        ["remote", "add", "origin", str(remote)],
    ):
        subprocess.run(["git", *words], cwd=project, check=True, env=asking.environment)
    run = start(asking, "git push origin main")
    [question] = until_asked(asking)
    assert question["class"] == "git_push"
    asking.pancode("approve", run)
    assert "PanCode has done this for you" in result(asking, run)["result"]
    assert (remote / "refs" / "heads" / "main").exists()


def test_the_popup_takes_a_key_that_is_meant_for_it(asking: Session) -> None:
    screen = asking.terminal("attach")
    try:
        screen.wait_for(r"no workers yet")
        run = start(asking, "deploy; publish")
        screen.wait_for(rf"asker {run}.a1 wants to use deploy")
        assert "denied in" in screen.wait_for(r"\[a\]llow once")
        wait_until(screen.has_rung, "the bell rings")
        after(POPUP_IS_DEAF)
        screen.keys("a")
        screen.wait_for(rf"(?s)asker {run}.a2 wants to use publish.*\[a\]llow once")
        after(POPUP_IS_DEAF)
        screen.keys("D")
        screen.wait_for("denied, because")
        screen.type("too early")
        screen.keys("Enter")
        assert result(asking, run)["result"].splitlines() == ["did deploy:", "left publish: too early"]
        screen.wait_gone("wants to use")
    finally:
        screen.close()


def test_the_asking_run_stands_first_and_is_answered_from_the_fleet(asking: Session) -> None:
    screen = asking.terminal("attach")
    try:
        run = start(asking, "deploy")
        screen.wait_for(r"wants to use deploy")
        after(POPUP_IS_DEAF)
        screen.keys("Escape")
        screen.wait_gone("wants to use")
        screen.wait_for(rf"\? asks +{run} +asker")
        screen.wait_for(r"1 waiting")
        screen.keys("C-b", "u")
        screen.wait_for(r"wants to use deploy")
        after(POPUP_IS_DEAF)
        screen.keys("d")
        assert result(asking, run)["result"].startswith("left deploy:")
    finally:
        screen.close()


def test_the_notifier_gets_each_question(asking: Session) -> None:
    told = Path(asking.places.project) / "told"
    rules = Path(asking.places.home) / "pansafety.yaml"
    rules.write_text(f"questions:\n  notifier: sh -c 'echo \"$0\" >{told}; cat >>{told}'\n")
    run = start(asking, "deploy")
    until_asked(asking)
    wait_until(lambda: told.exists() and "}" in told.read_text(), "the notifier has run")
    first, record = told.read_text().splitlines()
    assert first == f"asker {run} asks: deploy"
    assert json.loads(record)["id"] == f"{run}.a1"
