"""Collecting what a worker has left, from clones that do their worst."""

from __future__ import annotations

from pathlib import Path

from pancode.domains.isolation import changes as books
from pancode.domains.isolation.changes import Fate
from tests.isolation.conftest import WHO, sh
from tests.isolation.shop import Shop

QUIET = "-c core.fsmonitor=false -c core.hooksPath=/dev/null -c filter.f.clean= -c filter.f.required=false"


def lay_traps(clone: Path, mark: Path) -> None:
    """Set everything in a clone's configuration that makes some git command run a program."""
    evil = f"touch {mark}"
    for name in (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.alternateRefsCommand", "core.gitProxy",
        "diff.external", "diff.f.textconv", "diff.f.command", "filter.f.clean", "filter.f.smudge",
        "filter.f.process", "merge.f.driver", "uploadpack.packObjectsHook", "gpg.program",
    ):  # fmt: skip
        sh(f'git config {name} "{evil}"', clone)
    (clone / "hooks").mkdir()
    for name in ("pre-commit", "post-checkout", "reference-transaction", "post-index-change", "pre-receive"):
        hook = clone / "hooks" / name
        hook.write_text(f"#!/bin/sh\n{evil}\n")
        hook.chmod(0o755)
    sh(f"git config core.hooksPath {clone}/hooks", clone)
    (clone / ".gitattributes").write_text("* filter=f diff=f merge=f\n")


def test_nothing_that_a_hostile_clone_sets_is_run(shop: Shop) -> None:
    mark = shop.base / "sprung"
    clone = shop.clone("k3f")
    sh(f"echo c > c && git add c && git {WHO} commit -qm c", clone)
    lay_traps(clone, mark)
    mark.unlink(missing_ok=True)
    (clone / "src" / "a.txt").write_text("worker\n")
    left = shop.collect("k3f")
    shop.work.paths(left)
    shop.merges.merge("k3f")
    assert (left.commits, left.problems) == (1, ())
    assert shop.read("src/a.txt") == "worker\n"
    assert not mark.exists()
    sh("git status || true", clone)
    assert mark.exists(), "the control: a git that discovers the clone springs a trap"


def test_collecting_twice_gives_the_same(shop: Shop) -> None:
    left = shop.run("k3f", "echo n > n")
    patch = Path(shop.work.folder("k3f"), "changes.patch").read_bytes()
    Path(books.path_of(shop.work.folder("k3f"))).unlink()
    again = shop.collect("k3f")
    assert shop.work.store.tree_of(again.result) == shop.work.store.tree_of(left.result)
    assert (again.counts, again.fate) == (left.counts, Fate.OPEN)
    assert Path(shop.work.folder("k3f"), "changes.patch").read_bytes() == patch
    assert shop.collect("k3f") == again


def test_the_patch_alone_is_enough(shop: Shop) -> None:
    shop.run(
        "k3f",
        "mv 'old name' moved; printf 'a\\0b' > bin; echo more >> src/a.txt; chmod +x Makefile; ln -s a l",
    )
    sh(f"git apply {shop.work.folder('k3f')}/changes.patch", shop.root)
    assert shop.status() == [" M Makefile", ' D "old name"', " M src/a.txt", "?? bin", "?? l", "?? moved"]


def test_a_broken_clone_still_has_its_files(shop: Shop) -> None:
    clone = shop.clone("k3f")
    (clone / "n").write_text("n\n")
    (clone / ".git" / "HEAD").write_text("garbage")
    left = shop.collect("k3f")
    assert left.files == 1
    assert left.problems
    shop.merges.merge("k3f")
    assert shop.read("n") == "n\n"


def test_a_repository_that_the_worker_makes_inside_is_not_lost(shop: Shop) -> None:
    left = shop.run(
        "k3f",
        f"mkdir new empty; cd new; git init -q; echo n > n; git add n; git {WHO} commit -qm n; echo u > u; "
        "cd ../empty; git init -q; echo e > e",
    )
    assert [path["path"] for path in shop.work.paths(left)] == ["empty/e", "new/n", "new/u"]


def test_a_stash_and_another_branch_are_kept(shop: Shop) -> None:
    left = shop.run(
        "k3f",
        f"echo s >> src/a.txt; git {WHO} stash -q; git checkout -qb side; echo b > b; git add b; "
        f"git {WHO} commit -qm b; git checkout -q pancode/k3f",
    )
    assert left.fate is Fate.OPEN
    assert set(left.branches) == {"heads/side", "stash"}
    kept = f"git --git-dir={shop.work.store.git_dir} show refs/pancode/k3f/theirs/heads/side:b"
    assert sh(kept, "/") == "b\n"


def test_the_operators_housekeeping_takes_nothing_away(shop: Shop) -> None:
    left = shop.run("k3f", "echo n > n")
    sh(f"echo z >> gone; git {WHO} commit -qam second; git {WHO} commit -q --amend -m other", shop.root)
    sh(f"git checkout -q --orphan fresh && git {WHO} commit -qm anew && git branch -D main", shop.root)
    sh("git reflog expire --expire=now --all && git gc -q --prune=now", shop.root)
    assert [path["path"] for path in shop.work.paths(left)] == ["n"]
    shop.merges.merge("k3f")
    assert shop.read("n") == "n\n"


def test_locks_that_a_killed_git_left_are_no_obstacle(shop: Shop) -> None:
    left = shop.run("k3f", "echo n > n")
    store = shop.work.store
    for path in (
        *Path(store.git_dir).glob("index-*"),
        Path(store.index("k3f")),
        Path(store.git_dir, "refs/pancode/k3f/result"),
        Path(store.git_dir, "writing-index"),
    ):
        Path(f"{path}.lock").write_text("")
    Path(books.path_of(shop.work.folder("k3f"))).unlink()
    assert shop.collect("k3f").counts == left.counts
    assert shop.run("m4g", "echo m > m").files == 1
    shop.merges.merge("k3f")
    assert shop.read("n") == "n\n"
