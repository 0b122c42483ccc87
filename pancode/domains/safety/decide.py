"""What a held action is judged by: who runs it where, under which grant at this moment, and its words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pancode.core.grants import Grant
from pancode.core.redact import redact
from pancode.core.state import Ask, Run, Session
from pancode.domains.safety.commands.judgement import Place

if TYPE_CHECKING:
    from pancode.worker.profile import Action

LONGEST_WHAT = 2_000
"""Characters of an action that are kept for people; what is judged is the whole of it."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a run's spec says about where it works: its work tree, and what it takes for its HOME."""

    worktree: str
    cwd: str
    home: str

    @property
    def place(self) -> Place:
        """Give it as the classifier wants it."""
        return Place(self.worktree, self.cwd, self.home)


def whereabouts(spec: Mapping[str, Any]) -> Whereabouts:
    """Read a run's whereabouts from its spec; what is missing is taken for the strictest."""
    cwd = str(spec.get("cwd") or "/")
    sandbox, env = spec.get("sandbox"), spec.get("env")
    worktree = sandbox.get("worktree") if isinstance(sandbox, Mapping) else None
    home = env.get("HOME") if isinstance(env, Mapping) else None
    return Whereabouts(str(worktree or cwd), cwd, str(home or os.path.expanduser("~")))


def grant_now(run: Run, session: Session) -> Grant:
    """Give what holds for the run's next action: its own grant, and never more than the session has now.

    >>> from pancode.core.grants import Level, Mode
    >>> from pancode.core.state import Queued
    >>> given = Grant(Mode.BUILD, Level.FULL_AUTO)
    >>> about = {"id": "a", "agent": "a", "runtime": "r", "task": "t", "model": None, "queued": 0.0}
    >>> run = Run(grant=given, state=Queued(0.0), **about)
    >>> now = grant_now(run, Session(mode=Mode.REVIEW, level=Level.AUTO_EDIT))
    >>> now.mode.value, now.level.value, now.may_write
    ('review', 'auto-edit', False)
    """
    return run.grant.within(session.mode, session.level)


def words_of(action: Mapping[str, Any]) -> str:
    """Give an action in the words a person is asked with: its command, or what it touches; nothing secret.

    >>> words_of({"tool": "edit", "paths": ["/src/a.py", "/src/b.py"]})
    'edit /src/a.py /src/b.py'
    """
    command, url, paths = action.get("command"), action.get("url"), action.get("paths")
    if isinstance(command, str):
        text = command
    else:
        touched = [str(path) for path in paths] if isinstance(paths, list | tuple) else []
        text = " ".join([str(action.get("tool") or "?"), *([url] if isinstance(url, str) else touched)])
    text = redact(text)
    return text if len(text) <= LONGEST_WHAT else text[:LONGEST_WHAT] + "…"


def action_of(ask: Ask) -> Action:
    """Give the held action; `evaluate` takes whatever an agent has put into it."""
    return ask.action  # type: ignore[return-value]  # from the journal: nothing of it is taken for granted
