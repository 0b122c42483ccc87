"""Mode and level as gates and as answers to keys and verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.events import LevelChosen, ModeChosen, SessionEvent
from pancode.core.gates import placed
from pancode.core.grants import Level, parse_level, parse_mode
from pancode.core.host import Args, Asked, Caller, Gate, Refusal
from pancode.core.state import Session


def gates() -> list[Gate]:
    """Give the gates of mode and level."""
    return [placed("mode", _mode), placed("level", _level), placed("read-only", _read_only)]


def _mode(asked: Asked) -> Refusal | None:
    if asked.grant.mode.dispatches or asked.role != "worker":
        return None
    return Refusal(
        "mode", "plan mode starts no workers", "Shift+Tab, or pancode mode build, then run it again"
    )


def _level(asked: Asked) -> Refusal | None:
    if asked.grant.level is not Level.SUGGEST or asked.role == "orchestrator":
        return None
    return Refusal(
        "level",
        "the level suggest starts no workers",
        "Ctrl+Y, or pancode safety auto-edit, then run it again",
    )


def _read_only(asked: Asked) -> Refusal | None:
    if asked.grant.mode.mutates or asked.read_only or asked.role == "orchestrator":
        return None
    return Refusal(
        "read-only",
        f'{asked.grant.mode} mode starts only read-only agents, and "{asked.agent}" is not one',
        "use one that is, such as reviewer or scout, or go to build: Shift+Tab",
    )


class Switches:
    """The verbs `mode` and `safety`: without a value they tell, with one they set, but not for a worker."""

    def __init__(
        self,
        session: Callable[[], Session],
        post: Callable[[SessionEvent], None],
        now: Callable[[], float],
        is_worker: Callable[[int | None], bool],
    ) -> None:
        """Read `session`, write through `post`; `is_worker` tells whether a process is one of a worker's."""
        self._session = session
        self._post = post
        self._now = now
        self._is_worker = is_worker

    async def mode(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Tell or set the mode."""
        if (value := _value(args)) is not None:
            mode = parse_mode(value)
            self._check(caller)
            self._post(ModeChosen(mode=mode, at=self._now()))
        return self._told("mode")

    async def safety(self, args: Args, caller: Caller) -> Mapping[str, Any]:
        """Tell or set the safety level."""
        if (value := _value(args)) is not None:
            level = parse_level(value)
            self._check(caller)
            self._post(LevelChosen(level=level, at=self._now()))
        return self._told("safety")

    def _check(self, caller: Caller) -> None:
        if self._is_worker(caller.pid):
            raise PanError(
                "a worker can't change what the operator allows",
                remedy="do it in a terminal of yours",
                code=ExitCode.REFUSED,
            )

    def _told(self, what: str) -> dict[str, Any]:
        session = self._session()
        values = {"mode": session.mode.value, "safety": session.level.value}
        return {**values, "text": values[what]}


def _value(args: Args) -> str | None:
    value = args.get("value")
    if value is not None and not isinstance(value, str):
        raise PanError("the value must be a word", remedy="pancode mode plan", code=ExitCode.USAGE)
    return value
