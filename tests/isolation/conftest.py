"""A session whose project is a git repository."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.session.conftest import Session, a_session, no_session, session

if TYPE_CHECKING:
    from tests.isolation.shop import Shop

__all__ = ["no_session", "session"]

WHO = "-c user.name=Op -c user.email=op@localhost"


def sh(command: str, cwd: Path | str) -> str:
    """Run a shell line in `cwd` and give what it prints; it must succeed."""
    done = subprocess.run(["/bin/sh", "-c", command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_project(project: str) -> Path:
    """Make a repository with one commit."""
    root = Path(project)
    (root / "src").mkdir()
    (root / "src" / "a.txt").write_text("".join(f"line {number}\n" for number in range(20)))
    (root / "gone").write_text("to be deleted\n")
    (root / "old name").write_text("to be renamed\n" * 9)
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / ".gitignore").write_text("*.log\nbuild/\n")
    (root / "Makefile").write_text("all:\n")
    sh(f"git init -q -b main && git add -A && git {WHO} commit -qm first", root)
    return root


@pytest.fixture
def repository() -> Iterator[tuple[Session, Path]]:
    """Give a session that is up in a repository with one commit."""
    with a_session() as made:
        root = make_project(made.places.project)
        made.pancode("up", "--detach")
        yield made, root


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Give a project with one commit, without a session."""
    from tests.isolation.shop import Shop

    (tmp_path / "p").mkdir()
    return Shop(tmp_path, make_project(str(tmp_path / "p")))
