"""Agents on SDKs, as workers in real panes and sandboxes, against the scripted model: all the same tests."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
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
REAL = (pytest.mark.agents, pytest.mark.skipif(not BIN, reason=WHY))
NODE = os.environ.get("PANCODE_NODE_BIN", "")
NO_NODE = os.environ.get("PANCODE_NODE_WHY", WHY)
CLAUDE = pytest.param("claude-sdk", marks=REAL)
MASTRA = pytest.param("mastra", marks=(pytest.mark.agents, pytest.mark.skipif(not NODE, reason=NO_NODE)))
RUNTIMES = ["openai-agents", CLAUDE, MASTRA]
each = pytest.mark.parametrize("runtime", RUNTIMES)
PATIENCE = "100"

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.timeout(200),
    pytest.mark.xdist_group("sdk"),
    pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="needs bwrap"),
]

FINE = "echo shell-output-123 && python3 look.py"
LOOK = """
import json, os, subprocess, sys, time

def opened(path):
    try:
        os.close(os.open(path, os.O_RDONLY if path.endswith("environ") else os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.strerror
    return "opened"

def seen(pid):
    found = {"environ": opened(f"/proc/{pid}/environ")}
    try:
        every = [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
        pipes = [fd for fd in every if os.readlink(fd).startswith("pipe:")]
    except OSError as error:
        return {**found, "pipes": error.strerror}
    return {**found, "pipes": sorted(set(map(opened, pipes)))}

def read(pid, what):
    with open(f"/proc/{pid}/{what}", "rb") as file:
        return file.read()

found, named = {}, []
wait = [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()", "as-it-was"]
with subprocess.Popen(wait, stdin=-1, stdout=-1, env={"PANCODE_BRIDGE_KEY": "x"}) as control:
    control.stdout.readline()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = read(pid, "cmdline")
        for word in (b"as-it-was", b"pancode.bridges", b"worker/tools/boot.py"):
            if word in words and int(pid) != os.getpid():
                found[word.decode()] = seen(pid)
        if opened(f"/proc/{pid}/environ") == "opened" and b"BRIDGE_KEY" in read(pid, "environ"):
            named.append(words.decode().split("\\0")[-2])
    control.stdin.close()
json.dump({"found": found, "named": named}, open("made.txt", "w"))
"""
"""What a tool's child may find out of the processes above it, and of one that takes no care."""
BAD = "rm -rf kept"
TOOLS = {
    "turns": [
        {"text": "I will run a command.", "shell": FINE},
        {"shell": BAD},
        {"write": {"path": "written.txt", "content": "line one\nline two\n"}},
        {"text": "All done."},
    ]
}
ENDS = {
    "auth": {"error": 401},
    "stream-cut": {"text": "I was about to say something long", "cut": True},
}
"""How a model may fail, by the reason that a run has then."""
OWN_TOOLS = [name for name in RUNTIMES if name != CLAUDE]
"""Those whose tools are PanCode's."""
NAMES = ("openai-agents", "claude-sdk", "mastra")
AGENTS = "agents:\n" + "".join(
    f"  {name}-reader: {{runtime: {name}, readonly: true}}\n"
    f"  {name}-blind: {{runtime: {name}, tools: [read]}}\n"
    f"  {name}-brief: {{runtime: {name}, max_turns: 2}}\n"
    for name in NAMES
)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Session]:
    """Give a session at auto-edit, with the real CLIs in its PATH where they are."""
    with a_session("/var/tmp") as made:
        node = NODE or os.path.dirname(shutil.which("node") or "/usr/bin/node")
        made.environment["PATH"] = os.pathsep.join([*([BIN] if BIN else []), node, "/usr/bin", "/bin"])
        home = Path(made.places.home)
        home.mkdir(mode=0o700)
        (home / "panagents.yaml").write_text(AGENTS)
        git.run(made.places.project, "init", "--quiet", "--initial-branch=main")
        if NODE:
            install_mastra(made)
        made.pancode("up", "--detach")
        made.pancode("budget", "set", "at-limit", "stop")
        yield made


BadEnds = dict[tuple[str, str], tuple[str, ScriptedModel]]


@pytest.fixture(scope="module")
def bad_ends(fleet: Session) -> Iterator[BadEnds]:
    """Give the runs whose models fail, by runtime and reason: begun together, for some ask again for long.

    Of agents that only read: beside one that writes, all others would work in clones of their own.
    """
    here = ["openai-agents", *(["claude-sdk"] if BIN else []), *(["mastra"] if NODE else [])]
    with contextlib.ExitStack() as stack:
        found: BadEnds = {}
        for runtime in here:
            for reason, turn in ENDS.items():
                model = stack.enter_context(serve_in_thread({"turns": [turn]}))
                words = (
                    "--agent",
                    f"{runtime}-reader",
                    "--endpoint",
                    model.url,
                    "--timeout",
                    PATIENCE,
                    "do it",
                )
                found[runtime, reason] = (fleet.detached(*words), model)
        yield found


def install_mastra(session: Session) -> None:
    """Install it as a person does, with npm and certificates set as for the tests."""
    own = os.path.expanduser("~")
    session.environment |= {"npm_config_userconfig": f"{own}/.npmrc", "npm_config_cache": f"{own}/.npm"}
    for name, text in os.environ.items():
        if name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE") or name.lower().endswith("_proxy"):
            session.environment[name] = text
    assert "installed into" in session.pancode("runtimes", "install", "mastra")


def run(
    fleet: Session, agent: str, model: ScriptedModel, *words: str, code: int | None = 0
) -> dict[str, Any]:
    """Run a task and give everything that `runs show` knows."""
    options = ("--agent", agent, "--endpoint", model.url, "--timeout", PATIENCE)
    found = fleet.json("run", *options, *words, "do it", code=code)
    return shown_with_books(fleet, found["run_id"])


def shown_with_books(fleet: Session, run_id: str) -> dict[str, Any]:
    """Give the run, and check what holds for each: known records, a whole journal, no process left."""
    shown: dict[str, Any] = fleet.json("runs", "show", run_id)
    journal = fleet.journal(run_id)
    assert shown["unknown"] == {}
    assert [record["seq"] for record in journal] == list(range(1, len(journal) + 1))
    assert shown["events"] == dict(Counter(record["kind"] for record in journal))
    mark = f"PANCODE_RUN_ID={run_id}".encode()
    assert [pid for pid in left_over(fleet) if mark in _file(f"/proc/{pid}/environ")] == []
    return shown


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def answers(journal: list[dict[str, Any]]) -> dict[str, bool]:
    """Give command or tool -> what was answered."""
    asked = {record["id"]: record["action"] for record in journal if record["kind"] == "asked"}
    answered = [record for record in journal if record["kind"] == "answered"]
    return {asked[one["id"]].get("command", asked[one["id"]]["tool"]): one["allow"] for one in answered}


@each
@pytest.mark.usefixtures("bad_ends")  # They wait, and are looked at in the end.
def test_each_call_is_asked_about_and_a_refused_one_does_not_run(fleet: Session, runtime: str) -> None:
    project = Path(fleet.places.project)
    (project / "kept").mkdir(exist_ok=True)
    (project / "look.py").write_text(LOOK)
    with serve_in_thread(TOOLS) as model:
        shown = run(fleet, runtime, model)
    assert (shown["status"], shown["result"], shown["evidence"]["exit"]) == ("done", "All done.", 0)
    journal = fleet.journal(shown["run_id"])
    assert answers(journal) == {FINE: True, BAD: False, "write": True}
    assert (project / "written.txt").read_text() == "line one\nline two\n"
    assert (project / "kept").is_dir()
    looked = json.loads((project / "made.txt").read_text())
    assert looked["named"] == ["as-it-was"]
    assert looked["found"].pop("as-it-was") == {"environ": "opened", "pipes": ["opened"]}
    nothing = {"environ": "Permission denied", "pipes": "Permission denied"}
    above = ["pancode.bridges"] if runtime == "claude-sdk" else ["pancode.bridges", "worker/tools/boot.py"]
    assert looked["found"] == dict.fromkeys(above, nothing)
    (project / "made.txt").unlink()
    (project / "written.txt").unlink()
    usage = shown["usage"]
    assert (usage["input"], usage["output"], usage["cache_read"]) == (4800, 136, 3200)
    assert (usage["turns"], usage["tool_calls"]) == (4, 3)
    started = [record["name"] for record in journal if record["kind"] == "tool_started"]
    assert started == ["shell", "shell", "write"]
    finished = [(one["ok"], one["result"]) for one in journal if one["kind"] == "tool_finished"]
    assert [ok for ok, _ in finished] == [True, False, True]
    assert "shell-output-123" in finished[0][1]
    assert "delete" in finished[1][1]
    assert any(record.get("delta") for record in journal if record["kind"] == "text")
    refused = [record for record in journal if record["kind"] == "refused"]
    assert len(refused) == 1
    assert "delete" in refused[0]["why"]
    receipt = fleet.json("receipt", shown["run_id"], "--verify")
    assert receipt["wrong"] == []
    assert receipt["receipt"]["spent"]["counted_by"] == "gateway"
    spent = receipt["receipt"]["spent"]["usd"]
    row = next(row for row in fleet.json("runs")["runs"] if row["run_id"] == shown["run_id"])
    assert row["cost"]["usd"] == fleet.json("runs", "show", shown["run_id"])["cost"]["usd"] == spent > 0


@each
def test_stop_in_the_middle_of_a_tool_leaves_nothing(fleet: Session, runtime: str) -> None:
    script = {"turns": [{"shell": "setsid sleep 641 & sleep 25"}, {"text": "too late"}]}
    with serve_in_thread(script) as model:
        run_id = fleet.detached("--agent", runtime, "--endpoint", model.url, "do it")
        wait_until(lambda: _sleepers(fleet) >= 2, "the tool works", seconds=60)
        fleet.pancode("stop", run_id)
    shown = shown_with_books(fleet, run_id)
    assert (shown["status"], shown["reason"]) == ("cancelled", "stopped")
    assert _sleepers(fleet) == 0


def _sleepers(fleet: Session) -> int:
    return sum(_file(f"/proc/{pid}/cmdline").startswith(b"sleep\0") for pid in left_over(fleet))


@each
def test_say_goes_on_with_the_conversation(fleet: Session, runtime: str) -> None:
    script = {
        "scripts": [{"when": "and then?", "turns": [{"text": "Then this."}]}],
        "turns": [{"text": "First that."}],
    }
    with serve_in_thread(script) as model:
        first = run(fleet, runtime, model)
        second = fleet.json("say", first["run_id"], "and then?")
        asked = [record for record in model.requests if not record.helper]
    shown = shown_with_books(fleet, second["run_id"])
    assert (shown["status"], shown["result"]) == ("done", "Then this.")
    assert shown["agent_session"] == first["agent_session"]
    assert shown["usage"]["input"] == 1200
    assert len({record.session for record in asked}) == 1  # the first prompt is still its beginning


@each
def test_a_reader_changes_nothing(fleet: Session, runtime: str) -> None:
    project = Path(fleet.places.project)
    with serve_in_thread(TOOLS) as model:
        shown = run(fleet, f"{runtime}-reader", model, code=None)
    assert shown["status"] in ("done", "failed")
    assert not (project / "made.txt").exists()
    assert not (project / "written.txt").exists()


@each
def test_a_question_is_held_until_a_person_says_yes(fleet: Session, runtime: str) -> None:
    project = Path(fleet.places.project)
    (project / "gone").mkdir(exist_ok=True)
    fleet.pancode("safety", "full-auto")
    try:
        with serve_in_thread({"turns": [{"shell": "rm -rf gone"}, {"text": "All done."}]}) as model:
            run_id = fleet.detached("--agent", runtime, "--endpoint", model.url, "do it")
            wait_until(lambda: fleet.row(run_id)["questions"], "it asks", seconds=60)
            assert (project / "gone").is_dir()
            fleet.pancode("approve", run_id)
            wait_until(lambda: fleet.row(run_id)["ended"] is not None, "it ends", seconds=60)
    finally:
        fleet.pancode("safety", "auto-edit")
    shown = shown_with_books(fleet, run_id)
    assert (shown["status"], shown["result"]) == ("done", "All done.")
    assert not (project / "gone").exists()


@each
def test_the_limit_of_turns_holds(fleet: Session, runtime: str) -> None:
    many = {"turns": [{"text": f"Step {number}.", "shell": f"echo {number}"} for number in range(9)]}
    with serve_in_thread(many) as model:
        shown = run(fleet, runtime, model, "--budget", "2 turns", code=None)
    assert (shown["status"], shown["reason"]) == ("budget", "budget")


@each
def test_the_agents_own_limit_of_turns_holds(fleet: Session, runtime: str) -> None:
    many = {"turns": [{"text": f"Step {number}.", "shell": f"echo {number}"} for number in range(9)]}
    with serve_in_thread(many) as model:
        shown = run(fleet, f"{runtime}-brief", model, code=None)
        assert len([record for record in model.requests if not record.helper]) == 2
    assert (shown["status"], shown["reason"]) in (("budget", "budget"), ("failed", "budget"))


@pytest.mark.parametrize("runtime", OWN_TOOLS)
def test_a_hidden_tool_is_an_answer_and_not_the_end(fleet: Session, runtime: str) -> None:
    with serve_in_thread({"turns": [{"shell": "touch hidden.txt"}, {"text": "All done."}]}) as model:
        shown = run(fleet, f"{runtime}-blind", model)
        assert {record.tools for record in model.requests} == {("read",)}
    assert (shown["status"], shown["result"]) == ("done", "All done.")
    assert not (Path(fleet.places.project) / "hidden.txt").exists()
    journal = fleet.journal(shown["run_id"])
    assert not [record for record in journal if record["kind"] == "asked"]
    assert [record["ok"] for record in journal if record["kind"] == "tool_finished"] == [False]


@each
def test_a_bridge_that_is_killed_takes_everything_with_it(fleet: Session, runtime: str) -> None:
    script = {"turns": [{"shell": "setsid sleep 643 & sleep 25"}, {"text": "too late"}]}
    with serve_in_thread(script) as model:
        run_id = fleet.detached("--agent", runtime, "--endpoint", model.url, "do it")
        wait_until(lambda: _sleepers(fleet) >= 2, "the tool works", seconds=60)
        for pid in _bridges(fleet, run_id):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: fleet.row(run_id)["ended"] is not None, "it ends", seconds=60)
    shown = shown_with_books(fleet, run_id)
    assert (shown["status"], shown["reason"]) == ("failed", "crashed")
    assert _sleepers(fleet) == 0


def _bridges(fleet: Session, run_id: str) -> list[int]:
    mark = f"PANCODE_RUN_ID={run_id}".encode()
    own = [pid for pid in left_over(fleet) if mark in _file(f"/proc/{pid}/environ")]
    return [pid for pid in own if b"\0pancode.bridges." in _file(f"/proc/{pid}/cmdline")]


@pytest.mark.parametrize("runtime", OWN_TOOLS)
def test_an_overloaded_model_is_asked_again_and_each_time_is_told(fleet: Session, runtime: str) -> None:
    with serve_in_thread({"turns": [{"error": 529, "times": 2}, {"text": "All done."}]}) as model:
        shown = run(fleet, runtime, model)
        assert len(model.requests) == 3
    assert (shown["status"], shown["result"]) == ("done", "All done.")
    told = [record for record in fleet.journal(shown["run_id"]) if record["kind"] == "retrying"]
    assert [(record["attempt"], record["http"]) for record in told] == [(1, 529), (2, 529)]


@each
@pytest.mark.parametrize("reason", ENDS)
def test_a_bad_end_of_the_model_is_named(
    fleet: Session, bad_ends: BadEnds, runtime: str, reason: str
) -> None:
    run_id, _ = bad_ends[runtime, reason]
    wait_until(lambda: fleet.row(run_id)["ended"] is not None, "it ends", seconds=100)
    shown = shown_with_books(fleet, run_id)
    assert (shown["status"], shown["reason"]) == ("failed", reason)
    assert shown["evidence"]["exit"] == 1
