"""The hook server: questions come in by a port inside the sandbox, answers from the controller."""

from __future__ import annotations

import _socket
import select
import time

from pancode.worker.lean_json import dumps
from pancode.worker.question import Question, action_of, limited
from pancode.worker.stream import AdapterError, load_adapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from pancode.worker.board import Board
    from pancode.worker.native import LoopQuestion

    Asker = Question | LoopQuestion
    Watched = tuple[int, int, Callable[[int], None]]

LONGEST_QUESTION = 1 << 20
"""Bytes of a hook's input."""
MOST_BYTES = 4 << 20
"""Bytes of all questions that are still being read."""
MOST_READING = 64
MOST_ASKED = 32
"""Questions that may be open at a time; agents ask a handful."""
READ_S = 10.0
"""How long a question may take to arrive."""
BURST, PER_SECOND = 200.0, 50.0
"""Questions asked in a row, and for ever."""
PAUSE_S = 0.2
_AT_ONCE = 32
BOARD = b'{"pancode_board":'
"""How a request begins that isn't about an action but about the session's task board."""
_KEPT = ("class", "rule", "decision", "always")


class Hooks:
    """All questions of one run, in the shim's poll loop; whatever goes wrong with one is a no.

    `note(record, action)` writes a record down, shows it, and says whether it is on disk.
    """

    def __init__(
        self,
        fd: int | None,
        adapter: str,
        ask_s: float,
        note: Callable[[dict[str, Any], Mapping[str, Any] | None], bool],
    ) -> None:
        """Take questions by the listening descriptor `fd`, if any; each is open for `ask_s` seconds."""
        self._listener = None if fd is None else _socket.socket(fileno=fd)
        self._adapter = adapter
        self._ask_s = ask_s
        self._note = note
        self._reading: list[Question] = []
        self._asked: dict[str, Asker] = {}
        self._number = 0
        self._credit, self._credit_at = BURST, time.monotonic()
        self._paused_until: float | None = None
        self._stopped: str | None = None
        self._board: Board | None = None
        self.unheard = 0

    @property
    def asking(self) -> bool:
        """Whether an action is being held."""
        return bool(self._asked)

    def watched(self) -> list[Watched]:
        """Give descriptor, mask and handler of all that is to be watched."""
        found: list[Watched] = [(each.fd, select.POLLIN, each.readable) for each in self._reading]
        # A client that waits for its answer has ended its own side: only its death is of interest.
        found += [(each.fd, select.POLLERR, each.died) for each in self._asked.values() if each.fd >= 0]
        if self._board is not None:
            found += self._board.watched()
        if self._paused_until is None and self._listener is not None:
            found.append((self._listener.fileno(), select.POLLIN, self._accept))
        return found

    def next_at(self) -> float | None:
        """Give when time alone ends something."""
        times = [each.until for each in self._reading] + [each.until for each in self._asked.values()]
        board = None if self._board is None else self._board.next_at()
        times += [at for at in (self._paused_until, board) if at is not None]
        return min(times) if times else None

    def tick(self, now: float) -> None:
        """Say no to what has waited too long."""
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
        if self._board is not None:
            self._board.tick(now)
        for each in [each for each in self._reading if now >= each.until]:
            self._unread(each, "the hook's input didn't arrive in time")
        for late in [each for each in self._asked.values() if now >= each.until]:
            self._answer(late, allow=False, by="deadline", why=f"nobody answered within {self._ask_s:g} s")

    def order(self, order: Mapping[str, Any]) -> None:
        """Carry out an order "answer", "asking" or "board"; one about what is not open comes too late."""
        if order["do"] == "board":
            if self._board is not None:
                self._board.order(order)
            return
        question = self._asked.get(str(order.get("id")))
        if question is None:
            return
        if order["do"] == "asking":
            self._note({"kind": "asking", **_named(order, ("id", "class", "rule", "why"))}, question.action)
            return
        rest = _named(order, _KEPT)
        allow, why = order.get("allow") is True, str(order.get("why") or "")
        self._answer(question, allow=allow, by=str(order.get("by") or "policy"), why=why, rest=rest)

    def stop(self, by: str, why: str) -> None:
        """Say no to everything that is open, and to whatever still comes."""
        if self._stopped is None:
            self._stopped = why
            for each in list(self._asked.values()):
                self._answer(each, allow=False, by=by, why=why)

    def close(self) -> None:
        """Hang up on everybody: the agent has ended."""
        self.stop("gone", "the agent has ended")
        for each in self._reading:
            each.hang_up()
        self._reading.clear()
        if self._board is not None:
            self._board.close()
        if self._listener is not None:
            self._listener.close()

    # A question comes in.

    def _accept(self, _mask: int) -> None:
        if self._listener is None:
            return
        for _ in range(_AT_ONCE):
            try:
                fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001 -- C's only name
            except BlockingIOError:
                return
            except OSError:
                self._paused_until = time.monotonic() + PAUSE_S
                return
            line = _socket.socket(self._listener.family, _socket.SOCK_STREAM, 0, fd)
            question = Question(line, time.monotonic() + READ_S, self._read, self.gone)
            self._reading.append(question)
            if len(self._reading) > MOST_READING:
                self._unread(question, "too many questions at once")

    def _read(self, question: Question) -> None:
        """Take in what a client sends."""
        if question not in self._reading:
            return
        whole = question.read()
        if whole is None:
            self._reading.remove(question)
            question.hang_up()
        elif len(question.data) > LONGEST_QUESTION:
            self._unread(question, f"the hook's input is longer than {LONGEST_QUESTION} bytes")
        elif sum(len(each.data) for each in self._reading) > MOST_BYTES:
            self._unread(question, "too much is asked at once")
        elif whole:
            self._reading.remove(question)
            self.ask(question)

    def ask(self, question: Asker) -> None:
        """Hold the action and have the controller know; or say no if there is nothing to be asked."""
        refusal = self._stopped
        if refusal is None and len(self._asked) >= MOST_ASKED:
            refusal = "too many questions at once"
        if refusal is None and not self._may_ask():
            refusal = "too many questions in a short time"
        if refusal is not None:
            self._unheard(question, refusal)
            return
        if question.data.startswith(BOARD):
            self._to_board(question)
            return
        self._number += 1
        question.id = f"a{self._number}"
        try:
            action, cut = limited(action_of(self._module(), question.data))
        except (AdapterError, ValueError) as error:
            self._answer(question, allow=False, by="shim", why=str(error))
            return
        question.data.clear()
        question.action = action
        question.until = time.monotonic() + self._ask_s
        record: dict[str, Any] = {"kind": "asked", "id": question.id, "action": action}
        record["deadline"] = round(time.time() + self._ask_s, 3)
        if cut:
            record["cut"] = True
        self._asked[question.id] = question
        if not self._note(record, action):
            self._answer(question, allow=False, by="shim", why="the question can't be recorded")

    def _to_board(self, question: Asker) -> None:
        if self._board is None:
            from pancode.worker.board import Board

            self._board = Board(self._note)
        self._board.ask(question)

    def _may_ask(self) -> bool:
        now = time.monotonic()
        self._credit = min(BURST, self._credit + PER_SECOND * (now - self._credit_at))
        self._credit_at = now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True

    def _module(self) -> Any:  # noqa: ANN401 -- an adapter's module
        return load_adapter(self._adapter)

    # It is answered.

    def gone(self, question: Asker) -> None:
        """Take a question back whose asker doesn't wait any more."""
        if self._board is not None:
            self._board.gone(question)
        if self._asked.get(question.id) is question:
            self._answer(
                question, allow=False, by="gone", why="the agent doesn't wait for an answer any more"
            )

    def _answer(
        self, question: Asker, *, allow: bool, by: str, why: str, rest: Mapping[str, Any] | None = None
    ) -> None:
        """Write the answer down, then give it; a yes that can't be given or recorded is a no."""
        self._asked.pop(question.id, None)
        said = self._says(allow=allow, why=why) if allow else None
        if allow and said is None:
            allow, by, why = False, "shim", "the adapter can't say yes"
        record = {"kind": "answered", "id": question.id, "allow": allow, "by": by, "why": why, **(rest or {})}
        recorded = self._note(record, question.action)
        if said is None or not recorded:
            said = self._says(allow=False, why=why) or _plain_no(why)
        question.send(said)

    def _says(self, *, allow: bool, why: str) -> bytes | None:
        """Give the answer in the agent's own words, as its hook's process will say them."""
        try:
            answer = self._module().hook_says(allow, why)
            text = dumps({"out": str(answer["out"]), "err": str(answer["err"]), "exit": int(answer["exit"])})
        except Exception:  # noqa: BLE001 -- whatever an adapter does, the answer must not be a yes
            return None
        return text.encode()

    def _unread(self, question: Question, why: str) -> None:
        if question in self._reading:
            self._reading.remove(question)
        self._unheard(question, why)

    def _unheard(self, question: Asker, why: str) -> None:
        """Say no without a record of its own: a hostile worker could fill the disk with them."""
        self.unheard += 1
        question.send(self._says(allow=False, why=why) or _plain_no(why))


def _named(order: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: order[name] for name in names if order.get(name) is not None}


def _plain_no(why: str) -> bytes:
    return dumps({"out": "", "err": f"pancode: blocked: {why}\n", "exit": 2}).encode()
