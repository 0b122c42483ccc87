"""The gates in a real session: their order, what a dry run tells, and runs that a worker asks for."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pancode.cli.client import request
from pancode.core.errors import PanError
from pancode.core.gates import PLACES
from pancode.core.grants import Grant, Level, Mode
from pancode.core.host import Asked, Gate, Refusal, Remark
from pancode.core.state import Queued, Run, Session, Working, World
from pancode.domains.dispatch.admission import Admission, grant_for, own_gates, refusal_in, remarks_in
from pancode.domains.dispatch.applying import Applications
from pancode.domains.dispatch.asking import check_own, of_worker, run_of
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.verbs import Verbs
from tests.session.conftest import Session as Live

BUILD = Grant(Mode.BUILD, Level.AUTO_EDIT)


def asked(**more: Any) -> Asked:
    return Asked(**{"agent": "a", "task": "t", "cwd": "/", "read_only": False, "grant": BUILD, **more})


def admission() -> Admission:
    made = Admission()
    made.add(Gate(3, "three", lambda _: Refusal("three", "no")))
    made.add(Gate(1, "one", lambda _: Remark("mind")))
    made.add(Gate(4, "four", lambda _: Refusal("four", "no again")))
    made.add(Gate(2, "two", lambda _: None))
    return made


def test_gates_are_asked_in_their_order_and_the_first_no_counts() -> None:
    found = admission().verdicts(asked(), until_no=True)
    assert [one.gate for one in found] == ["one", "two", "three"]
    assert refusal_in(found) == Refusal("three", "no")
    assert remarks_in(found) == ["mind"]


def test_a_dry_run_asks_all_of_them() -> None:
    assert [one.gate for one in admission().verdicts(asked())] == ["one", "two", "three", "four"]
    assert [one.gate for one in admission().verdicts(asked(), above=2, below=4)] == ["two", "three"]


@pytest.mark.parametrize(("depth", "refuses"), [(0, False), (2, False), (3, True)])
def test_runs_nest_only_so_deep(depth: int, refuses: bool) -> None:
    gate = next(gate for gate in own_gates(Session, lambda: 2) if gate.name == "depth")
    found = gate.check(asked(depth=depth, parent="k3f"))
    assert isinstance(found, Refusal) is refuses


def run(grant: Grant = BUILD, **more: Any) -> Run:
    given = {"id": "k3f", "agent": "a", "runtime": "a", "task": "t", "model": None, "queued": 0.0, **more}
    return Run(grant=grant, **{"state": Queued(0.0), **given})


@pytest.mark.parametrize(
    ("parent", "level", "may_write"),
    [
        (None, Level.AUTO_EDIT, True),
        (run(), Level.AUTO_EDIT, True),
        (run(Grant(Mode.BUILD, Level.SUGGEST)), Level.SUGGEST, False),
        (run(Grant(Mode.BUILD, Level.AUTO_EDIT, read_only=True)), Level.AUTO_EDIT, False),
        (run(Grant(Mode.BUILD, Level.FULL_AUTO)), Level.AUTO_EDIT, True),
    ],
)
def test_a_run_gets_no_more_than_the_worker_that_asks_for_it(
    parent: Run | None, level: Level, may_write: bool
) -> None:
    grant = grant_for(Session(), agent_is_read_only=False, asked=None, parent=parent)
    assert (grant.level, grant.may_write) == (level, may_write)


def test_a_process_below_a_shim_belongs_to_its_run() -> None:
    mine = World(runs={"k3f": run(state=Working(0.0, 1), shim_pid=os.getppid())})
    assert run_of(mine, os.getpid()) == "k3f"
    assert run_of(mine, None) is None
    assert run_of(World(runs={"k3f": run(shim_pid=None)}), os.getpid()) is None


def test_a_process_that_has_ended_is_not_taken_for_the_operators() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    mine = World(runs={"k3f": run(state=Working(0.0, 1), shim_pid=os.getppid())})
    with pytest.raises(PanError, match="nobody can say who asks"):
        run_of(mine, ended.pid)
    assert run_of(World(), ended.pid) is None


def test_a_worker_can_say_no_more_for_its_runs_than_for_its_own() -> None:
    from pancode.domains.dispatch.requests import RunRequest

    mine = run(priority=2)
    told = of_worker(RunRequest(task="t", cwd="/", priority=100, key="f1/a/1", parent="other"), mine)
    assert (told.parent, told.priority, told.key) == ("k3f", 2, "k3f/f1/a/1")
    assert of_worker(RunRequest(task="t", cwd="/", priority=-5), mine).priority == -5
    assert of_worker(RunRequest(task="t", cwd="/", env={"OPENAI_API_KEY": "x"}), mine).env == {}
    for name in ("group", "written", "beside", "endpoint"):
        with pytest.raises(PanError, match=name):
            of_worker(RunRequest(task="t", cwd="/", **{name: "x"}), mine)


def test_a_worker_reaches_only_itself_and_the_runs_that_it_has_asked_for() -> None:
    mine = run(state=Working(0.0, 1), shim_pid=os.getppid())
    runs = {"k3f": mine, "kid": run(id="kid", parent="k3f"), "other": run(id="other")}
    world = World(runs=runs)
    for reached in ("k3f", "kid"):
        check_own(world, os.getpid(), reached)
    check_own(world, None, "other")
    with pytest.raises(PanError, match="didn't ask for it"):
        check_own(world, os.getpid(), "other")


def test_a_run_is_nested_below_one_that_has_left_memory_too() -> None:
    from pancode.domains.dispatch.requests import RunRequest

    applications: Any = Applications.__new__(Applications)
    applications._find = lambda prefix: {"k3": "k3f"}[prefix]
    applications._recall = lambda name: {"k3f": run(Grant(Mode.BUILD, Level.SUGGEST), depth=1)}[name]
    seen: list[Any] = []

    def stop(*given: Any, **_: Any) -> None:
        seen.extend(given)
        raise InterruptedError

    applications._asked = stop
    with pytest.raises(InterruptedError):
        applications.judge(RunRequest(task="t", cwd="/", parent="k3"), None, is_dry=False)
    assert seen[0].parent == "k3f"
    assert (seen[2].grant.level, seen[2].depth) == (Level.SUGGEST, 1)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("base")])
def test_a_run_that_was_let_start_and_cant_be_made_ready_ends_with_why(error: Exception) -> None:
    posted: list[Any] = []

    async def ready(_: str) -> None:
        raise error

    fake: Any = SimpleNamespace(
        _outside=SimpleNamespace(post=posted.append), preparation=SimpleNamespace(ready=ready)
    )
    asyncio.run(Dispatcher._open(fake, "k3f"))
    assert [type(event).__name__ for event in posted] == ["WorkerVanished"]
    assert str(error) in posted[0].why


@pytest.mark.parametrize("said", [None, 0.25])
def test_a_result_has_the_cost_that_others_have_counted_where_its_agent_tells_none(
    said: float | None,
) -> None:
    verbs: Any = Verbs.__new__(Verbs)
    verbs._dispatcher = SimpleNamespace(result=lambda _: {"cost": {"usd": said, "source": "x"}})
    verbs._snapshot = SimpleNamespace(row=lambda _: {"cost": {"usd": 0.5, "source": "genai-prices"}})
    assert verbs._result("k3f")["cost"]["usd"] == (said or 0.5)


FAR: dict[str, dict[str, Any]] = {
    "a worker's": {},
    "a file's": {"from_file": True},
    "the operator's": {"parent": None},
}
"""By whose word a model is named that nothing of the operator's names."""


