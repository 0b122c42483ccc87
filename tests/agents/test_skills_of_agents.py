"""The five real CLIs are told of their skills, and read them in their sandboxes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pancode.engine import git
from pancode.scripted.server import serve_in_thread
from tests.session.conftest import Session, a_session

BIN = os.environ.get("PANCODE_AGENTS_BIN", "")
WHY = os.environ.get("PANCODE_AGENTS_WHY", "the real agent CLIs are off: scripts/test --agents")
AGENTS = ("claude-code", "codex", "gemini", "opencode", "copilot")

pytestmark = [
    pytest.mark.agents,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not BIN, reason=WHY),
]
READS = {
    "claude-code": ("Read", "file_path"),
    "gemini": ("read_file", "file_path"),
    "opencode": ("read", "filePath"),
    "copilot": ("view", "path"),
}
"""The tool by which each reads files; Codex has only its shell."""
SKILL = "---\nname: tables\ndescription: draws tables from lists\n---\nesu sraB.\n"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Session]:
    """Give a session in which each CLI has an agent with a skill."""
    with a_session("/var/tmp") as made:
        node = os.path.dirname(shutil.which("node") or "/usr/bin/node")
        made.environment.update(PATH=os.pathsep.join([BIN, node, "/usr/bin", "/bin"]))
        skill = Path(made.places.home) / "skills" / "tables"
        skill.mkdir(parents=True)
        (skill / "SKILL.md").write_text(SKILL)
        agents = "".join(f"  my-{name}: {{runtime: {name}, skills: [tables]}}\n" for name in AGENTS)
        (Path(made.places.home) / "panagents.yaml").write_text(f"agents:\n{agents}")
        git.run(made.places.project, "init", "--quiet", "--initial-branch=main")
        made.pancode("up", "--detach")
        yield made


@pytest.mark.parametrize(
    "agent", [pytest.param(agent, marks=pytest.mark.xdist_group(agent)) for agent in AGENTS]
)
def test_a_cli_reads_its_skill(fleet: Session, agent: str) -> None:
    words = 'rev "$PANCODE_RUN_DIR/files/skills/tables/SKILL.md" > told.txt'
    with serve_in_thread({"turns": [{"shell": words}, {"text": "All done."}]}) as model:
        found = fleet.json(
            "run", "--agent", f"my-{agent}", "--endpoint", model.url, "--timeout", "100", "do it"
        )
        told = [record.system + record.prompt for record in model.requests if not record.helper]
    assert found["result"] == "All done."
    assert ".Bars use" in (Path(fleet.places.project) / "told.txt").read_text()
    (Path(fleet.places.project) / "told.txt").unlink()
    assert any("tables: draws tables from lists" in text for text in told)


@pytest.mark.parametrize(
    "agent", [pytest.param(agent, marks=pytest.mark.xdist_group(agent)) for agent in READS]
)
def test_a_clis_own_tool_reads_it_too(fleet: Session, agent: str) -> None:
    name, argument = READS[agent]
    link = Path(fleet.places.project) / f"skills-of-{agent}"
    call = {"name": name, "args": {argument: str(link / "tables" / "SKILL.md")}}
    words = f'ln -s "$PANCODE_RUN_DIR/files/skills" {link.name}'
    with serve_in_thread({"turns": [{"shell": words}, {"tool": call}, {"text": "All done."}]}) as model:
        found = fleet.json(
            "run", "--agent", f"my-{agent}", "--endpoint", model.url, "--timeout", "100", "do it"
        )
    read = [
        record
        for record in fleet.journal(found["run_id"])
        if record["kind"] == "tool_finished" and record["name"] == "read"
    ]
    assert [record["ok"] for record in read] == [True]
    if agent != "gemini":  # It says that it has read, and not what.
        assert "esu sraB" in read[0]["result"]
