"""Runs in clones of their own: what they are given, and what they leave."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pancode.domains.isolation.api import root_of
from tests.isolation.conftest import make_project, sh
from tests.session.conftest import Session
from tests.session.test_questions import asking, open_questions, start
from tests.terminal import wait_until

__all__ = ["asking"]

pytestmark = pytest.mark.tmux


def dirty(root: Path) -> None:
    """Leave uncommitted work of every kind."""
    sh("git mv 'old name' 'new name' && git rm -q gone", root)
    (root / "src" / "a.txt").write_text((root / "src" / "a.txt").read_text().replace("line 3\n", "mine\n"))
    (root / "run.sh").chmod(0o755)
    (root / "data.bin").write_bytes(bytes(range(256)) * 40)
    (root / "link").symlink_to("src/a.txt")
    (root / "noise.log").write_text("ignored")


def test_uncommitted_work_is_taken_along_and_only_the_workers_changes_come_back(
    repository: tuple[Session, Path],
) -> None:
    session, root = repository
    dirty(root)
    before = sh("git status --porcelain && git for-each-ref", root)
    task = (
        "cat src/a.txt | sed -n 4p; test -x run.sh && wc -c < data.bin; readlink link; ls; "
        "echo two >> src/a.txt; mv 'new name' third; echo n > new.txt; git status --porcelain | wc -l"
    )
    found = session.json("run", "-a", "shell", "--isolate", task)
    assert found["status"] == "done", found
    lines = found["result"].splitlines()
    assert lines[:3] == ["mine", "10240", "src/a.txt"]
    assert "gone" not in lines
    assert "noise.log" not in lines
    assert lines[-1] == "4", "against the base only the worker's own changes are there"
    told = found["changes"]
    assert (told["files"], told["added"], told["removed"], told["fate"]) == (3, 2, 0, "open")
    assert sh("git status --porcelain && git for-each-ref", root) == before
    run = found["run_id"]
    assert session.pancode("diff", run, "--stat").splitlines()[-1] == "3 files +2 -0, open"
    patch = session.pancode("diff", run)
    assert "rename from new name" in patch
    assert "+two" in patch
    assert Path(session.places.runs, run, "changes.patch").read_text().count("diff --git") == 3
    assert session.json("runs", "show", run)["changes"]["files"] == 3


def test_the_operators_tree_is_not_writable_and_its_objects_are_readable(
    repository: tuple[Session, Path],
) -> None:
    session, root = repository
    task = f"git log --oneline | wc -l; pwd; echo x > {root}/src/a.txt || echo refused"
    found = session.json("run", "-a", "shell", "--isolate", "--cwd", str(root / "src"), task)
    first, where, *_, last = found["result"].splitlines()
    assert (first, last) == ("1", "refused")
    assert where.endswith(f"/clones/{found['run_id']}/src")
    assert "line 3" in (root / "src" / "a.txt").read_text()


def test_commits_and_what_is_left_uncommitted_are_both_collected(repository: tuple[Session, Path]) -> None:
    session, root = repository
    task = (
        "echo 1 > one && git add one && git commit -qm one && git log -1 --format=%an,%ae; "
        "git branch side && git checkout -q side && echo s > s && git add s && git commit -qm s; "
        "git checkout -q - ; echo 2 > two"
    )
    found = session.json("run", "-a", "shell", "--isolate", task)
    assert found["result"] == "PanCode worker,worker@pancode.invalid"
    told = found["changes"]
    assert (told["files"], told["commits"], told["uncommitted"]) == (2, 1, True)
    shown = session.json("diff", found["run_id"])
    assert [path["path"] for path in shown["paths"]] == ["one", "two"]
    assert shown["branches"] == ["heads/side"]
    assert sh("git for-each-ref | wc -l", root).strip() == "1"


def test_a_run_that_changes_nothing_says_so(repository: tuple[Session, Path]) -> None:
    session, _ = repository
    found = session.json("run", "-a", "shell", "--isolate", "true")
    assert (found["changes"]["files"], found["changes"]["fate"]) == (0, "none")


def test_outside_of_a_repository_isolation_is_refused(session: Session) -> None:
    session.pancode("run", "-a", "shell", "--isolate", "true", code=5)
    assert "is not in a git repository" in session.last_error
    assert os.listdir(session.places.runs) == []


def test_what_a_sandbox_leaves_where_it_guards_a_repository_is_none(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert root_of(str(tmp_path)) is None
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert root_of(str(tmp_path)) == str(tmp_path)


def test_a_merge_is_checked_by_a_worker_before_the_tree_is_touched(repository: tuple[Session, Path]) -> None:
    session, root = repository
    run = session.json("run", "-a", "shell", "--isolate", "echo 1 > one")["run_id"]
    session.pancode("merge", run, "--verify", "test -e one && test -e two", code=1)
    assert "the check ended failed: nothing is merged" in session.last_error
    assert not (root / "one").exists()
    found = session.json("merge", run, "--verify", "test -e one && echo made > by-the-check")
    assert [left["fate"] for left in found["runs"]] == ["merged"]
    assert (root / "one").read_text() == "1\n"
    assert not (root / "by-the-check").exists()
    clones = Path(session.places.state, "clones")
    wait_until(lambda: {path.name for path in clones.iterdir()} == {run, f"{run}.index"}, "checks leave none")
    session.pancode("undo", run)
    assert not (root / "one").exists()


def test_changes_that_others_execute_later_need_a_yes(repository: tuple[Session, Path]) -> None:
    session, root = repository
    run = session.json("run", "-a", "shell", "--isolate", "echo evil >> Makefile")["run_id"]
    assert "look at" in session.pancode("runs", "show", run)
    session.pancode("merge", run, code=5)
    assert f"{run}: Makefile" in session.last_error
    session.pancode("merge", run, "--yes")
    assert "evil" in (root / "Makefile").read_text()


def test_a_killed_controller_loses_no_changes(repository: tuple[Session, Path]) -> None:
    session, _ = repository
    run = session.detached(
        "-a",
        "shell",
        "--isolate",
        "echo 1 > one; until test -p go; do sleep 0.05; done; read x < go; echo 2 > two",
    )
    session.until_working(run)
    clone = Path(session.places.state, "clones", run)
    os.mkfifo(clone / "go")
    os.kill(session.status()["controller"]["pid"], signal.SIGKILL)
    (clone / "go").write_text("on\n")
    changes = Path(session.places.runs, run, "changes.json")
    wait_until(changes.exists, "the next controller collects")
    assert session.json("diff", run)["files"] == 2


def test_clones_go_when_nobody_needs_them_and_what_is_unmerged_is_named(
    repository: tuple[Session, Path],
) -> None:
    session, root = repository
    kept, merged, none = (
        session.json("run", "-a", "shell", "--isolate", task)["run_id"]
        for task in ("echo a > a", "echo b > b", "true")
    )
    session.pancode("merge", merged)
    clones = Path(session.places.state, "clones")
    *listed, last = session.pancode("clean", "--dry-run").splitlines()
    assert last.startswith("the session keeps ")
    assert sorted(listed) == sorted([
        f"kept the clone of {kept}: 1 file +1 -0, open",
        f"would remove the clone of {merged}: 1 file +1 -0, merged",
        f"would remove the clone of {none}: none",
    ])  # fmt: skip
    session.pancode("clean")
    assert [path.name for path in clones.iterdir() if path.is_dir()] == [kept]
    assert [session.row(run)["changes"]["fate"] for run in (kept, merged)] == ["open", "merged"]
    assert "1 file +1 -0 open" in session.pancode("status")
    session.pancode("undo", merged)
    assert not (root / "b").exists(), "what was merged is kept without its clone"
    session.pancode("down")
    assert f"not merged yet: {kept} (1 file +1 -0), {merged} (1 file +1 -0)" in session.last_error.replace(
        f"{merged} (1 file +1 -0), {kept} (1 file +1 -0)", f"{kept} (1 file +1 -0), {merged} (1 file +1 -0)"
    )
    session.pancode("reset", "--yes", code=11)
    assert "--with-unmerged" in session.last_error
    session.pancode("discard", kept)
    session.pancode("discard", merged)
    session.pancode("reset", "--yes")


def test_an_isolated_agent_is_shown_where_it_works(asking: Session) -> None:
    root = make_project(asking.places.project)
    first = start(asking, "frobnicate", "--isolate")
    wait_until(lambda: open_questions(asking), "it asks")
    clone = Path(asking.places.state, "clones", first)
    (clone / "n").write_text("n")
    asking.pancode("deny", first)
    wait_until(lambda: asking.json("runs", "show", first)["status"], "its end")
    assert asking.json("diff", first)["files"] == 1
    told = asking.json("runs", "show", first)
    assert told["cwd"] == str(clone)
    assert not (root / "n").exists()
