"""Flows and races as a person starts them: real controller, tmux, shims and clones, shell agents."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pancode.engine import git
from tests.session.conftest import Session
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux

WHO = ("-c", "user.name=A Person", "-c", "user.email=person@localhost")


def repository(session: Session) -> Path:
    """Make the session's project a repository with one commit."""
    project = Path(session.places.project)
    (project / "shop.txt").write_text("one\n")
    git.run(str(project), "init", "--quiet", "--initial-branch=main")
    git.run(str(project), "add", "--all")
    git.run(str(project), *WHO, "commit", "--quiet", "--message=first")
    return project


def units(found: dict[str, Any]) -> dict[str, Any]:
    return {unit["unit"]: unit for node in found["nodes"] for unit in node["units"]}


PLAN = """\
agent: shell
nodes:
  plan:
    task: printf 'north\\nsouth\\n'
  build:
    needs: plan
    foreach: {lines: plan}
    isolate: true
    task: echo "built $ITEM" > "$ITEM.txt"
    verify: grep -q built "$ITEM.txt"
  sum:
    needs: build
    when: build.done == 2
    task: echo "$ORIGINAL has two"
  merge:
    needs: sum
    merge: build
  never:
    needs: sum
    when: sum.status != "done"
    task: echo never
"""


def test_a_plan_is_built_in_clones_checked_and_merged(session: Session) -> None:
    project = repository(session)
    (project / "flow.yaml").write_text(PLAN)
    found = session.json("flow", "flow.yaml", "--task", "it")
    made = units(found)
    assert found["status"] == "done"
    assert made["sum"]["result"] == "it has two"
    assert {node["node"]: node["status"] for node in found["nodes"]} == {
        "plan": "done", "build": "done", "sum": "done", "merge": "done", "never": "skipped",
    }  # fmt: skip
    assert (project / "north.txt").read_text() == "built north\n"
    assert (project / "south.txt").read_text() == "built south\n"
    for name in ("build.0", "build.1"):
        work, check = (session.json("runs", "show", made[name][key]) for key in ("run_id", "check_run_id"))
        assert check["agent"] == "shell"
        assert check["cwd"] == work["cwd"] != str(project)
        assert work["changes"]["fate"] == "merged"


def test_a_failed_flow_is_resumed_and_pays_only_for_what_failed(session: Session) -> None:
    project = repository(session)
    (project / "flow.yaml").write_text(
        "agent: shell\nnodes:\n  a:\n    task: echo from-a\n"
        '  b:\n    needs: a\n    task: test -e ready && echo "b after $INPUT"\n'
    )
    failed = session.json("flow", "flow.yaml", code=1)
    assert units(failed)["b"]["status"] == "failed"
    (project / "ready").touch()
    again = session.json("flow", "--resume", failed["flow_id"])
    made = units(again)
    assert made["a"]["reused"] == failed["flow_id"]
    assert made["a"]["run_id"] == units(failed)["a"]["run_id"]
    assert (made["b"]["status"], made["b"]["result"]) == ("done", "b after from-a")
    # Nothing has changed since: the same file again starts nothing, and a dry run says so.
    count = len(session.json("runs")["runs"])
    ahead = session.json("flow", "flow.yaml", "--dry-run")["nodes"]
    assert [(node["times"], node["kept_from"]) for node in ahead] == [
        (0, failed["flow_id"]), (0, again["flow_id"]),
    ]  # fmt: skip
    third = session.json("flow", "flow.yaml")
    assert {name: unit["reused"] for name, unit in units(third).items()} == {
        "a": failed["flow_id"], "b": again["flow_id"],
    }  # fmt: skip
    assert len(session.json("runs")["runs"]) == count
    # Another task of one node leaves the one before it alone.
    (project / "flow.yaml").write_text((project / "flow.yaml").read_text().replace("b after", "b behind"))
    drawn = session.pancode("flow", "flow.yaml", "--dry-run")
    assert f"kept from {failed['flow_id']}\n" in drawn
    assert f"kept from {again['flow_id']}" not in drawn
    fourth = units(session.json("flow", "flow.yaml"))
    assert (fourth["a"]["reused"], fourth["b"]["reused"]) == (failed["flow_id"], None)
    # A change to the files counts, and --no-cache does everything anew.
    (project / "shop.txt").write_text("two\n")
    assert {unit["reused"] for unit in units(session.json("flow", "flow.yaml")).values()} == {None}
    assert {unit["reused"] for unit in units(session.json("flow", "flow.yaml", "--no-cache")).values()} == {
        None
    }


