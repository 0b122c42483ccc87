"""The five real CLIs in clones of their own: they work there, go on there, and their changes come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pancode.engine import git
from pancode.scripted.server import serve_in_thread
from tests.agents.conftest import REAL, each, path
from tests.session.conftest import Session, a_session

pytestmark = REAL


@pytest.fixture(scope="session")
def repository() -> Iterator[Session]:
    """Give a session with the five CLIs in its PATH, in a repository with a commit."""
    with a_session("/var/tmp") as made:
        made.environment["PATH"] = path()
        root = Path(made.places.project)
        (root / "a.txt").write_text("one\n")
        git.run(str(root), "init", "--quiet", "--initial-branch=main")
        git.run(str(root), "add", "--all")
        git.run(
            str(root), "-c", "user.name=Op", "-c", "user.email=o@localhost", "commit", "--quiet", "-m", "1"
        )
        made.pancode("up", "--detach")
        made.pancode("safety", "full-auto")
        yield made


@each
def test_an_agent_works_and_goes_on_in_its_clone(repository: Session, agent: str) -> None:
    root = Path(repository.places.project)
    script = {
        "scripts": [
            {"when": "second helping", "turns": [{"shell": f"echo 2 >> {agent}.txt"}, {"text": "More."}]}
        ],
        "turns": [{"shell": f"echo 1 > {agent}.txt"}, {"text": "Made."}],
    }
    with serve_in_thread(script) as model:
        words = ("--agent", agent, "--endpoint", model.url, "--timeout", "100", "--isolate", "do it")
        first = repository.json("run", *words)
        assert (first["result"], first["changes"]["files"]) == ("Made.", 1)
        second = repository.json("say", first["run_id"], "second helping")
    assert (second["result"], second["changes"]["added"]) == ("More.", 2)
    shown = repository.json("runs", "show", first["run_id"])
    assert shown["grant"]["level"] == "full-auto", "the other tests are at auto-edit"
    assert repository.json("diff", first["run_id"])["fate"] == "continued"
    assert not (root / f"{agent}.txt").exists()
    repository.pancode("merge", second["run_id"])
    assert (root / f"{agent}.txt").read_text() == "1\n2\n"
