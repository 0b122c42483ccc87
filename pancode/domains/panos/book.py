"""The conversations of a session, and their branches: where each stands, which goes on. On disk at once."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from pancode.core.errors import ExitCode, PanError
from pancode.core.redact import redact
from pancode.engine import files

MOST = 50
"""Conversations that are listed; the runs of older ones stay, as every run does."""
MOST_CHECKPOINTS = 100
LONGEST_TITLE = 80
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation: the run it began with, the latest that it can go on from, and how many there were.

    A branch has an id of its own, the conversation that it has left (`forked`), and after which run (`base`).
    """

    id: str
    title: str
    run: str
    turns: int
    at: float
    window: int | None = None
    forked: str | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place in a conversation that can be gone back to: after which run, of so many."""

    label: str
    conversation: str
    run: str
    turns: int
    at: float


class Book:
    """Reads and writes `conversations.json` in the session's directory; the controller alone writes."""

    def __init__(self, state: str) -> None:
        """Read what there is; a file that can't be used holds no conversations."""
        self._path = os.path.join(state, "conversations.json")
        told = files.read_json(self._path) or {}
        self.all = _all(Conversation, told.get("conversations"))
        self.checkpoints = _all(Checkpoint, told.get("checkpoints"))
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
        """Go on with the conversation of this id; PanError if there is none."""
        found = self.find(prefix)
        self._current = found.id
        self._write()
        return found

    def find(self, prefix: str) -> Conversation:
        """Give the conversation of this id, or that stands at this run; PanError if there is none."""
        found = [one for one in self.all if one.id == prefix]
        found = found or [one for one in self.all if prefix and one.run == prefix]
        found = found or [one for one in self.all if prefix and one.id.startswith(prefix)]
        if len(found) != 1:
            raise PanError(
                f'there is no conversation "{prefix}"',
                remedy="pancode ask --conversations",
                code=ExitCode.NOT_FOUND,
            )
        return found[0]

    def turn(self, run: str, task: str, at: float, *, continues: str | None) -> None:
        """Know a turn that can be gone on from: of the conversation that it continues, or of a new one."""
        if any(one.run == run for one in self.all):
            return
        known = self._of(continues)
        if known is None:
            self.all = [Conversation(run, line(task, LONGEST_TITLE), run, 1, at), *self.all][:MOST]
            self._current = run
        else:
            self._put(replace(known, run=run, turns=known.turns + 1, at=at))
        self._write()

    def _of(self, run: str | None) -> Conversation | None:
        """Give the conversation that a turn after `run` is of: where branches part, the current one."""
        standing = [one for one in self.all if one.run == run]
        current = next((one for one in standing if one.id == self._current), None)
        begun = (one for one in self.all if one.id == run)
        return current or next(iter((*standing, *begun)), None)

    def fork(self, of: str, run: str, turns: int, at: float) -> Conversation:
        """Begin a branch of the conversation `of` after its turn `run`, the last of `turns`; go on there."""
        origin = next(one for one in self.all if one.id == of)
        root = origin.id.partition("-")[0]
        taken = {one.id for one in self.all}
        id_ = next(name for number in range(2, 10_000) if (name := f"{root}-{number}") not in taken)
        new = replace(origin, id=id_, run=run, turns=turns, at=at, forked=of, base=run)
        self.all = [new, *self.all][:MOST]
        self._current = id_
        self._write()
        return new

    def name(self, title: str) -> None:
        """Give the current conversation a title."""
        now = self.current
        if now is not None:
            self._put(replace(now, title=line(title, LONGEST_TITLE)))
            self._write()

    def mark(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint in the place of an earlier one with this label."""
        others = [one for one in self.checkpoints if one.label != checkpoint.label]
        self.checkpoints = [checkpoint, *others][:MOST_CHECKPOINTS]
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
            {
                "v": 1,
                "current": self._current,
                "conversations": [asdict(one) for one in self.all],
                "checkpoints": [asdict(one) for one in self.checkpoints],
            },
        )


def line(text: str, longest: int) -> str:
    """Give a text as one line without secrets, and without what acts on a terminal."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return redact(" ".join(plain.split()))[:longest]


def _all(kind: type[_T], told: object) -> list[_T]:
    """Read every entry of a list that makes sense."""
    found = []
    for one in told if isinstance(told, list) else []:
        with contextlib.suppress(TypeError):
            found.append(kind(**one))
    return found
