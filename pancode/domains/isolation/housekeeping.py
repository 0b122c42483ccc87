"""Clones that nobody needs any more, and work that is nowhere but in PanCode's own state."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pancode.core.errors import PanError
from pancode.domains.isolation.changes import UNMERGED, Changes
from pancode.domains.isolation.work import Work
from pancode.engine import files


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone that is there: the run that it was made for, and why it may or may not go."""

    run: str
    why: str
    may_go: bool
    left: Changes | None = None
    """What keeps it, if that is known."""


def clones(work: Work) -> list[Clone]:
    """Judge every clone of the session; changes that nobody has collected are collected first."""
    users, damaged = _users(work)
    return [_judged(work, owner, users.get(owner, []), damaged) for owner in _there(work)]


def remove(work: Work, clone: Clone) -> Clone:
    """Remove a clone that may go, unless a run has begun to use it meanwhile; give it as it is judged now."""
    users, damaged = _users(work)
    now = _judged(work, clone.run, users.get(clone.run, []), damaged)
    if now.may_go:
        work.store.remove_clone(clone.run)
    return now


def _users(work: Work) -> tuple[dict[str, list[str]], list[str]]:
    """Give the runs of each clone by its owner, and those of which nobody can say where they worked."""
    users: dict[str, list[str]] = {}
    damaged = []
    for run in work.names():
        path = os.path.join(work.folder(run), "spec.json")
        spec = files.read_json(path)
        if spec is None and os.path.lexists(path):
            damaged.append(run)
        elif isolation := (spec or {}).get("isolation"):
            users.setdefault(str(isolation.get("owner")), []).append(run)
    return users, damaged


def _there(work: Work) -> list[str]:
    try:
        names = sorted(os.listdir(work.store.clones))
    except OSError:
        return []
    return [name for name in names if os.path.isdir(work.store.clone(name))]


def _judged(work: Work, owner: str, users: list[str], damaged: list[str]) -> Clone:
    if damaged:
        return Clone(owner, f"the record of run {damaged[0]}, which may need it, can't be read", may_go=False)
    words = []
    for run in users:
        folder = work.folder(run)
        if not os.path.exists(os.path.join(folder, "result.json")):
            return Clone(owner, f"run {run} works in it", may_go=False)
        isolation = (files.read_json(os.path.join(folder, "spec.json")) or {})["isolation"]
        if "start" in isolation or isolation.get("base") is None:
            continue
        try:
            left = work.changes(run)
        except PanError as error:
            return Clone(owner, error.problem, may_go=False)
        if left.fate in UNMERGED:
            return Clone(owner, left.words, may_go=False, left=left)
        words.append(left.words)
    return Clone(owner, words[-1] if words else "no run needs it", may_go=True)


def unknown(work: Work) -> list[Clone]:
    """Give the clones of which nobody can say whether all that is in them is kept elsewhere."""
    return [clone for clone in clones(work) if not clone.may_go and clone.left is None]


def unmerged(work: Work) -> list[Changes]:
    """Give the changes of the session that are merged nowhere and not discarded."""
    if not os.path.isdir(work.store.clones) and not work.store.exists:
        return []
    clones(work)  # Collects what an ended run has left and nobody has looked at.
    return [left for left in work.all() if left.fate in UNMERGED]
