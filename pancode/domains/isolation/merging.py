"""Merges trees in the private repository: nobody's work tree, hooks or drivers have a part in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pancode.core.errors import ExitCode, PanError
from pancode.domains.isolation.apply import NOTHING, Step
from pancode.domains.isolation.store import Store
from pancode.engine.trusted_git import WHO

_FORMAT = "%an%x00%ae%x00%ad%x00%B"


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of a merge: the tree, and the paths where both sides differ; with conflicts it is no use."""

    tree: str
    conflicts: tuple[str, ...]


def joined(store: Store, base: str, ours: str, theirs: str) -> Joined:
    """Merge the trees `ours` and `theirs`, which both come from `base`; PanError for a git that can't."""
    bare = store.bare
    start = bare.commit(base, "base")
    sides = [bare.commit(tree, "side", [start]) for tree in (ours, theirs)]
    done = bare.raw(
        "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", *sides, fine=(0, 1, 129)
    )
    if done.returncode not in (0, 1):
        raise PanError(
            "this git can't merge without a work tree", remedy="install git 2.38 or later",
            code=ExitCode.PREREQUISITE,
        )  # fmt: skip
    tree, *paths = done.stdout.split(b"\0")
    conflicts = tuple(dict.fromkeys(os.fsdecode(path) for path in paths if path)) if done.returncode else ()
    return Joined(tree.decode(), conflicts)


def commits(store: Store, base: str, result: str) -> list[str]:
    """Give the commits from `base` to `result`, oldest first, along the first parents."""
    return store.bare.run("rev-list", "--reverse", "--first-parent", f"^{base}", result).split()


def replayed(store: Store, base: str, result: str, onto: str) -> tuple[str, tuple[str, ...]]:
    """Make the commits from `base` to `result` anew on `onto`; give the last one, and the conflicts.

    Authors, times and messages stay. A commit that changes nothing there is left out.
    """
    tip, before = onto, base
    for commit in commits(store, base, result):
        found = joined(store, *(store.tree_of(each) for each in (before, tip, commit)))
        if found.conflicts:
            return tip, found.conflicts
        before = commit
        if found.tree != store.tree_of(tip):
            tip = _again(store, commit, found.tree, tip)
    return tip, ()


def _again(store: Store, commit: str, tree: str, parent: str) -> str:
    told = store.bare.run("log", "-1", "--no-show-signature", "--date=raw", f"--format={_FORMAT}", commit)
    name, email, date, message = told.split("\0", 3)
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    done = store.bare.raw(
        "commit-tree", tree, "-p", parent, env={**WHO, **author}, given=(message.strip() + "\n").encode()
    )
    return done.stdout.decode().strip()


def filtered(store: Store, taken: Sequence[Step], commit: str) -> list[str]:
    """Give the paths of steps that git would keep in another form than they lie on the disk: by a filter.

    `.gitattributes` of `commit` says so, as for Git LFS or git-crypt. Nothing of the filters is run.
    """
    git = store.at(store.git_dir, os.path.join(store.git_dir, "writing-index"))
    git.run("read-tree", commit)
    given = b"".join(os.fsencode(one.path) + b"\0" for one in taken if one.after != NOTHING)
    told = git.raw("check-attr", "--cached", "-z", "--stdin", "filter", given=given).stdout.split(b"\0")
    pairs = zip(told[0::3], told[2::3], strict=False)
    return [os.fsdecode(path) for path, value in pairs if value not in (b"unspecified", b"unset")]


def inner(store: Store, taken: Sequence[Step], commit: str) -> list[str]:
    """Give the paths of steps that lie in what `commit` has as the commit of another repository."""
    told = store.bare.raw("ls-tree", "-r", "-z", "--full-tree", commit).stdout.split(b"\0")
    links = tuple(os.fsdecode(line.partition(b"\t")[2]) + "/" for line in told if line.startswith(b"160000 "))
    return [one.path for one in taken if one.path.startswith(links)]
