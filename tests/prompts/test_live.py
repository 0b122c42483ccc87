"""What a worker was told stands in its spec, its receipt and the project's history, by hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.prompts.reader import furnish
from tests.session.conftest import Session

pytestmark = [pytest.mark.tmux]

AGENTS = """
agents:
  teller:
    description: tells what it was told
    runtime: reader
    system_prompt: Speak plainly.
"""


def test_a_run_is_told_what_its_spec_receipt_and_history_say(no_session: Session) -> None:
    session = furnish(no_session, AGENTS)
    first = session.json("run", "--agent", "teller", "nothing")
    prompt = first["result"].split("|")[0]
    assert prompt.startswith('You are "teller", a worker of PanCode, running on Reader.')
    assert prompt.endswith("Speak plainly.")

    folder = Path(session.places.runs) / first["run_id"]
    spec = json.loads((folder / "spec.json").read_text())
    assert spec["prompt"]["hash"] == hashlib.sha256(prompt.encode()).hexdigest()
    assert spec["prompt"]["fragments"][0] == "worker-identity@1"
    assert session.json("receipt", first["run_id"])["prompt"] == spec["prompt"]
    assert session.json("prompts", "show", spec["prompt"]["hash"][:8])["text"] == prompt

    mine = Path(session.places.home) / "prompts" / "checks.md"
    mine.parent.mkdir()
    mine.write_text("---\nid: checks\nversion: 1\ncategory: operational\n---\nRun the checks.\n")
    second = session.json("run", "--agent", "teller", "nothing")
    session.json("run", "--agent", "teller", "something else")
    kept = session.json("prompts", "history", "--agent", "teller")["prompts"]
    assert len(kept) == 2
    assert kept[1]["hash"] == spec["prompt"]["hash"]
    hashes = [one["hash"][:10] for one in reversed(kept)]
    told = session.json("prompts", "diff", *hashes, code=1)
    assert told["new"] == ["checks@1"]
    assert "+Run the checks." in told["diff"]
    assert "Run the checks." in second["result"]
    assert "there is no run" not in session.pancode("prompts", "show", "--agent", "teller")
    session.pancode("prompts", "show", "0000", code=4)
