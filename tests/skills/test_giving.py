"""An agent that asks for skills really gets them: named in its prompt, its files readable and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prompts.reader import furnish
from tests.session.conftest import Session

AGENTS = """
agents:
  teller:
    runtime: reader
    skills: [tables]
  plain:
    runtime: reader
  lost:
    runtime: reader
    skills: [tabels]
  bare:
    command: [cat, "{task}"]
    skills: [tables]
"""
SKILL = "---\nname: tables\ndescription: draws tables from lists\ntools: read\n---\nUse bars.\n"


@pytest.mark.tmux
@pytest.mark.skipif(not Path("/usr/bin/bwrap").exists(), reason="needs bwrap")
def test_a_worker_reads_the_skills_of_its_agent_and_can_not_change_them(no_session: Session) -> None:
    folder = Path(no_session.places.home) / "skills" / "tables"
    (folder / "more").mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL)
    (folder / "more" / "example.txt").write_text("a | b")
    session = furnish(no_session, AGENTS)
    at = "RUN_DIR/files/skills/tables"
    told = session.json("run", "--agent", "teller", f"{at}/SKILL.md {at}/more/example.txt")["result"]
    assert "read its SKILL.md in\n" in told
    assert "- tables: draws tables from lists" in told
    assert "Use bars." in told
    assert "a | b" in told
    assert "WRITABLE" not in told

    listed = session.json("skills", "list")
    assert [(row["name"], row["agents"]) for row in listed["skills"]] == [("tables", ["teller"])]
    assert session.json("skills", "show", "tables")["files"] == {
        "SKILL.md": len(SKILL),
        "more/example.txt": 5,
    }
    session.pancode("skills", "check")
    assert "SKILL.md" not in session.json("run", "--agent", "plain", "nothing")["result"]

    mistakes = {mistake["line"]: mistake["problem"] for mistake in session.json("agents")["mistakes"]}
    assert mistakes == {
        8: 'there is no skill "tabels", which agent "lost" asks for',
        13: 'a command can\'t honour "skills" of agent "bare"',
    }
    (folder / "SKILL.md").write_text(SKILL.replace("tools: read", "tools: hammer"))
    session.pancode("skills", "check", code=10)
    assert "SKILL.md:4" in session.pancode("skills", "check", code=10)