def test_a_check_that_fails_is_tried_again(shared: Session) -> None:
    project = Path(shared.places.project)
    (project / "flow.yaml").write_text(
        "agent: shell\nnodes:\n  a:\n    retry: 1\n    task: echo x >> tries\n"
        "    verify: test $(wc -l < tries) = 2\n"
    )
    found = units(shared.json("flow", "flow.yaml"))["a"]
    assert (found["status"], found["attempt"]) == ("done", 2)
    (project / "flow.yaml").write_text(
        "agent: shell\nnodes:\n  a:\n    task: 'true'\n    verify: echo why; echo no; exit 3\n"
    )
    told = shared.pancode("flow", "flow.yaml", code=1)
    (flow, *_) = shared.json("flow", "list")["flows"]
    found = units(shared.json("flow", "show", flow["flow_id"]))["a"]
    assert (found["status"], found["reason"], found["said"]) == ("failed", "check agent-error", "why\nno")
    assert f"its check: no · pancode logs {found['check_run_id']}" in told


def test_a_dry_run_draws_the_graph_and_starts_nothing(session: Session) -> None:
    project = repository(session)
    (project / "flow.yaml").write_text(PLAN)
    drawn = session.pancode("flow", "flow.yaml", "--dry-run")
    assert drawn.startswith("flow flow: 5 nodes, ")
    assert "  └─ build" in drawn
    assert "for each of plan  isolated  verify: grep -q built" in drawn
    assert "merges build" in drawn
    assert drawn.endswith("the gates let every node pass; nothing was started\n")
    told = session.json("flow", "flow.yaml", "--dry-run")
    assert [node["node"] for node in told["nodes"]][:2] == ["plan", "build"]
    assert all(node["admitted"] for node in told["nodes"])
    (project / "flow.yaml").write_text(PLAN.replace("grep -q built", "git push --force origin #"))
    drawn = session.pancode("flow", "flow.yaml", "--dry-run", code=5)
    assert "✗ rules: " in drawn
    assert "the gates refuse 1 of 5 nodes" in drawn
    session.pancode("mode", "plan")
    assert "the gates refuse 4 of 5 nodes" in session.pancode("flow", "flow.yaml", "--dry-run", code=5)
    assert session.json("runs")["runs"] == []


def test_the_first_whose_check_passes_wins_and_the_others_are_stopped_and_kept(no_session: Session) -> None:
    repository(no_session)
    Path(no_session.places.home).mkdir(mode=0o700)
    (Path(no_session.places.home) / "panagents.yaml").write_text(
        "agents:\n"
        "  quick:\n    command: [sh, -c, 'echo wrong > answer.txt; {task}']\n"
        "  good:\n    command: [sh, -c, 'echo right > answer.txt; {task}']\n"
        "  slow:\n    command: [sh, -c, 'echo late > answer.txt; sleep 600; {task}']\n"
    )
    no_session.pancode("up", "--detach")
    found = no_session.json(
        "race", "true", "--agents", "quick,good,slow", "--verify", "grep -q right answer.txt"
    )
    assert found["status"] == "done"
    made = units(found)
    assert found["winner"] == {"node": "r2", "run_id": made["r2"]["run_id"]}
    assert {name: unit["status"] for name, unit in made.items()} == {
        "r1": "failed", "r2": "done", "r3": "cancelled",
    }  # fmt: skip
    assert {key: found["counts"][key] for key in ("done", "failed", "cancelled")} == {
        "done": 1, "failed": 1, "cancelled": 1,
    }  # fmt: skip
    # Lists tell what was written down at the end; without it they read the journal, once, and tell the same.
    folder = Path(no_session.places.state) / "flows" / found["flow_id"]
    listed = no_session.json("flow", "list")["flows"]
    assert json.loads((folder / "ended.json").read_text()) == listed[0]
    (folder / "ended.json").unlink()
    assert no_session.json("flow", "list")["flows"] == listed
    assert json.loads((folder / "ended.json").read_text()) == listed[0]
    # The others may not have begun: two clones are made at a time.
    assert made["r3"]["run_id"] is not None
    no_session.pancode("merge", found["winner"]["run_id"])
    assert (Path(no_session.places.project) / "answer.txt").read_text() == "right\n"


