"""Mode and level as gates and as answers to keys and verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.events import LevelChosen, ModeChosen, SessionEvent
from pancode.core.grants import Level, Mode, parse_level, parse_mode
from pancode.core.host import Args, Asked, Caller, Gate, Refusal
from pancode.core.state import Session


def gates() -> list[Gate]:
    """Give the gates of mode and level."""
    return [Gate(200, "mode", _mode), Gate(300, "level", _level), Gate(600, "read-only", _read_only)]


def _mode(asked: Asked) -> Refusal | None:
    if asked.grant.mode.dispatches:
        return None
    return Refusal(
        "mode", "plan mode starts no workers", "Shift+Tab, or pancode mode build, then run it again"
    )


def _level(asked: Asked) -> Refusal | None:
    if asked.grant.level is not Level.SUGGEST:
        return None
    return Refusal(
        "level",
        "the level suggest starts no workers",
        "Ctrl+Y, or pancode safety auto-edit, then run it again",
    )


def _read_only(asked: Asked) -> Refusal | None:
    if asked.grant.mode.mutates or asked.read_only:
        return None
    return Refusal(
        "read-only",
        f'{asked.grant.mode} mode starts only read-only agents, and "{asked.agent}" is not one',
        "use one that is, such as reviewer or scout, or go to build: Shift+Tab",
    )


def pressed(letter: str, session: Session, now: float) -> SessionEvent | None:
    """Give the fact that a key stands for: m cycles the mode, a toggles admin, s cycles the level.

    >>> pressed("m", Session(), 0.0)
    ModeChosen(mode=<Mode.REVIEW: 'review'>, at=0.0)
    """
    if letter == "m":
        return ModeChosen(mode=session.mode.following(), at=now)
    if letter == "a":
        entered = session.mode is not Mode.ADMIN
        return ModeChosen(mode=Mode.ADMIN if entered else session.before_admin, at=now)
    if letter == "s":
        return LevelChosen(level=session.level.following(), at=now)
    return None


class Switches:
    """The verbs `mode` and `safety`: without a value they tell, with one they set."""

    def __init__(
        self, session: Callable[[], Session], post: Callable[[SessionEvent], None], now: Callable[[], float]
    ) -> None:
        """Read `session`, write through `post`."""
        self._session = session
        self._post = post
        self._now = now

    async def mode(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Tell or set the mode."""
        if (value := _value(args)) is not None:
            self._post(ModeChosen(mode=parse_mode(value), at=self._now()))
        return self._told("mode")

    async def safety(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Tell or set the safety level."""
        if (value := _value(args)) is not None:
            self._post(LevelChosen(level=parse_level(value), at=self._now()))
        return self._told("safety")

    def _told(self, what: str) -> dict[str, Any]:
        session = self._session()
        values = {"mode": session.mode.value, "safety": session.level.value}
        return {**values, "text": values[what]}


def _value(args: Args) -> str | None:
    value = args.get("value")
    if value is not None and not isinstance(value, str):
        raise PanError("the value must be a word", remedy="pancode mode plan", code=ExitCode.USAGE)
    return value
