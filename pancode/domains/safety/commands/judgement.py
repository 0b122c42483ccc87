"""What the classifier says about a command: its class, and the parts that give it that class."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pancode.core.actions import SEVERITY, ActionClass

DYNAMIC = "\0"
"""Stands in a word for each piece that only the running shell knows."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command runs: absolute paths of the work tree, the current directory and the home."""

    worktree: str = "/src/tree"
    cwd: str = ""
    home: str = field(default_factory=lambda: os.path.expanduser("~"))

    def __post_init__(self) -> None:
        for name in ("worktree", "cwd", "home"):
            path = getattr(self, name) or self.worktree
            object.__setattr__(self, name, os.path.normpath(path))


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a command does.

    `rule` is the short stable name of what recognised it, `why` one plain sentence, `words` the argv after
    unwrapping, `paths` the absolute paths it touches, `hosts` the hosts it talks to.
    """

    text: str
    kind: ActionClass
    rule: str
    why: str
    words: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The class of a whole command and all its parts; there is always at least one."""

    kind: ActionClass
    parts: tuple[Part, ...]

    @property
    def deciding(self) -> Part:
        """Give the first of the severest parts."""
        return next(part for part in self.parts if part.kind is self.kind)

    @property
    def rule(self) -> str:
        """Name the rule that decides."""
        return self.deciding.rule

    @property
    def why(self) -> str:
        """Say in one sentence why the command has its class."""
        return self.deciding.why


def judgement(parts: Iterable[Part]) -> Judgement:
    """Give the judgement over `parts`: the severest counts; of none, that nothing happens."""
    found = tuple(parts) or (Part("", ActionClass.FILE_READ, "nothing", "it does nothing"),)
    return Judgement(max((part.kind for part in found), key=SEVERITY.index), found)


def judge(command: str | bytes, place: Place) -> Judgement:
    """Say what `command`, given to bash in `place`, would do. Never raises."""
    from pancode.domains.safety.commands.judge import judge as judges

    return judges(command, place)


def judge_paths(tool: str, paths: Sequence[str], place: Place) -> Judgement:
    """Say what the file tool `tool` (read, write, edit …) would do to `paths`. Never raises."""
    from pancode.domains.safety.commands.judge import judge_paths as judges

    return judges(tool, paths, place)
