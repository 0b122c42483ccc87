"""A native agent is told its prompt and its skills, and reads them with its own tools, also read-only."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.native.conftest import Bed
from tests.native.model import Says, call, serving
from tests.session.conftest import a_session

pytestmark = pytest.mark.tmux
AGENTS = """
agents:
  drawer: {runtime: native, skills: [tables], system_prompt: Speak plainly.}
  looker: {runtime: native, skills: [tables], readonly: true}
  scout: {runtime: native, readonly: true}
"""


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    """Give a session that is up, with a skill and native agents that have it."""
    if shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")
    with serving() as model, a_session() as session:
        session.environment |= {"PANCODE_ENDPOINT": model.url, "PANCODE_WORKER_MODEL": "qwen2.5-coder:3b"}
        skill = Path(session.places.home) / "skills" / "tables"
        skill.mkdir(parents=True)
        (skill / "SKILL.md").write_text("---\nname: tables\ndescription: draws tables\n---\nUse bars.\n")
        (skill / "bars.txt").write_text("a | b")
        (Path(session.places.home) / "panagents.yaml").write_text(AGENTS)
        session.pancode("up", "--detach")
        yield Bed(session, model)


@pytest.mark.parametrize("agent", ["drawer", "looker"])
def test_a_native_agent_reads_its_skills(bed: Bed, agent: str) -> None:
    runs: list[str] = []
    known = threading.Event()

    def reads() -> Says:
        assert known.wait(60)
        at = f"{bed.session.places.runs}/{runs[0]}/files/skills/tables"
        return Says(calls=(call("read", path=f"{at}/SKILL.md"), call("grep", pattern="b", path=at)))

    play = bed.model.play(f"do-{agent}", reads, Says("All is well."))
    runs.append(bed.start(f"do-{agent}", agent=agent))
    known.set()
    assert bed.result(runs[0])["status"] == "done"
    skill, bars = play.results()
    assert "- tables: draws tables" in bed.session.json("prompts", "show", "--agent", agent)["text"]
    assert "Use bars." in skill
    assert "a | b" in bars

    system = next(each["content"] for each in play.requests[0]["messages"] if each["role"] == "system")
    assert system.startswith(f'You are "{agent}", a worker of PanCode')
    assert "- tables: draws tables" in system
    assert ("Call one tool at a time" in system) == (agent == "drawer")
    assert ("not change any file" in system) == (agent == "looker")
    spec = json.loads((Path(bed.session.places.runs) / runs[0] / "spec.json").read_text())
    assert spec["prompt"]["tier"] == "small"
    kept = bed.session.json("prompts", "show", spec["prompt"]["hash"])
    run_dir = f"{bed.session.places.runs}/{runs[0]}"
    assert kept["text"].replace("${skills_dir}", f"{run_dir}/files/skills") == system
    assert hashlib.sha256(kept["text"].encode()).hexdigest() == spec["prompt"]["hash"]


def test_a_scout_is_told_to_look_and_no_more(bed: Bed) -> None:
    play = bed.model.play("find-it", Says("FOUND a.py:1"))
    run = bed.start("find-it", agent="scout")
    assert bed.result(run)["status"] == "done"
    system = next(each["content"] for each in play.requests[0]["messages"] if each["role"] == "system")
    assert "a scout of PanCode" in system
    assert "Facts only" in system
    assert len(system) <= 4096
