"""The board as workers ask it, through their shim: their own rules, and answers that fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.events import WorkerSaid
from pancode.core.grants import Level
from pancode.core.state import Run, World
from pancode.domains.board.board import Board

MOST_CREATED = 50
"""Tasks that one run may put on the board."""
MOST_CHANGED = 500
"""Changes that one run may make to tasks, those that it has created among them."""
LONGEST_ANSWER = 40_000
"""Bytes of an answer; a shim takes lines of 64 KB."""
READING = ("list", "show")
ELSEWHERE = "share_"
"""How the verbs begin that the sharing domain answers."""

Order = Callable[[str, dict[str, Any]], None]


class Workers:
    """Hears what shims pass on, and answers by an order to the shim."""

    def __init__(self, board: Board, world: Callable[[], World], order: Order) -> None:
        """`order` sends to a run's shim."""
        self._board = board
        self._world = world
        self._order = order

    def hear(self, event: WorkerSaid) -> None:
        """Answer a record `board_asked`; whatever is wrong with it is told to the worker."""
        record, run = event.record, self._world().runs.get(event.run)
        if record.get("kind") != "board_asked" or run is None or not run.is_live:
            return
        if str(record.get("verb")).startswith(ELSEWHERE):
            return
        try:
            text, ok = self._answer(run, str(record.get("verb")), record.get("args")), True
        except PanError as error:
            text, ok = str(error), False
        self._order(run.id, {"do": "board", "id": str(record.get("id")), "ok": ok, "text": text})

    def _answer(self, run: Run, verb: str, args: object) -> str:
        session = self._world().session
        level = run.grant.within(session.mode, session.level).level
        if verb not in READING and level is Level.SUGGEST:
            raise PanError("at the level suggest the board can only be read", code=ExitCode.REFUSED)
        if verb == "create" and self._board.created_by(run.id) >= MOST_CREATED:
            raise PanError(f"a run may put {MOST_CREATED} tasks on the board", code=ExitCode.REFUSED)
        if verb not in READING and self._board.changed_by(run.id) >= MOST_CHANGED:
            raise PanError(f"a run may make {MOST_CHANGED} changes to the board", code=ExitCode.REFUSED)
        answer = self._board.answer(verb, args if isinstance(args, Mapping) else {}, run.id)
        return _fitting(_short(answer) if verb == "list" else dict(answer))


def _short(listed: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "status", "title", "author")
    return {
        "tasks": [
            {**{key: task[key] for key in kept}, "runs": [run["run_id"] for run in task["runs"]]}
            for task in listed["tasks"]
        ]
    }


def _fitting(answer: dict[str, Any]) -> str:
    """Give an answer as JSON that a shim takes: the last tasks, or the oldest history, go first."""
    text = json.dumps(answer, ensure_ascii=False)
    while len(text.encode()) > LONGEST_ANSWER:
        key = "tasks" if "tasks" in answer else "history"
        if not answer.get(key):
            break
        half = len(answer[key]) // 2
        answer = {
            **answer,
            key: answer[key][:half] if key == "tasks" else answer[key][half + 1 :],
            "cut": True,
        }
        text = json.dumps(answer, ensure_ascii=False)
    return text
