"""Puts what isolated runs have left into the operator's repository, and takes it back again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation import changes as books
from pancode.domains.isolation.apply import NOTHING, back, steps, take
from pancode.domains.isolation.changes import Changes, Fate
from pancode.domains.isolation.merging import joined, replayed
from pancode.domains.isolation.origin import Origin, Wanted, origin_of, wanted_in
from pancode.domains.isolation.work import Work
from pancode.engine import git


class How(StrEnum):
    """As what changes are merged."""

    PATCH = "patch"
    BRANCH = "branch"
    COMMITS = "commits"


Verify = Callable[[str, str], None]
"""Checks a merge before the operator's tree is touched; PanError if it fails.

It gets a commit that has the files as they would be, and the root of the operator's tree.
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """The operator's repository as a merge finds it: `now` is the tree of what lies in the work tree."""

    origin: Origin
    wanted: Wanted
    now: str


class Merges:
    """Merges one run after the other; two of these at a time wait for each other."""

    def __init__(self, work: Work, environment: Mapping[str, str]) -> None:
        """`environment` is the operator's."""
        self._work = work
        self._store = work.store
        self._environment = environment

    def merge(self, run: str, how: How = How.PATCH, verify: Verify | None = None) -> Changes:
        """Merge what `run` has left; give what became of it.

        A conflict changes nothing but the run's mark: it `needs-merge`, and the paths are named. PanError
        CONFLICT where the operator's tree is in the way or moves meanwhile, and whatever `verify` raises.
        """
        with self._store.writing():
            left = self._work.changes(run)
            if left.fate in (Fate.NONE, Fate.MERGED):
                return left
            if left.fate is Fate.DISCARDED:
                raise PanError(
                    f"run {left.run} is discarded", remedy=f"pancode undo {left.run}", code=ExitCode.CONFLICT
                )
            scene = self._scene(left.root)
            if how is How.BRANCH:
                return self._as_branch(left, scene, verify)
            return self._into_the_tree(left, scene, how, verify)

    def _scene(self, root: str) -> Scene:
        with self._store.locked():
            origin = origin_of(root)
            self._store.take_in(origin)
            wanted = wanted_in(origin, self._environment)
            return Scene(origin, wanted, self._store.snapshot(origin, "merge", wanted.ignored))

    def _into_the_tree(self, left: Changes, scene: Scene, how: How, verify: Verify | None) -> Changes:
        store, head = self._store, scene.origin.head
        found = joined(store, store.tree_of(left.base), scene.now, store.tree_of(left.result))
        conflicts, tip = found.conflicts, None
        if how is How.COMMITS and not conflicts:
            if head is None:
                raise PanError(
                    "there is no commit yet to put commits on", remedy="--as patch", code=ExitCode.REFUSED
                )
            tip, conflicts = replayed(store, left.base, left.result, head)
            conflicts = conflicts or self._staged(scene, steps(store, head, tip))
        if conflicts:
            return self._write(left.now(Fate.NEEDS_MERGE, conflicts=conflicts))
        merged = store.bare.commit(found.tree, f"Merge of run {left.run}", [head] if head else [])
        store.keep(f"{left.run}/merged", merged)
        store.keep_also(f"{left.run}/before", scene.now, f"Before the merge of run {left.run}")
        if verify is not None:
            verify(merged, left.root)
        if self._scene(left.root) != scene:
            raise PanError(
                "your tree has changed meanwhile: nothing is merged",
                remedy="merge again",
                code=ExitCode.CONFLICT,
            )
        take(store, left.root, steps(store, scene.now, found.tree), found.tree)
        record = {"how": how.value, "before": scene.now, "after": found.tree}
        if tip is not None and head is not None:
            self._move_branch(left, head, tip)
            record |= {"head": head, "tip": tip}
        return self._write(left.now(Fate.MERGED, merge=record, conflicts=()))

    def _staged(self, scene: Scene, taken: list[Any]) -> tuple[str, ...]:
        """Give the paths of `taken` where the operator's index is not as their commit is."""
        told = git.run(
            scene.origin.root, "diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD"
        )
        staged = set(told.split("\0"))
        return tuple(one.path for one in taken if one.path in staged)

    def _move_branch(self, left: Changes, head: str, tip: str) -> None:
        """Let the operator's branch go on to `tip`, and the index with it where it was as the commit."""
        root, taken = left.root, steps(self._store, head, tip)
        self._fetch(root, left.run, tip)
        lines = "".join(
            f"{'0' if one.after == NOTHING else one.after} {one.new}\t{one.path}\0" for one in taken
        )
        git.run(root, "update-index", "-z", "--index-info", given=lines)
        git.run(root, "update-ref", "-m", f"pancode merge {left.run}", "HEAD", tip, head)

    def _as_branch(self, left: Changes, scene: Scene, verify: Verify | None) -> Changes:
        store, name = self._store, f"pancode/{left.run}"
        tip = left.result
        conflicts: tuple[str, ...] = ()
        if left.base != left.origin_head and left.origin_head is not None:
            tip, conflicts = replayed(store, left.base, left.result, left.origin_head)
        if conflicts:
            return self._write(left.now(Fate.NEEDS_MERGE, conflicts=conflicts))
        if verify is not None:
            verify(tip, left.root)
        if git.run(scene.origin.root, "for-each-ref", f"refs/heads/{name}"):
            raise PanError(
                f'there is a branch "{name}" already', remedy=f"git branch -m {name} OTHER",
                code=ExitCode.CONFLICT,
            )  # fmt: skip
        self._fetch(left.root, left.run, tip)
        git.run(left.root, "update-ref", f"refs/heads/{name}", tip, "")
        return self._write(
            left.now(Fate.MERGED, merge={"how": "branch", "branch": name, "tip": tip}, conflicts=())
        )

    def _fetch(self, root: str, run: str, tip: str) -> None:
        """Have `tip` in the operator's repository; no ref there names it yet."""
        self._store.keep(f"{run}/tip", tip)
        words = (
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-gc",
        )
        git.run(root, *words, self._store.git_dir, f"refs/pancode/{run}/tip")

    def discard(self, run: str) -> Changes:
        """Put what `run` has left aside: it is kept under a trash ref, and `undo` brings it back."""
        with self._store.writing():
            left = self._work.changes(run)
            if left.fate is Fate.MERGED:
                raise PanError(
                    f"run {left.run} is merged", remedy=f"pancode undo {left.run}", code=ExitCode.CONFLICT
                )
            if left.fate in (Fate.NONE, Fate.DISCARDED):
                return left
            self._store.keep(f"trash/{left.run}", left.result)
            return self._write(left.now(Fate.DISCARDED))

    def undo(self, run: str) -> Changes:
        """Take back what was decided last about `run`: it is open again.

        PanError CONFLICT names what has changed since a merge; nothing is taken back then.
        """
        with self._store.writing():
            left = self._work.changes(run)
            if left.fate is Fate.MERGED and left.merge is not None:
                self._take_back(left, left.merge)
            elif left.fate is not Fate.DISCARDED:
                raise PanError(
                    f"there is nothing to take back: run {left.run} is {left.fate}",
                    remedy=f"pancode merge {left.run}, or pancode discard {left.run}",
                    code=ExitCode.CONFLICT,
                )
            return self._write(left.now(Fate.OPEN, merge=None))

    def _take_back(self, left: Changes, done: Mapping[str, Any]) -> None:
        if done["how"] == "branch":
            self._remove_branch(left.root, str(done["branch"]), str(done["tip"]))
            return
        store, scene = self._store, self._scene(left.root)
        taken = steps(store, str(done["before"]), str(done["after"]))
        since = {one.path for one in steps(store, str(done["after"]), scene.now)}
        # What is as it was before is taken back already: one that was killed in the middle is gone on with.
        other = {one.path for one in steps(store, str(done["before"]), scene.now)}
        moved = [one.path for one in taken if one.path in since & other]
        if "tip" in done and scene.origin.head != done["tip"]:
            moved.append("HEAD")
        if moved:
            raise PanError(
                f"changed since run {left.run} was merged: {', '.join(moved[:5])}",
                remedy=f"take it back by hand: pancode diff {left.run}",
                code=ExitCode.CONFLICT,
            )
        still = [one for one in taken if one.path not in since]
        take(store, left.root, back(still), str(done["before"]))
        if "tip" in done:
            self._move_branch(left, str(done["tip"]), str(done["head"]))

    @staticmethod
    def _remove_branch(root: str, name: str, tip: str) -> None:
        if git.run(root, "rev-parse", "--symbolic-full-name", "HEAD").strip() == f"refs/heads/{name}":
            raise PanError(
                f'"{name}" is checked out', remedy="git switch to another branch", code=ExitCode.CONFLICT
            )
        git.run(root, "update-ref", "-d", f"refs/heads/{name}", tip)

    def _write(self, left: Changes) -> Changes:
        books.write(self._work.folder(left.run), left)
        return left
