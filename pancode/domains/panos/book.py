"""The conversations of a session: which runs they consist of, and which one goes on. On disk at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.redact import redact
from pancode.engine import files

MOST = 50
"""Conversations that are listed; the runs of older ones stay, as every run does."""
LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation: the run it began with, the latest that it can go on from, and how many there were."""

    id: str
    title: str
    run: str
    turns: int
    at: float
    window: int | None = None


class Book:
    """Reads and writes `conversations.json` in the session's directory; the controller alone writes."""

    def __init__(self, state: str) -> None:
        """Read what there is; a file that can't be used holds no conversations."""
        self._path = os.path.join(state, "conversations.json")
        told = files.read_json(self._path) or {}
        self.all = [one for one in map(_read, _list(told.get("conversations"))) if one is not None]
        current = told.get("current")
        self._current = current if any(one.id == current for one in self.all) else None

    @property
    def current(self) -> Conversation | None:
        """The conversation that goes on; None: the next turn begins one."""
        return next((one for one in self.all if one.id == self._current), None)

    def begin_anew(self) -> None:
        """Let the next turn begin a conversation."""
        self._current = None
        self._write()

    def resume(self, prefix: str) -> Conversation:
        """Go on with the conversation that began with the run of this id; PanError if there is none."""
        found = [one for one in self.all if prefix and prefix in (one.id, one.run)]
        found = found or [one for one in self.all if prefix and one.id.startswith(prefix)]
        if len(found) != 1:
            raise PanError(
                f'there is no conversation "{prefix}"',
                remedy="pancode ask --conversations",
                code=ExitCode.NOT_FOUND,
            )
        self._current = found[0].id
        self._write()
        return found[0]

    def turn(self, run: str, task: str, at: float, *, continues: str | None) -> None:
        """Know a turn that can be gone on from: of the conversation that it continues, or of a new one."""
        known = next((one for one in self.all if continues in (one.run, one.id)), None)
        if any(one.run == run for one in self.all):
            return
        if known is None:
            title = redact(" ".join(task.split()))[:LONGEST_TITLE]
            self.all = [Conversation(run, title, run, 1, at), *self.all][:MOST]
            self._current = run
        else:
            self._put(replace(known, run=run, turns=known.turns + 1, at=at))
        self._write()

    def window(self, tokens: int | None) -> None:
        """Know how large the context of the current conversation's model is."""
        now = self.current
        if now is not None and now.window != tokens:
            self._put(replace(now, window=tokens))
            self._write()

    def _put(self, conversation: Conversation) -> None:
        self.all = [conversation if one.id == conversation.id else one for one in self.all]

    def _write(self) -> None:
        files.write_json(
            self._path,
            {"v": 1, "current": self._current, "conversations": [asdict(one) for one in self.all]},
        )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _read(told: object) -> Conversation | None:
    try:
        return Conversation(**told) if isinstance(told, Mapping) else None
    except TypeError:
        return None
