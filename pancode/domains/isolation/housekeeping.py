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


def clones(work: Work) -> list[Clone]:
    """Judge every clone of the session; changes that nobody has collected are collected first."""
    users: dict[str, list[str]] = {}
    for run in work.names():
        isolation = (files.read_json(os.path.join(work.folder(run), "spec.json")) or {}).get("isolation")
        if isolation:
            users.setdefault(str(isolation.get("owner")), []).append(run)
    return [_judged(work, owner, users.get(owner, [])) for owner in _there(work)]


def _there(work: Work) -> list[str]:
    try:
        names = sorted(os.listdir(work.store.clones))
    except OSError:
        return []
    return [name for name in names if os.path.isdir(work.store.clone(name))]


def _judged(work: Work, owner: str, users: list[str]) -> Clone:
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
            return Clone(owner, left.words, may_go=False)
        words.append(left.words)
    return Clone(owner, words[-1] if words else "no run needs it", may_go=True)


def unmerged(work: Work) -> list[Changes]:
    """Give the changes of the session that are merged nowhere and not discarded."""
    if not os.path.isdir(work.store.clones) and not work.store.exists:
        return []
    clones(work)  # Collects what an ended run has left and nobody has looked at.
    return [left for left in work.all() if left.fate in UNMERGED]
