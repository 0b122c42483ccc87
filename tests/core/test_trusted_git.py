"""Git on a directory that a worker can write to: nothing that lies there is obeyed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pancode.core.errors import PanError
from pancode.engine.trusted_git import make_trusted

WHO = "-c user.name=n -c user.email=e@localhost"


def sh(command: str, cwd: Path) -> str:
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=cwd, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "wt"
    tree.mkdir()
    sh(f"git init -q && echo 1 > a && echo '*.log' > .gitignore && git add . && git {WHO} commit -qm 1", tree)
    return tree


def traps(tree: Path) -> Path:
    """Lay what a hostile worker may lay; give the file that appears when one of them goes off."""
    mark = tree.parent / "sprung"
    evil = f"touch {mark}"
    for repository in (tree, tree / "inner"):
        repository.mkdir(exist_ok=True)
        sh("git init -q", repository)
        for name in ("core.fsmonitor", "core.sshCommand", "diff.external", "core.pager", "filter.f.clean"):
            sh(f'git config {name} "{evil}"', repository)
        hook = repository / ".git" / "hooks" / "pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{evil}\n")
        hook.chmod(0o755)
    (tree / "inner" / "z").write_text("z")
    quiet = "-c core.fsmonitor=false -c core.hooksPath=/dev/null -c filter.f.clean="
    sh(f"git {quiet} add z && git {quiet} {WHO} commit -qm z", tree / "inner")
    sh(f"git {quiet} add inner", tree)
    (tree / ".gitattributes").write_text("* filter=f\n")
    mark.unlink(missing_ok=True)
    return mark


def test_a_snapshot_keeps_untracked_files_and_springs_no_trap(tree: Path, tmp_path: Path) -> None:
    mark = traps(tree)
    (tree / "new").write_text("not added by anybody")
    trusted = make_trusted(str(tmp_path / "trusted.git"), str(tree))
    before = trusted.snapshot("before", "refs/pancode/k3f/before")
    (tree / "new").unlink()
    (tree / "a").write_text("2")
    (tree / "b").write_text("b")
    assert sorted(trusted.changed_since(before)) == [("A", "b"), ("D", "new"), ("M", "a")]
    assert trusted.run("show", f"{before}:new") == "not added by anybody"
    assert not mark.exists()
    sh("git status", tree)
    assert mark.exists(), "the control: a git that discovers the repository springs a trap"


def test_a_snapshot_leaves_the_repository_and_its_index_alone(tree: Path, tmp_path: Path) -> None:
    (tree / "new").write_text("n")
    before = sh("git status --porcelain && git for-each-ref && git rev-parse HEAD", tree)
    make_trusted(str(tmp_path / "t.git"), str(tree)).snapshot("x", "refs/pancode/x")
    assert sh("git status --porcelain && git for-each-ref && git rev-parse HEAD", tree) == before


def test_a_planted_commondir_is_not_read(tree: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    mark = tmp_path / "sprung"
    (evil / "config").write_text(f'[core]\n\tfsmonitor = "touch {mark}"\n')
    trusted = make_trusted(str(tmp_path / "t.git"), str(tree))
    (tree / ".git" / "commondir").write_text(str(evil))
    trusted.snapshot("x", "refs/pancode/x")
    assert not mark.exists()


def test_what_git_refuses_is_a_sentence(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(PanError, match="git rev-parse failed"):
        make_trusted(str(tmp_path / "t.git"), str(tree)).run("rev-parse", "no-such-thing")
