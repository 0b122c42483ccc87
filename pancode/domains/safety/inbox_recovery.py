"""What could be got back after an action, in one line for the person who is asked; never better than true."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.judgement import Part, Place

MOST_PATHS = 4
"""Paths that are named; the others are counted."""
KEPT = "the work directory is kept first, but for what git ignores: {}"
"""What is said where a checkpoint is made before the action; the command brings it back."""
_MADE = frozenset(
    {
        *("dist", "build", "out", "target", "node_modules", "__pycache__", "venv", ".venv", ".eggs"),
        *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox", ".coverage", "htmlcov", "coverage"),
        *(".next", ".nuxt", ".svelte-kit", ".turbo", ".parcel-cache", ".gradle"),
    }
)
"""Names of what a command makes again."""
_ON_PATHS = frozenset(
    {ActionClass.FILE_DELETE, ActionClass.FILE_WRITE, ActionClass.BASH_DESTRUCTIVE, ActionClass.SYSTEM_MODIFY}
)
_OF_CLASS = {
    ActionClass.GIT_PUSH: "what is pushed can't be taken back: others may fetch it at once",
    ActionClass.GIT_DESTRUCTIVE: (
        "commits can be found by `git reflog` for a while; what was never committed is lost, and so is what "
        "a remote had"
    ),
    ActionClass.NETWORK_UNLISTED: "what is sent can't be taken back",
    ActionClass.SECRET_READ: "a secret that was read is known from then on",
    ActionClass.NOT_UNDERSTOOD: "nobody can say: it is not known what it does",
    ActionClass.AGENT_DISPATCH: "the other worker can be stopped",
}


def recoverable(
    parts: Sequence[Part],
    place: Place,
    *,
    sandbox: str,
    is_tracked: Callable[[str], bool] | None = None,
    kept: str | None = None,
) -> str:
    """Say for each of `parts` what could be got back.

    `sandbox` is the grade's word: under "full" and "fs-only" nothing outside of the work directory can be
    changed. `is_tracked` tells whether git has a path; None: nobody has looked. `kept` is the command that
    brings back what the work directory has now; None: nothing is kept before the action.
    """
    said = dict.fromkeys(_sentences(parts, place, keeps=sandbox in ("full", "fs-only"), tracked=is_tracked))
    if kept is not None and any(_may_destroy(part, place) for part in parts):
        said = {KEPT.format(kept): None, **said}
    return " · ".join(said) or "nothing is lost by it, as far as can be told"


def _may_destroy(part: Part, place: Place) -> bool:
    """Whether a copy of the work directory helps: not for what is sent away, or lies elsewhere."""
    if part.kind is ActionClass.GIT_DESTRUCTIVE or part.kind is ActionClass.NOT_UNDERSTOOD:
        return True
    return part.kind in _ON_PATHS and (
        not part.paths or any(_is_inside(path, place.worktree) for path in part.paths)
    )


def _sentences(
    parts: Iterable[Part], place: Place, *, keeps: bool, tracked: Callable[[str], bool] | None
) -> Iterator[str]:
    paths: dict[str, None] = {}
    for part in parts:
        if part.kind is ActionClass.GOVERNANCE_WRITE:
            yield _of_governance(part, keeps=keeps)
        elif part.kind in _ON_PATHS and part.paths:
            paths.update(dict.fromkeys(part.paths))
        elif part.kind in _ON_PATHS:
            yield "what it destroys can't be told from its words, so nothing of that is certain"
        elif part.kind in _OF_CLASS:
            yield _OF_CLASS[part.kind]
    for path in list(paths)[:MOST_PATHS]:
        yield f"{_named(path, place)}: {_of_path(path, place, keeps=keeps, tracked=tracked)}"
    if len(paths) > MOST_PATHS:
        yield f"and {len(paths) - MOST_PATHS} paths more"


def _of_governance(part: Part, *, keeps: bool) -> str:
    if keeps:
        return "the sandbox keeps such files as they are: it would fail there"
    named = ", ".join(os.path.basename(path) or path for path in part.paths[:MOST_PATHS])
    return f"the old text{f' of {named}' if named else ''} is lost unless git has it"


def _of_path(path: str, place: Place, *, keeps: bool, tracked: Callable[[str], bool] | None) -> str:
    if not _is_inside(path, place.worktree):
        return "outside of the work directory: the sandbox keeps it" if keeps else "lost for good"
    if path == place.worktree:
        return "the whole work directory: what was never committed is lost"
    if not _MADE.isdisjoint(os.path.relpath(path, place.worktree).split(os.sep)):
        return "a build makes it again"
    if tracked is None:
        return "lost, but for what git has of it"
    return "git has it as it was last committed" if tracked(path) else "git doesn't have it: lost for good"


def _is_inside(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")


def _named(path: str, place: Place) -> str:
    """Give a path as a person in the work directory would write it.

    >>> _named("/src/tree/dist", Place()), _named("/src/cache", Place())
    ('dist', '/src/cache')
    """
    if path == place.worktree or not _is_inside(path, place.worktree):
        return path
    return os.path.relpath(path, place.worktree)
