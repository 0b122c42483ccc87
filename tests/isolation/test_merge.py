"""Merging what isolated runs have left, and taking it back: real repositories, no session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation.changes import Fate
from pancode.domains.isolation.housekeeping import unmerged
from pancode.domains.isolation.merge import How
from pancode.engine import files
from tests.isolation.conftest import WHO, sh
from tests.isolation.shop import Shop


def edit(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def test_a_patch_keeps_what_the_operator_has_changed_meanwhile(shop: Shop) -> None:
    edit(shop.root / "src" / "a.txt", "line 1\n", "operator before\n")
    left = shop.run(
        "k3f", "sed -i 's/line 18/worker/' src/a.txt; mv 'old name' renamed; printf 'a\\0b' > bin"
    )
    [renamed] = [path for path in shop.work.paths(left) if path["path"] == "renamed"]
    assert (renamed["letter"], renamed["from"], renamed["added"]) == ("R", "old name", 0)
    edit(shop.root / "src" / "a.txt", "line 9\n", "operator after\n")
    (shop.root / "mine").write_text("untracked")
    head = sh("git rev-parse HEAD", shop.root)
    done = shop.merges.merge(left.run)
    assert done.fate is Fate.MERGED
    text = shop.read("src/a.txt")
    assert [word in text for word in ("operator before", "operator after", "worker")] == [True] * 3
    assert not (shop.root / "old name").exists()
    assert (shop.root / "renamed").read_text() == "to be renamed\n" * 9
    assert (shop.root / "bin").read_bytes() == b"a\0b"
    assert (shop.root / "mine").read_text() == "untracked"
    assert sh("git rev-parse HEAD", shop.root) == head
    assert sh("git diff --cached --name-only", shop.root) == ""
    assert shop.merges.merge(left.run) == done, "a second time changes nothing"


def test_a_conflict_changes_nothing_and_names_the_files(shop: Shop) -> None:
    first = shop.run("aaa", "sed -i 's/line 5$/one/' src/a.txt; echo other > other")
    second = shop.run("bbb", "sed -i 's/line 5$/two/' src/a.txt; echo more > more")
    shop.merges.merge(first.run)
    before = shop.read("src/a.txt"), shop.status()
    met = shop.merges.merge(second.run)
    assert (met.fate, met.conflicts) == (Fate.NEEDS_MERGE, ("src/a.txt",))
    assert (shop.read("src/a.txt"), shop.status()) == before
    assert not (shop.root / "more").exists()
    assert shop.merges.discard(second.run).conflicts == ()
    shop.merges.undo(second.run)
    shop.merges.undo(first.run)
    assert shop.merges.merge(second.run).fate is Fate.MERGED
    assert "two\n" in shop.read("src/a.txt")


def test_who_reads_no_further_than_the_first_lines_of_a_patch_is_no_fault(shop: Shop) -> None:
    left = shop.run("k3f", "echo n > n")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as to, pytest.raises(BrokenPipeError):
        shop.work.print_patch(left, to)


def test_an_ignored_file_in_the_way_is_not_overwritten(shop: Shop) -> None:
    left = shop.run("k3f", "printf '' > .gitignore; echo theirs > x.log; echo n > new")
    (shop.root / "x.log").write_text("mine")
    with pytest.raises(PanError, match=r"in the way: x\.log") as caught:
        shop.merges.merge(left.run)
    assert caught.value.code is ExitCode.CONFLICT
    assert (shop.root / "x.log").read_text() == "mine"
    assert not (shop.root / "new").exists()


def test_undo_takes_a_merge_back_unless_the_tree_has_moved_on(shop: Shop) -> None:
    before = shop.status(), shop.read("src/a.txt")
    left = shop.run(
        "k3f", "echo x >> src/a.txt; mkdir -p deep/er; echo n > deep/er/n; sed -i d gone; mv gone went"
    )
    shop.merges.merge(left.run)
    (shop.root / "mine").write_text("elsewhere")
    (shop.root / "deep" / "er" / "n").write_text("changed since")
    with pytest.raises(PanError, match="changed since run k3f was merged: deep/er/n"):
        shop.merges.undo(left.run)
    (shop.root / "deep" / "er" / "n").write_text("n\n")
    assert shop.merges.undo(left.run).fate is Fate.OPEN
    (shop.root / "mine").unlink()
    assert (shop.status(), shop.read("src/a.txt")) == before
    assert not (shop.root / "deep").exists()
    assert shop.merges.merge(left.run).fate is Fate.MERGED


def test_a_branch_has_the_workers_commits_and_what_it_left_uncommitted(shop: Shop) -> None:
    edit(shop.root / "src" / "a.txt", "line 1\n", "operator's own\n")
    left = shop.run("k3f", f"echo 1 > one; git add one; git {WHO} commit -qm 'add one'; echo 2 > two")
    done = shop.merges.merge(left.run, How.BRANCH)
    assert done.fate is Fate.MERGED
    log = sh("git log --format=%s%x20%an main..pancode/k3f", shop.root).splitlines()
    assert log == ["What run k3f left uncommitted PanCode", "add one Op"]
    assert sh("git diff --stat main pancode/k3f | tail -1", shop.root).strip().startswith("2 files changed")
    assert "operator's own" not in sh("git show pancode/k3f:src/a.txt", shop.root)
    assert "operator's own" in shop.read("src/a.txt")
    shop.merges.undo(left.run)
    assert "pancode/k3f" not in sh("git branch", shop.root)


def test_commits_move_the_branch_and_leave_uncommitted_work_uncommitted(shop: Shop) -> None:
    edit(shop.root / "src" / "a.txt", "line 1\n", "operator's own\n")
    (shop.root / "staged").write_text("s")
    sh("git add staged", shop.root)
    left = shop.run("k3f", f"echo w >> src/a.txt; git {WHO} commit -qam 'by the worker'; mv gone went")
    shop.merges.merge(left.run, How.COMMITS)
    assert sh("git log --format=%s", shop.root).splitlines() == [
        "What run k3f left uncommitted", "by the worker", "first",
    ]  # fmt: skip
    assert shop.status() == [" M src/a.txt", "A  staged"]
    assert "operator's own" not in sh("git show HEAD:src/a.txt", shop.root)
    shop.merges.undo(left.run)
    assert sh("git log --format=%s", shop.root).splitlines() == ["first"]
    assert shop.status() == [" M src/a.txt", "A  staged"]
    assert (shop.root / "gone").exists()


def test_hooks_of_the_operator_do_not_run(shop: Shop) -> None:
    mark = shop.base / "ran"
    names = (
        "post-index-change",
        "reference-transaction",
        "post-checkout",
        "pre-commit",
        "post-commit",
        "post-merge",
    )
    for name in names:
        hook = shop.root / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    left = shop.run("k3f", "echo n > n")
    other = shop.run("m4g", "echo o > o")
    shop.merges.merge(left.run, How.COMMITS)
    shop.merges.merge(other.run, How.BRANCH)
    assert not mark.exists()
    sh("git update-ref refs/heads/control HEAD", shop.root)
    assert mark.exists(), "the control: plain git runs them"


def test_what_is_discarded_comes_back(shop: Shop) -> None:
    left = shop.run("k3f", "echo n > n")
    assert shop.merges.discard(left.run).fate is Fate.DISCARDED
    with pytest.raises(PanError, match="is discarded"):
        shop.merges.merge(left.run)
    assert sh(f"git --git-dir={shop.work.store.git_dir} show refs/pancode/trash/k3f:n", "/") == "n\n"
    shop.merges.undo(left.run)
    shop.merges.merge(left.run)
    assert shop.read("n") == "n\n"
    with pytest.raises(PanError, match="is merged"):
        shop.merges.discard(left.run)


def test_a_check_that_fails_leaves_the_tree_alone(shop: Shop) -> None:
    left = shop.run("k3f", "echo n > n")
    seen = []

    def fails(commit: str, root: str) -> None:
        seen.append(sh(f"git --git-dir={shop.work.store.git_dir} show {commit}:n", root))
        raise PanError("the check failed")

    with pytest.raises(PanError, match="the check failed"):
        shop.merges.merge(left.run, verify=fails)
    assert (seen, shop.status()) == (["n\n"], [])

    def moves(_: str, root: str) -> None:
        Path(root, "moved").write_text("meanwhile")

    with pytest.raises(PanError, match="your tree has changed meanwhile"):
        shop.merges.merge(left.run, verify=moves)
    assert shop.work.changes("k3f").fate is Fate.OPEN


def test_a_repository_without_commits_and_one_with_submodules(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "fresh").mkdir()
    fresh = Shop(tmp_path / "other", tmp_path / "fresh")
    sh("git init -q -b main && echo 1 > one", fresh.root)
    left = fresh.run("aaa", "cat one; echo 2 > two; git log --oneline | wc -l")
    fresh.merges.merge(left.run)
    assert fresh.read("two") == "2\n"
    assert sh("git log 2>&1 || true", fresh.root).startswith("fatal")

    allow = "-c protocol.file.allow=always"
    sh(f"git {allow} submodule add -q {shop.root} sub && git {WHO} commit -qam sub", _with_commit(fresh.root))
    edit(fresh.root / "sub" / "src" / "a.txt", "line 2\n", "uncommitted in the submodule\n")
    left = fresh.run(
        "bbb", "grep -c uncommitted sub/src/a.txt && sed -i 's/line 17/worker/' sub/src/a.txt; echo 3 > three"
    )
    assert [path["path"] for path in fresh.work.paths(left)] == ["sub/src/a.txt", "three"]
    for how in (How.COMMITS, How.BRANCH):
        with pytest.raises(PanError, match="can hold files of a submodule") as refused:
            fresh.merges.merge(left.run, how)
        assert "--as patch" in str(refused.value.remedy)
    fresh.merges.merge(left.run)
    text = fresh.read("sub/src/a.txt")
    assert "uncommitted in the submodule" in text
    assert "worker" in text
    assert (fresh.root / "sub" / ".git").exists()
    assert fresh.read("three") == "3\n"


def _with_commit(root: Path) -> Path:
    sh(f"git add -A && git {WHO} commit -qm start", root)
    return root


def test_the_files_that_others_execute_are_named(shop: Shop) -> None:
    left = shop.run(
        "k3f", "mkdir -p .github/workflows; echo x > .github/workflows/ci.yml; echo x >> Makefile; echo a > a"
    )
    assert left.review == (".github/workflows/ci.yml", "Makefile")


def test_a_linked_work_tree_and_names_of_any_bytes(shop: Shop, tmp_path: Path) -> None:
    sh("git worktree add -q -b side ../linked", shop.root)
    linked = Shop(tmp_path / "state", tmp_path / "linked")
    (linked.root / "draft").write_text("mine")
    odd = os.fsdecode(b"new\nline \xff")
    left = linked.run("k3f", lambda clone: (clone / odd).write_text((clone / "draft").read_text()))
    assert [path["path"] for path in linked.work.paths(left)] == [odd]
    linked.merges.merge("k3f")
    assert (linked.root / odd).read_text() == "mine"
    assert not (shop.root / odd).exists()
    linked.merges.merge(linked.run("m4g", "echo 1 > one").run, How.COMMITS)
    assert sh("git log -1 --format=%s side", shop.root) == "What run m4g left uncommitted\n"


def test_what_a_later_run_in_the_clone_has_left_holds_the_earlier_changes(shop: Shop) -> None:
    clone = shop.clone("aaa")
    (clone / "one").write_text("1\n")
    shop.collect("aaa")
    spec = files.read_json(f"{shop.work.folder('aaa')}/spec.json") or {}
    os.makedirs(shop.work.folder("bbb"))
    isolation = {**spec["isolation"], "continues": "aaa"}
    files.write_json(f"{shop.work.folder('bbb')}/spec.json", {"run": "bbb", "isolation": isolation})
    (clone / "two").write_text("2\n")
    assert shop.collect("bbb").files == 2
    assert shop.work.changes("aaa").fate is Fate.CONTINUED
    assert [left.run for left in unmerged(shop.work)] == ["bbb"]
    shop.merges.merge("bbb")
    assert (shop.read("one"), shop.read("two")) == ("1\n", "2\n")


def test_what_a_filter_keeps_comes_as_a_file_and_never_into_a_commit(shop: Shop) -> None:
    pointer, content = "version https://git-lfs.github.com/spec/v1\n", "the picture itself\n"
    (shop.root / ".gitattributes").write_text("*.png filter=lfs -text\n")
    for name in ("a.png", "b.png", "not-pulled.png"):
        (shop.root / name).write_text(pointer)
    sh(f"git add -A && git {WHO} commit -qm pictures", shop.root)
    for name in ("a.png", "b.png"):
        (shop.root / name).write_text(content)
    left = shop.run("k3f", "cat a.png > seen; echo 'drawn over' > a.png; cp not-pulled.png as-it-was")
    for how in (How.COMMITS, How.BRANCH):
        with pytest.raises(PanError, match=r"by a filter, as Git LFS does, .*: a\.png"):
            shop.merges.merge("k3f", how)
    shop.merges.merge("k3f")
    told = [shop.read(name) for name in ("seen", "a.png", "b.png", "not-pulled.png", "as-it-was")]
    assert told == [content, "drawn over\n", content, pointer, pointer]
    assert left.files == 3
    shop.merges.undo("k3f")
    assert [shop.read(name) for name in ("a.png", "not-pulled.png")] == [content, pointer]
    sh("git add -u", shop.root)
    other = shop.run("m4g", "echo plain > plain.txt")
    assert shop.merges.merge(other.run, How.BRANCH).fate is Fate.MERGED, (
        "what has no filter is merged as ever"
    )
