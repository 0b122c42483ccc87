"""Modes, safety levels and the grant a worker gets: the minimum of all who have a say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pancode.core.errors import ExitCode, PanError

_Word = TypeVar("_Word", bound=StrEnum)


class Mode(StrEnum):
    """What the session is doing; the outer gate."""

    ADMIN = "admin"
    PLAN = "plan"
    BUILD = "build"
    REVIEW = "review"

    @property
    def dispatches(self) -> bool:
        """Whether workers may be started."""
        return self is not Mode.PLAN

    @property
    def mutates(self) -> bool:
        """Whether workers may change files."""
        return self is Mode.BUILD

    def following(self) -> Mode:
        """Give the next mode of the Shift+Tab cycle; admin is not in the cycle and leaves to build.

        >>> [mode.following().value for mode in (Mode.PLAN, Mode.BUILD, Mode.REVIEW)]
        ['build', 'review', 'plan']
        """
        cycle = (Mode.PLAN, Mode.BUILD, Mode.REVIEW)
        return cycle[(cycle.index(self) + 1) % len(cycle)] if self in cycle else Mode.BUILD


class Level(StrEnum):
    """How much a worker may do on its own; the inner gate. Ordered from least to most."""

    SUGGEST = "suggest"
    AUTO_EDIT = "auto-edit"
    FULL_AUTO = "full-auto"

    @property
    def rank(self) -> int:
        """Order the levels: 0 is the strictest."""
        return list(Level).index(self)

    def following(self) -> Level:
        """Give the next level of the Ctrl+Y cycle."""
        levels = list(Level)
        return levels[(self.rank + 1) % len(levels)]


@dataclass(frozen=True, slots=True)
class Grant:
    """What one worker may do; fixed in its spec.json when it starts and never raised."""

    mode: Mode
    level: Level
    read_only: bool = False

    @property
    def may_write(self) -> bool:
        """Whether this worker may change files at all."""
        return self.mode.mutates and not self.read_only and self.level is not Level.SUGGEST

    def within(self, mode: Mode, level: Level) -> Grant:
        """Give what is left of it where a session is in this mode, at this level; never more than it is.

        >>> left = Grant(Mode.BUILD, Level.FULL_AUTO).within(Mode.REVIEW, Level.AUTO_EDIT)
        >>> left.mode.value, left.level.value, left.may_write
        ('review', 'auto-edit', False)
        """
        lower = min((self.mode, mode), key=lambda one: (one.mutates, one.dispatches))
        return Grant(lower, min((self.level, level), key=lambda one: one.rank), read_only=self.read_only)


def parse_mode(text: str) -> Mode:
    """Read a mode; raise PanError for anything that is not exactly one."""
    return _parse(Mode, "mode", text)


def parse_level(text: str) -> Level:
    """Read a safety level; raise PanError for anything that is not exactly one."""
    return _parse(Level, "safety level", text)


def _parse(kind: type[_Word], what: str, text: str) -> _Word:
    try:
        return kind(text)
    except ValueError:
        raise PanError(
            f'there is no {what} "{text}"',
            remedy="one of " + ", ".join(kind),
            code=ExitCode.USAGE,
        ) from None
