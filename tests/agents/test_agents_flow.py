"""The five real CLIs in one flow, with the scripted model: plan, builds in clones, checks, merge, review."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.engine import git
from pancode.scripted.server import serve_in_thread
from tests.agents.conftest import REAL, path
from tests.session.conftest import Session, a_session, left_over

pytestmark = [*REAL, pytest.mark.xdist_group("flow")]

FLOW = """\
task: a shop with two shelves
nodes:
  plan:
    agent: gemini
    task: "make-the-plan for $ORIGINAL"
  left:
    agent: claude-code
    needs: plan
    task: "build-the-left of $INPUT"
    isolate: true
    verify: grep -q left left.txt
  right:
    agent: codex
    needs: plan
    task: "build-the-right"
    isolate: true
    verify: grep -q right right.txt
  wrong:
    agent: opencode
    needs: plan
    task: "build-the-wrong"
    isolate: true
    verify: test -e not-there.txt
  merge:
    needs: [left, right, wrong]
    when: left.status == "done" and right.status == "done"
    merge: [left, right]
  review:
    agent: copilot
    needs: [merge, plan]
    task: "review-it: ${plan.result}"
    verify: cat left.txt right.txt
"""


def turn(path: str, said: str) -> list[dict[str, Any]]:
    return [{"write": {"path": path, "content": f"{path.partition('.')[0]}\n"}}, {"text": said}]


SCRIPT = {
    "scripts": [
        {"when": "make-the-plan", "turns": [{"text": "two shelves, $INPUT"}]},
        {"when": "build-the-left", "turns": turn("left.txt", "left is built")},
        {"when": "build-the-right", "turns": turn("right.txt", "right is built")},
        {"when": "build-the-wrong", "turns": turn("wrong.txt", "wrong is built")},
        {"when": "review-it", "turns": [{"text": "looks good"}]},
    ],
    "turns": [{"text": "nobody asked for this"}],
}


@pytest.fixture
def fleet() -> Iterator[Session]:
    """Give a session in a repository, with the five CLIs; not under /tmp, where Codex finds no helpers."""
    with a_session("/var/tmp") as made:
        made.environment["PATH"] = path()
        project = Path(made.places.project)
        (project / "shop.txt").write_text("a shop\n")
        git.run(str(project), "init", "--quiet", "--initial-branch=main")
        git.run(str(project), "add", "--all")
        who = ("-c", "user.name=A Person", "-c", "user.email=person@localhost")
        git.run(str(project), *who, "commit", "--quiet", "--message=first")
        (project / "flow.yaml").write_text(FLOW)
        made.pancode("up", "--detach")
        yield made


def test_plan_builds_in_clones_checks_merge_and_review(fleet: Session) -> None:
    project = Path(fleet.places.project)
    with serve_in_thread(SCRIPT) as model:
        found = fleet.json("flow", "flow.yaml", "--endpoint", model.url, code=1)
        units = {unit["unit"]: unit for node in found["nodes"] for unit in node["units"]}
        assert {name: unit["status"] for name, unit in units.items()} == {
            "plan": "done", "left": "done", "right": "done", "wrong": "failed", "merge": "done",
            "review": "done",
        }, units  # fmt: skip
        assert (project / "left.txt").read_text() == "left\n"
        assert (project / "right.txt").read_text() == "right\n"
        assert not (project / "wrong.txt").exists()
        left = fleet.json("runs", "show", units["left"]["run_id"])
        assert left["task"] == "build-the-left of two shelves, $INPUT"
        assert "+wrong" in fleet.pancode("diff", units["wrong"]["run_id"])
        # What was done is not paid for twice: only the one that failed is tried once more.
        asked = len(model.requests)
        again = fleet.json("flow", "--resume", found["flow_id"], "--endpoint", model.url, code=1)
        reused = {unit["unit"] for node in again["nodes"] for unit in node["units"] if unit["reused"]}
        assert reused == {"plan", "left", "right", "review"}
        assert len(model.requests) > asked
    marks = [f"PANCODE_RUN_ID={unit['run_id']}".encode() for unit in units.values() if unit["run_id"]]
    for pid in left_over(fleet):
        told = Path(f"/proc/{pid}/environ")
        assert not any(mark in told.read_bytes() for mark in marks if told.exists())