def test_a_controller_killed_in_a_flow_goes_on_with_its_clones_and_checks(session: Session) -> None:
    project = repository(session)
    (project / "flow.yaml").write_text(
        "agent: shell\nnodes:\n  a:\n    isolate: true\n    foreach: [x, y]\n"
        "    task: echo $ITEM > $ITEM.txt; while ! test -e go; do sleep 0.05; done\n"
        "    verify: test -e $ITEM.txt\n  m:\n    merge: a\n"
    )
    process = session.start_process("flow", "flow.yaml", "--json")
    wait_until(lambda: session.status()["totals"]["live"] == 2, "both work")
    for row in session.status()["workers"]:
        session.until_working(row["run_id"])
    os.kill(session.status()["controller"]["pid"], signal.SIGKILL)
    for row in session.status()["workers"]:
        Path(session.places.state, "clones", row["run_id"], "go").touch()
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    found = json.loads(out)
    assert {unit["attempt"] for unit in units(found).values()} == {0, 1}
    assert len(session.json("runs")["runs"]) == 4
    assert (project / "x.txt").exists()
    assert (project / "y.txt").exists()


EXAMPLE_AGENTS = """\
agents:
  planner:
    command: [sh, -c, 'echo "[\\"api\\", \\"docs\\"]"', "{task}"]
  dev:
    command: [sh, -c, 'echo "$0" > $(printf "%s" "$0" | md5sum | cut -c1-8).txt', "{task}"]
  reviewer:
    command: [sh, -c, "echo LGTM", "{task}"]
"""


def test_the_example_of_the_page_runs(no_session: Session) -> None:
    project = repository(no_session)
    page = Path(__file__).parents[2] / "docs" / "flows.md"
    example = next(part for part in page.read_text().split("```yaml\n") if part.startswith("# release.yaml"))
    (project / "release.yaml").write_text(example.split("```")[0])
    (project / "Makefile").write_text("test:\n\ttrue\n")
    Path(no_session.places.home).mkdir(mode=0o700)
    (Path(no_session.places.home) / "panagents.yaml").write_text(EXAMPLE_AGENTS)
    no_session.pancode("up", "--detach")
    found = no_session.json("flow", "release.yaml", "--task", "Ship it")
    assert found["status"] == "done"
    assert len(list(project.glob("????????.txt"))) == 2
    assert {name: unit["status"] for name, unit in units(found).items()} == dict.fromkeys(
        ("plan", "build.0", "build.1", "merge", "review"), "done"
    )


SLIPS = [
    (("flow", "f.yaml"), 10, 'f.yaml:4: b: there is no agent "shel"; did you mean "shell"?'),
    (("flow", "none.yaml"), 4, "there is no file none.yaml"),
    (("flow", "--resume", "fzz"), 4, 'there is no flow "fzz"'),
    (("race", "x", "--agents", "shell"), 2, "a race needs two agents"),
    (("race", "x", "--agents", "shell,shel", "--verify", "true"), 5, 'r2: there is no agent "shel"; did you'),
    (("race", "x", "--agents", "shell,dev", "--timeout", "-1"), 2, "-1.0 is not in the range x>0"),
]


def test_a_slip_gets_a_sentence(shared: Session) -> None:
    before = shared.json("runs")["runs"]
    (Path(shared.places.project) / "f.yaml").write_text(
        "agent: shell\nnodes:\n  a: {task: 'true'}\n  b: {task: x, needs: a, agent: shel}\n"
    )
    for words, code, said in SLIPS:
        shared.pancode(*words, code=code)
        assert said in shared.last_error, words
    assert shared.json("runs")["runs"] == before
