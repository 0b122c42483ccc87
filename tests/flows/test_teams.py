"""Teams: the shipped flows really run with the seeded agents, and nobody's file stands in for another's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pancode.domains.dispatch.flow.teams import SHIPPED, folders, teams
from tests.prompts.reader import ADAPTER
from tests.session.conftest import Session, no_session

__all__ = ["no_session"]

NAMES = ["code-review", "plan-build-review", "research-build"]
PROGRAM = '''PROGRAM = """
import json, sys
first = open(sys.argv[1]).readline().split(",")[0]
told = first + " [" + sys.argv[2][:3000] + "]"
print(json.dumps({"kind": "finished", "ok": True, "result": told}), flush=True)
"""
'''


def echoing() -> str:
    """Give an adapter whose agent says who it is and what its task was."""
    begin, _, rest = ADAPTER.partition('PROGRAM = """')
    return (begin + PROGRAM + rest.partition('"""\n')[2]).replace("PYTHON", repr(sys.executable))


def test_each_shipped_team_is_a_flow_of_seeded_agents() -> None:
    found = teams([("pancode", SHIPPED)])
    assert [team.name for team in found] == NAMES
    seeded = {"scout", "planner", "builder", "reviewer", "plan-reviewer", "documenter", "red-team", "dev"}
    for team in found:
        flow = team.flow()
        assert flow.about
        assert {node.agent for node in flow.nodes} <= seeded
        assert any("$ORIGINAL" in node.task for node in flow.nodes)


def test_yours_counts_before_the_shipped_and_a_project_takes_no_name(tmp_path: Path) -> None:
    for folder, name in (("home/teams", "code-review"), ("shop/.pancode/teams", "code-review")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"{name}.yaml").write_text("nodes: {a: {task: x}}\n")
    theirs = tmp_path / "shop/.pancode/teams"
    (theirs / "own.yaml").write_text("nodes: {a: {task: x}}\n")
    found = {team.name: team for team in teams(folders(str(tmp_path / "home"), str(tmp_path / "shop")))}
    assert found["code-review"].source == "user"
    assert found["code-review"].hides == (f"{SHIPPED}/code-review.yaml", str(theirs / "code-review.yaml"))
    assert found["own"].source == "project"


@pytest.mark.tmux
def test_the_shipped_teams_run(no_session: Session) -> None:
    home = Path(no_session.places.home)
    (home / "adapters").mkdir(parents=True)
    (home / "adapters" / "echo.py").write_text(echoing())
    session = no_session
    session.pancode("up", "--detach")
    assert [row["name"] for row in session.json("team", "list")["teams"]] == NAMES
    for name in NAMES:
        preview = session.json("team", "run", name, "Add a flag", "--dry-run")
        assert all(node["admitted"] for node in preview["nodes"])
    assert session.json("flow", "list")["flows"] == []

    told = session.json("team", "run", "plan-build-review", "Add a flag")
    assert told["status"] == "done"
    said = {node["node"]: node["units"][0]["result"] for node in told["nodes"]}
    assert said["plan"].startswith('You are "planner" [Plan this: Add a flag')
    assert 'You are "plan-reviewer"' in said["build"]
    assert said["review"].startswith('You are "reviewer"')
    assert 'You are "builder"' in said["review"]

    told = session.json("team", "run", "code-review")
    assert {node["status"] for node in told["nodes"]} == {"done"}
    verdict = next(node for node in told["nodes"] if node["node"] == "verdict")
    assert "red-team" in verdict["units"][0]["result"]
    assert session.json("flow", "list")["flows"][0]["name"] == "code-review"

    session.pancode("team", "run", "research-build", code=2)
    session.pancode("team", "run", "code-revue", code=4)
    (home / "teams").mkdir()
    (home / "teams" / "bad.yaml").write_text("nodes:\n  a: {taks: x}\n")
    session.pancode("team", "list")
    assert "bad.yaml:2" in session.last_error
