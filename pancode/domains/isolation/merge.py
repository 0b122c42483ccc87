"""Puts what isolated runs have left into the operator's repository, and takes it back again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation import changes as books
from pancode.domains.isolation.apply import steps
from pancode.domains.isolation.branch import fetch
from pancode.domains.isolation.changes import Changes, Fate
from pancode.domains.isolation.merging import filtered, inner, joined, replayed
from pancode.domains.isolation.plan import Plan
from pancode.domains.isolation.scene import Scene, look
from pancode.domains.isolation.work import Work
from pancode.domains.isolation.writing import Note, Writer
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


class Merges:
    """Merges one run after the other; two of these at a time wait for each other."""

    def __init__(self, work: Work, environment: Mapping[str, str], note: Note) -> None:
        """`environment` is the operator's; `note` takes a sentence about a merge that was found cut off."""
        self._work = work
        self._store = work.store
        self._environment = environment
        self._writer = Writer(work, environment, note)

    def merge(self, run: str, how: How = How.PATCH, verify: Verify | None = None) -> Changes:
        """Merge what `run` has left; give what became of it.

        A conflict changes nothing but the run's mark: it `needs-merge`, and the paths are named. PanError
        CONFLICT where the operator's tree is in the way or moves meanwhile, and whatever `verify` raises.
        """
        with self._writer.alone():
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
        return look(self._store, root, self._environment)

    def _into_the_tree(self, left: Changes, scene: Scene, how: How, verify: Verify | None) -> Changes:
        store, head = self._store, scene.origin.head
        found = joined(store, store.tree_of(left.base), scene.now, store.tree_of(left.result))
        conflicts, tip = found.conflicts, None
        if how is How.COMMITS and not conflicts:
            if head is None:
                raise PanError(
                    "there is no commit yet to put commits on", remedy="--as patch", code=ExitCode.REFUSED
                )
            self._refuse_filtered(left, left.result)
            self._refuse_inner(left, head)
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
        record = {"how": how.value, "before": scene.now, "after": found.tree}
        if tip is not None and head is not None:
            record |= {"head": head, "tip": tip}
        done = left.now(Fate.MERGED, merge=record)
        paths = [one.path for one in steps(store, scene.now, found.tree)]
        return self._carry_out("merge", done, record, paths)

    def _carry_out(
        self, what: str, done: Changes, record: Mapping[str, Any], paths: Iterable[str]
    ) -> Changes:
        """Write `paths` as "after" has them, let the branch go to "tip", note what became of the run."""
        move = (str(record["head"]), str(record["tip"])) if "tip" in record else None
        plan = Plan(
            what=f"the {what} of run {done.run}", root=done.root, before=str(record["before"]),
            after=str(record["after"]), paths=tuple(paths), left=done, move=move,
        )  # fmt: skip
        self._writer.write(plan)
        return done

    def _refuse_filtered(self, left: Changes, commit: str) -> None:
        """Let no commit hold what a filter would have replaced, such as a file in its pointer's place."""
        found = filtered(self._store, steps(self._store, left.base, commit), commit)
        if found:
            raise PanError(
                f"git keeps these by a filter, as Git LFS does, which isn't run here: {', '.join(found[:5])}",
                remedy=f"pancode merge {left.run} --as patch, then commit them yourself",
                code=ExitCode.REFUSED,
            )

    def _refuse_inner(self, left: Changes, head: str) -> None:
        """Let no commit on `head` hold files of a repository inside: there it has only that one's commit."""
        found = inner(self._store, steps(self._store, left.base, left.result), head)
        if found:
            raise PanError(
                f"no commit of this repository can hold files of a submodule: {', '.join(found[:5])}",
                remedy=f"pancode merge {left.run} --as patch, then commit them in the submodule yourself",
                code=ExitCode.REFUSED,
            )

    def _staged(self, scene: Scene, taken: list[Any]) -> tuple[str, ...]:
        """Give the paths of `taken` where the operator's index is not as their commit is."""
        told = git.run(
            scene.origin.root, "diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD"
        )
        staged = set(told.split("\0"))
        return tuple(one.path for one in taken if one.path in staged)

    def _as_branch(self, left: Changes, scene: Scene, verify: Verify | None) -> Changes:
        store, name = self._store, f"pancode/{left.run}"
        self._refuse_filtered(left, left.result)
        tip = left.result
        conflicts: tuple[str, ...] = ()
        if left.base != left.origin_head and left.origin_head is not None:
            self._refuse_inner(left, left.origin_head)
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
        fetch(store, left.root, left.run, tip)
        git.run(left.root, "update-ref", f"refs/heads/{name}", tip, "")
        return self._write(left.now(Fate.MERGED, merge={"how": "branch", "branch": name, "tip": tip}))

    def discard(self, run: str) -> Changes:
        """Put what `run` has left aside: it is kept under a trash ref, and `undo` brings it back."""
        with self._writer.alone():
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
        with self._writer.alone():
            left = self._work.changes(run)
            # An object may outlive the ref that kept it, but not for long.
            if left.fate in (Fate.MERGED, Fate.DISCARDED) and self._store.find(f"{left.run}/result") is None:
                raise PanError(
                    f"what run {left.run} changed is not kept any more",
                    remedy=f"pancode diff {left.run} prints it",
                    code=ExitCode.NOT_FOUND,
                )
            if left.fate is Fate.MERGED and left.merge is not None:
                return self._take_back(left, left.merge)
            if left.fate is not Fate.DISCARDED:
                raise PanError(
                    f"there is nothing to take back: run {left.run} is {left.fate}",
                    remedy=f"pancode merge {left.run}, or pancode discard {left.run}",
                    code=ExitCode.CONFLICT,
                )
            return self._write(left.now(Fate.OPEN, merge=None))

    def _take_back(self, left: Changes, done: Mapping[str, Any]) -> Changes:
        opened = left.now(Fate.OPEN, merge=None)
        if done["how"] == "branch":
            self._remove_branch(left.root, str(done["branch"]), str(done["tip"]))
            return self._write(opened)
        store, scene = self._store, self._scene(left.root)
        before, after = str(done["before"]), str(done["after"])
        since = {one.path for one in steps(store, after, scene.now)}
        # What is as it was before is taken back already, by hand.
        other = {one.path for one in steps(store, before, scene.now)}
        taken = [one.path for one in steps(store, before, after)]
        moved = [path for path in taken if path in since & other]
        if "tip" in done and scene.origin.head != done["tip"]:
            moved.append("HEAD")
        if moved:
            raise PanError(
                f"changed since run {left.run} was merged: {', '.join(moved[:5])}",
                remedy=f"take it back by hand: pancode diff {left.run}",
                code=ExitCode.CONFLICT,
            )
        record = {"before": after, "after": before}
        if "tip" in done:
            record |= {"head": done["tip"], "tip": done["head"]}
        return self._carry_out("undoing", opened, record, [path for path in taken if path not in since])

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
