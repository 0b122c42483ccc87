"""What the keys do to mode and level; full-auto alone takes two presses, neither too fast nor too slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from pancode.core.events import (
    LevelChosen,
    ModeChosen,
    QuestionsWanted,
    RaiseAsked,
    RaiseDropped,
    SessionEvent,
)
from pancode.core.grants import Level, Mode
from pancode.core.state import Session
from pancode.engine import clock

SOONEST_S = 0.3
"""A second press that comes faster is a bounce, or a key held down."""
LATEST_S = 3.0


def pressed(letter: str, session: Session, now: float) -> SessionEvent | None:
    """Give the fact that a key stands for: m cycles the mode, a toggles admin, s the level, u asks.

    >>> pressed("m", Session(), 0.0)
    ModeChosen(mode=<Mode.REVIEW: 'review'>, at=0.0)
    >>> pressed("s", Session(), 5.0), pressed("s", Session(raise_asked=5.0), 5.1)
    (RaiseAsked(at=5.0), None)
    >>> pressed("s", Session(raise_asked=5.0), 6.0)
    LevelChosen(level=<Level.FULL_AUTO: 'full-auto'>, at=6.0)
    """
    if letter == "m":
        return ModeChosen(mode=session.mode.following(), at=now)
    if letter == "a":
        entered = session.mode is not Mode.ADMIN
        return ModeChosen(mode=Mode.ADMIN if entered else session.before_admin, at=now)
    if letter == "s":
        return _level(session, now)
    return QuestionsWanted(at=now) if letter == "u" else None


def _level(session: Session, now: float) -> SessionEvent | None:
    following = session.level.following()
    if following is not Level.FULL_AUTO:
        return LevelChosen(level=following, at=now)
    waited = None if session.raise_asked is None else now - session.raise_asked
    if waited is None or not 0 <= waited <= LATEST_S:
        return RaiseAsked(at=now)
    return LevelChosen(level=following, at=now) if waited >= SOONEST_S else None


class Keyboard:
    """Takes the letters of pressed keys, and takes a raise back that nobody confirms."""

    def __init__(self, session: Callable[[], Session], post: Callable[[SessionEvent], None]) -> None:
        """Read `session`, write through `post`."""
        self._session = session
        self._post = post

    async def follow(self, letters: AsyncIterator[str]) -> None:
        """Take in every letter until there are no more."""
        async for letter in letters:
            self.press(letter, clock.now())

    def press(self, letter: str, now: float) -> None:
        """Do what one key stands for."""
        fact = pressed(letter, self._session(), now)
        if fact is None:
            return
        self._post(fact)
        if isinstance(fact, RaiseAsked):
            asyncio.get_running_loop().call_later(LATEST_S, self._drop, fact.at)

    def _drop(self, asked: float) -> None:
        if self._session().raise_asked == asked:
            self._post(RaiseDropped(at=clock.now()))
