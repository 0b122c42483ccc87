"""A push on a worker's behalf: only a plain one, with nothing of the worker's obeyed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pancode.core.errors import PanError
from pancode.domains.safety.push import Push, perform, push_of


def sh(command: str, cwd: Path) -> str:
    done = subprocess.run(["/bin/sh", "-c", command], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    sh(f"git init -q --bare {tmp_path}/remote.git && git init -q -b main && echo 1 > a && git add a", tree)
    sh("git -c user.name=n -c user.email=e@localhost commit -qm 1", tree)
    sh(f"git remote add origin {tmp_path}/remote.git", tree)
    return tree


@pytest.mark.parametrize(
    "words",
    [
        ["git", "push", "--exec=evil", "origin"],
        ["git", "push", "--repo=ext::sh -c evil"],
        ["git", "push", "ext::sh -c evil"],
        ["git", "-c", "core.sshCommand=evil", "push"],
        ["git", "pull"],
        ["make", "push"],
        [],
    ],
)
def test_only_a_plain_push_is_done_for_a_worker(words: list[str]) -> None:
    assert push_of(words) is None


def test_a_push_reaches_the_remote_and_runs_no_hook(tree: Path, tmp_path: Path) -> None:
    hook = tree / ".git" / "hooks" / "pre-push"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
    hook.chmod(0o755)
    push = push_of(["git", "push", "-u", "origin", "main"])
    assert push is not None
    perform(push, str(tree), {"HOME": str(tmp_path)})
    assert sh("git rev-parse main", tmp_path / "remote.git") == sh("git rev-parse main", tree)
    assert not (tmp_path / "hook-ran").exists()


def test_what_git_refuses_is_a_sentence(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(PanError, match="git push failed"):
        perform(Push(("nowhere", "main")), str(tree), {"HOME": str(tmp_path)})
    with pytest.raises(PanError, match="not a repository of its own"):
        perform(Push(()), str(tmp_path), {"HOME": str(tmp_path)})
