"""What a worker asks of the task board and of what is shared: passed on to the controller, which decides."""

from __future__ import annotations

import select
import time

from pancode.worker.lean_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from pancode.worker.hooks import Asker, Watched

ANSWER_S = 10.0
"""How long a request waits for the controller, which may just be starting again."""
MOST_OPEN = 8
LONGEST = 40_000
"""Bytes of a request."""


class Board:
    """The requests of one run that wait; one that can't be passed on is told why."""

    __slots__ = ("_note", "_number", "_open")

    def __init__(self, note: Callable[[dict[str, Any], Mapping[str, Any] | None], bool]) -> None:
        """`note` writes a record down, and says whether it is on disk."""
        self._note = note
        self._number = 0
        self._open: dict[str, Asker] = {}

    def watched(self) -> list[Watched]:
        """Give what is to be watched: clients that may die."""
        return [(each.fd, select.POLLERR, each.died) for each in self._open.values() if each.fd >= 0]

    def next_at(self) -> float | None:
        """Give when time alone ends something."""
        return min((each.until for each in self._open.values()), default=None)

    def tick(self, now: float) -> None:
        """Give up on what has waited too long."""
        for each in [each for each in self._open.values() if now >= each.until]:
            self._say(each, "the session's controller doesn't answer; try again later", ok=False)

    def ask(self, question: Asker) -> None:
        """Take a request: {"pancode_board": {"verb", "args"}}."""
        asked = _parsed(question.data)
        if asked is None or len(self._open) >= MOST_OPEN:
            self._say(question, "this can't be asked of the board", ok=False)
            return
        question.data.clear()
        self._number += 1
        question.id, question.until = f"b{self._number}", time.monotonic() + ANSWER_S
        self._open[question.id] = question
        if not self._note({"kind": "board_asked", "id": question.id, **asked}, None):
            self._say(question, "the request can't be recorded", ok=False)

    def order(self, order: Mapping[str, Any]) -> None:
        """Give the controller's answer; one to a request that isn't open comes too late."""
        question = self._open.get(str(order.get("id")))
        if question is not None:
            ok = order.get("ok") is True
            self._note({"kind": "board_answered", "id": question.id, "ok": ok}, None)
            self._say(question, str(order.get("text") or ""), ok=ok)

    def gone(self, question: Asker) -> None:
        """Forget a client that has died."""
        if self._open.pop(question.id, None) is not None:
            question.hang_up()

    def close(self) -> None:
        """Hang up on everybody."""
        for each in self._open.values():
            each.hang_up()
        self._open.clear()

    def _say(self, question: Asker, text: str, *, ok: bool) -> None:
        self._open.pop(question.id, None)
        said = {"out": f"{text}\n", "err": "", "exit": 0}
        if not ok:
            said = {"out": "", "err": f"pancode: {text}\n", "exit": 1}
        question.send(dumps(said).encode())


def _parsed(data: bytearray) -> dict[str, Any] | None:
    if len(data) > LONGEST:
        return None
    try:
        asked = loads(data.decode())["pancode_board"]
        verb, args = asked["verb"], asked["args"]
    except (ValueError, TypeError, KeyError):
        return None
    return {"verb": verb, "args": args} if isinstance(verb, str) and isinstance(args, dict) else None
