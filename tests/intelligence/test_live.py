"""`pancode plan` on a real ledger: off unless wanted, starts nothing, counts checks, merges and retries."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pancode.cli.client import request
from tests.prompts.reader import ADAPTER
from tests.session.conftest import Session, no_session

__all__ = ["no_session"]
pytestmark = [pytest.mark.tmux]

AGENTS = """
agents:
  dev: {runtime: reader}
  careful: {runtime: reader}
"""
FLOW = """
nodes:
  good: {agent: careful, task: "Fix the first", verify: "true"}
  bad: {agent: dev, task: "Fix the second", verify: "false"}
"""


def test_a_plan_tells_what_the_ledger_knows(no_session: Session) -> None:
    session = no_session
    home = Path(session.places.home)
    (home / "adapters").mkdir(parents=True)
    (home / "adapters" / "reader.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home / "panagents.yaml").write_text(AGENTS)
    session.pancode("plan", "Fix it", code=10)
    assert "intelligence is off" in session.last_error
    session.environment["PANCODE_INTELLIGENCE"] = "on"
    told = session.json("plan", "Fix it")
    assert (told["verdict"], told["agent"], told["evidence"]) == ("too-little-data", "dev", [])
    assert "no proposal" in (said := session.pancode("plan", "Fix it"))
    assert "default   dev\n" in said
    session.environment["PANCODE_DEFAULT_AGENT"] = "nobody, careful, dev"
    assert session.json("plan", "Fix it")["agent"] == "careful"
    del session.environment["PANCODE_DEFAULT_AGENT"]

    session.pancode("up", "--detach")
    flow = Path(session.places.project) / "flow.yaml"
    flow.write_text(FLOW)
    session.pancode("flow", str(flow), "--yes", code=None)
    first = session.json("run", "--agent", "dev", "Fix the third")
    session.pancode("retry", first["run_id"], code=None)
    before = len(session.json("runs")["runs"])
    told = session.json("plan", "Fix it", "--project")
    rows = {row["agent"]: (row["went_well"], row["runs"]) for row in told["evidence"]}
    assert rows == {"careful": (1, 1), "dev": (1, 3)}
    assert told["verdict"] == "too-little-data"
    assert request("proposal", {"task": "Fix it"}, places=session.places) == told
    assert len(session.json("runs")["runs"]) == before

    lines = [json.loads(line) for line in session.pancode("plan", "--record").splitlines()]
    assert sorted(line["why"] for line in lines) == [
        "done, by its own word", "it was tried again", "its check failed", "its check passed"
    ]  # fmt: skip
    recorded = home / "ledger.jsonl"
    many = [{"at": at, "kind": "fix", "agent": agent, "went_well": agent == "careful" or at % 4 == 0}
            for at, agent in enumerate(["dev", "careful"] * 30)]  # fmt: skip
    recorded.write_text("".join(json.dumps(line) + "\n" for line in many))
    told = session.json("plan", "Fix it", "--ledger", str(recorded))
    assert (told["verdict"], told["agent"]) == ("better", "careful")
    told = session.json("plan", "--replay", "--ledger", str(recorded))
    assert told["differing"]["gain"]["difference"] > 0.2
    shown = session.pancode("plan", "--replay", "--ledger", str(recorded))
    assert "60 runs that say something" in shown
    assert "careful" in session.pancode("plan", "Fix it", "--ledger", str(recorded))
