"""Collects what an isolated run has left: its commits, and what it left uncommitted.

Done with our own repository and our own memory of the clone's files. Doing it twice changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.isolation import changes as books
from pancode.domains.isolation.changes import UNMERGED, Changes, Fate
from pancode.domains.isolation.clones import BRANCH
from pancode.domains.isolation.review import to_review
from pancode.domains.isolation.store import Store

_SHORT = re.compile(r"(\d+) (file|insertion|deletion)")
_MOST_BRANCHES = 20


def collect(store: Store, run: str, folder: str, isolation: Mapping[str, Any]) -> Changes:
    """Keep what the run has left under refs of our own and in `changes.patch`; give what it is.

    `isolation` is what spec.json says under that name. PanError if the files themselves can't be kept.
    """
    owner = str(isolation["owner"])
    with store.run_locked(owner), contextlib.nullcontext() if run == owner else store.run_locked(run):
        return books.read(folder) or _collect(store, run, folder, isolation)


def _collect(store: Store, run: str, folder: str, isolation: Mapping[str, Any]) -> Changes:
    clone, base = str(isolation["clone"]), str(isolation["base"])
    tree = store.at(clone, store.index(str(isolation["owner"]))).tree()
    found = Changes(
        run=run, fate=Fate.NONE, root=str(isolation["root"]), base=base,
        origin_head=isolation.get("head"), result=base,
    )  # fmt: skip
    if tree != store.tree_of(base) or not _is_untouched(clone, str(isolation["owner"]), base):
        found = _kept(store, found, clone, tree)
        _write_patch(store, found, folder)
    books.write(folder, found)
    if isolation.get("continues"):
        _take_over(os.path.join(os.path.dirname(folder), str(isolation["continues"])))
    return found


def _take_over(folder: str) -> None:
    """Note of an earlier run that its changes are among those of the one that went on in its clone."""
    earlier = books.read(folder)
    if earlier is not None and earlier.fate in UNMERGED:
        books.write(folder, earlier.now(Fate.CONTINUED))


def _is_untouched(clone: str, owner: str, base: str) -> bool:
    """Whether the clone has no commit, branch, tag or stash but what it began with."""
    git_dir = os.path.join(clone, ".git")
    refs = [
        os.path.relpath(os.path.join(directory, name), git_dir)
        for directory, _, names in os.walk(os.path.join(git_dir, "refs"))
        for name in names
    ]
    own = f"refs/heads/{BRANCH}{owner}"
    if refs != [own] or os.path.lexists(os.path.join(git_dir, "packed-refs")):
        return False
    told = [_line(os.path.join(git_dir, name)) for name in ("HEAD", own)]
    return told == [f"ref: {own}", base]


def _line(path: str) -> str:
    try:
        # The worker may have put a pipe there, which nobody must wait for.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return (file.read(1 << 12) or b"").decode(errors="replace").strip()
    except OSError:
        return ""


def _kept(store: Store, found: Changes, clone: str, tree: str) -> Changes:
    """Bring the worker's commits over, and make one of what it left uncommitted."""
    bare, refs, problems = store.bare, f"refs/pancode/{found.run}", []
    for refspec in (f"+refs/*:{refs}/theirs/*", f"+HEAD:{refs}/head"):
        try:
            bare.run(
                *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
                *(clone, refspec),
            )
        except PanError as error:
            # A clone that is broken still has its files.
            problems.append(f"some of its commits can't be read: {error.problem}")
    head = store.find(f"{found.run}/head")
    head = None if head == found.base else head
    result, parent = head, head or found.base
    if head is None or store.tree_of(head) != tree:
        result = parent
        if store.tree_of(parent) != tree:
            result = bare.commit(tree, f"What run {found.run} left uncommitted", [parent])
    store.keep(f"{found.run}/base", found.base)
    store.keep(f"{found.run}/result", result or parent)
    added = bare.run("rev-list", "--count", head, f"^{found.base}").strip() if head else "0"
    counts = _counts(bare.run("diff-tree", "--shortstat", "-M", found.base, result or parent))
    paths = bare.raw("diff-tree", "-r", "-z", "--name-only", "--no-renames", found.base, result or parent)
    names = [os.fsdecode(path) for path in paths.stdout.split(b"\0") if path]
    return found.now(
        Fate.OPEN,
        result=result or parent, head=head, commits=int(added), uncommitted=result != head,
        branches=_branches(store, found, head), review=tuple(to_review(names)), problems=tuple(problems),
        **counts,
    )  # fmt: skip


def _counts(shortstat: str) -> dict[str, int]:
    """Read the figures of `--shortstat`.

    >>> _counts(" 3 files changed, 41 insertions(+), 12 deletions(-)")
    {'files': 3, 'added': 41, 'removed': 12}
    """
    told = {kind: int(count) for count, kind in _SHORT.findall(shortstat)}
    return {
        "files": told.get("file", 0),
        "added": told.get("insertion", 0),
        "removed": told.get("deletion", 0),
    }


def _branches(store: Store, found: Changes, head: str | None) -> tuple[str, ...]:
    """Give the worker's other branches, tags and stash that hold commits which its result lacks."""
    refs = f"refs/pancode/{found.run}/theirs"
    behind = [commit for commit in (head, found.base) if commit]
    told = store.bare.run(
        "for-each-ref", "--format=%(refname)", *(f"--no-merged={each}" for each in behind), refs
    )
    return tuple(name.removeprefix(f"{refs}/") for name in told.splitlines()[:_MOST_BRANCHES])


def _write_patch(store: Store, found: Changes, folder: str) -> None:
    partial = os.path.join(folder, "changes.patch.tmp")
    with open(partial, "wb") as file:
        store.bare.raw(
            *("diff-tree", "-p", "--binary", "--full-index", "-M", "--no-ext-diff", "--no-textconv"),
            *(found.base, found.result),
            to=file,
        )
    os.replace(partial, os.path.join(folder, "changes.patch"))