def gates(session: Live, *words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = session.json("run", "--dry-run", *words, code=code)
    return found


@pytest.mark.tmux
def test_a_dry_run_tells_what_each_gate_says_and_starts_nothing(session: Live) -> None:
    told = gates(session, "-a", "shell", "echo x")
    assert {one["gate"]: one["order"] for one in told["gates"]} == {
        name: place.order for name, place in PLACES.items()
    }
    assert [one["order"] for one in told["gates"]] == sorted(place.order for place in PLACES.values())
    assert {one["verdict"] for one in told["gates"]} == {"passes"}
    assert told["admitted"]
    assert told["waits"] is None
    wanted = {"agent": "shell", "runtime": "shell", "mode": "build", "safety": "auto-edit", "depth": 0}
    assert wanted.items() <= told["run"].items()
    assert told["run"]["sandbox"]["sandbox"]
    said = session.pancode("run", "--dry-run", "-a", "shell", "echo x")
    assert "starts   at once" in said
    assert session.json("runs")["runs"] == []
    assert os.listdir(session.places.runs) == []
    assert "echo x" not in session.pancode("audit", "--json")


@pytest.mark.tmux
def test_a_dry_run_names_every_gate_that_refuses(session: Live) -> None:
    session.pancode("mode", "plan")
    told = gates(session, "-a", "shel", "--cwd", "/nowhere", " ", code=5)
    refused = [one["gate"] for one in told["gates"] if one["verdict"] == "refuses"]
    assert refused == ["mode", "read-only", "task", "directory", "agent"]
    assert told["refused_by"] == "mode"
    agent = next(one for one in told["gates"] if one["gate"] == "agent")
    assert agent["problem"] == 'there is no agent "shel"; did you mean "shell"?'
    assert [one["gate"] for one in told["gates"] if one["verdict"] == "remarks"] == [
        "model",
        "launch",
        "grade",
    ]


@pytest.mark.tmux
def test_the_first_no_refuses_a_run_and_is_written_down(session: Live) -> None:
    found = session.json("run", "-a", "shel", "true", code=5)
    assert found["status"] == "refused"
    assert found["evidence"]["record"]["gate"] == "agent"
    assert 'did you mean "shell"?' in found["evidence"]["record"]["problem"]
    agents = Path(session.environment["PANCODE_HOME"]) / "panagents.yaml"
    agents.write_text(
        agents.read_text() + '  one:\n    command: ["echo", "{model}", "{task}"]\n    model: ${NOT_SET}\n',
        encoding="utf-8",
    )
    found = session.json("run", "-a", "one", "read /etc/passwd", code=5)
    assert found["evidence"]["record"]["gate"] == "paths"
    session.pancode("run", "-a", "one", "-m", "m", "--yes", "read /etc/passwd and ./gone.txt")
    told = "pancode: note: /etc/passwd is outside of the project; there is no ./gone.txt in the project"
    assert told in session.last_error
    found = session.json("run", "-a", "one", "--yes", "read /etc/passwd", code=5)
    assert found["evidence"]["record"]["gate"] == "model"
    assert "NOT_SET" in found["evidence"]["record"]["problem"]


@pytest.mark.tmux
def test_runs_that_runs_ask_for_are_nested_and_get_no_yes(session: Live) -> None:
    def ask(**more: Any) -> dict[str, Any]:
        args = {"agent": "shell", "task": "exec sleep 600", "cwd": session.places.project, **more}
        return request("run", args, places=session.places)

    first = str(ask()["run_id"])
    second = str(ask(parent=first)["run_id"])
    third = str(ask(parent=second)["run_id"])
    assert session.row(third)["parent"] == second
    deep = ask(parent=third)["result"]["evidence"]["record"]
    assert (deep["gate"], deep["problem"].splitlines()[0]) == (
        "depth",
        f"run {third} is nested 2 deep, and 2 is the limit",
    )
    assert ask(parent=first, yes=True)["result"]["evidence"]["record"]["gate"] == "grant"
    assert ask(parent=first, accept_weaker=["none"])["result"]["evidence"]["record"]["gate"] == "grant"
    far: dict[str, Any] = {"task": "x", "cwd": session.places.project, "agent": "native"}
    far |= {"model": "groq/llama", "env": {"GROQ_API_KEY": "hush"}, "parent": first}
    told = {model: request("dry_run", {**far, **more}, places=session.places) for model, more in FAR.items()}
    assert {name: one["refused_by"] for name, one in told.items()} == {
        "a worker's": "model",
        "a file's": None,
        "the operator's": None,
    }
    said = next(one["problem"] for one in told["a worker's"]["gates"] if one["verdict"] == "refuses")
    assert said.startswith(
        f'run {first} can\'t choose "groq/llama": nothing of yours names the provider groq'
    )
    session.pancode("stop", second, "--force")
    repeated = session.json("retry", second, "--detach", "--yes")["run_id"]
    assert (session.row(repeated)["parent"], session.row(repeated)["ended"]) == (first, None)
    for run_id in (first, third, repeated):
        session.pancode("stop", run_id)


@pytest.mark.tmux
def test_each_step_of_a_chain_meets_the_same_gates(session: Live) -> None:
    session.pancode("chain", "-a", "shell", "echo one", "@nobody do the rest", code=5)
    assert "there is no agent" in session.last_error
    assert session.json("runs")["runs"] == []
    session.pancode("mode", "review")
    session.json("batch", "-a", "shell", "echo two", "echo three", code=None)
    states = [row["state"] for row in session.json("runs")["runs"]]
    assert states == ["refused", "refused"]
