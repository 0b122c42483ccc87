"""The popup's process: one question after the other, answered by a key that is meant for it."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pancode.domains.ui.frame import diff
from pancode.domains.ui.link import Call
from pancode.domains.ui.question import Line, question_lines
from pancode.domains.ui.text import clean, cut
from pancode.domains.ui.theme import Style, paint, wants_colour
from pancode.engine import places, terminal

QUIET_S = 0.3
"""A key counts only so long after the popup, the question and the key before it: who types doesn't answer."""
LOOK_S = 1.0
"""Between two looks at what is open: somebody else may have answered."""
KEYS = "[a]llow once  [A]lways for this run  [d]eny  [D]eny and say why  [s]top the run  [w]hy  Esc later"
_LONGEST_WHY = 200
_ENTER, _BACK, _ESCAPE = ("\r", "\n"), ("\x7f", "\b"), "\x1b"

Question = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """What is seen: a question (None: there is none), whether with its parts, and what is being typed."""

    question: Question | None = None
    since: float = 0.0
    parts: bool = False
    because: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """A request for the controller."""

    verb: str
    args: Mapping[str, Any]


def pressed(card: Card, data: str, *, quiet: float) -> tuple[Card, Send | bool | None]:
    """Give what follows from what was typed: a request, True to close the popup, or nothing.

    `quiet` is for how many seconds nothing had been typed, nor the question changed. Several characters
    at once are pasted, or a key without a meaning here.

    >>> card = Card({"id": "k3f.a1", "run_id": "k3f"})
    >>> pressed(card, "a", quiet=0.1)[1], pressed(card, "a", quiet=1.0)[1]
    (None, Send(verb='answer', args={'what': 'k3f.a1', 'allow': True, 'always': False, 'why': ''}))
    """
    question = card.question
    if card.because is not None and question is not None:
        return _typed(card, question, card.because, data)
    if quiet < QUIET_S or len(data) != 1:
        return card, None
    if data == _ESCAPE or question is None:
        return card, True
    match data:
        case "a" | "A" | "d":
            return card, _answer(question, allow=data != "d", always=data == "A")
        case "D":
            return replace(card, because="", note=""), None
        case "s":
            return card, Send(
                "stop", {"run": question["run_id"], "by": "operator", "why": "stopped at a question"}
            )
        case "w":
            return replace(card, parts=not card.parts), None
        case _:
            return card, None


def _typed(card: Card, question: Question, so_far: str, data: str) -> tuple[Card, Send | bool | None]:
    if data.startswith(_ESCAPE):  # An arrow or the like begins with it, too, and means nothing here.
        return (replace(card, because=None) if data == _ESCAPE else card), None
    for one in data:
        if one in _ENTER:
            return replace(card, because=None), _answer(question, allow=False, why=so_far)
        so_far = so_far[:-1] if one in _BACK else so_far + one * one.isprintable()
    return replace(card, because=so_far[:_LONGEST_WHY]), None


def _answer(question: Question, *, allow: bool, always: bool = False, why: str = "") -> Send:
    return Send("answer", {"what": question["id"], "allow": allow, "always": always, "why": why})


def lines(card: Card, more: int, now: float, size: tuple[int, int]) -> list[Line]:
    """Give exactly as many lines as `size` (columns, lines) has; the keys are always among them."""
    width, height = size[0] - 2, size[1]
    if card.question is None:
        body: list[Line] = [(card.note or "nobody waits for an answer; any key closes this", Style.PLAIN)]
        return [*body, *[("", Style.PLAIN)] * height][:height]
    body = question_lines(card.question, width=width, now=now)
    if card.parts:
        for part in card.question.get("parts") or []:
            text = f"{clean(part.get('decision')):6} {clean(part.get('class'))}: {clean(part.get('text'))}"
            body += [
                (cut(text, width), Style.PLAIN),
                (cut(f"       {clean(part.get('why'))}", width), Style.DIM),
            ]
    room = max(1, height - 2)
    if len(body) > room:
        body = [*body[: room - 1], ("… it goes on: pancode approvals shows all of it", Style.LOUD)]
    foot = [(cut(card.note or (f"{more} more wait" if more else ""), width), Style.CAREFUL)]
    asked = KEYS if card.because is None else f"denied, because: {card.because}_"
    return [*[*body, *[("", Style.PLAIN)] * room][:room], *foot, (cut(asked, width), Style.STRONG)][:height]


class Popup:
    """The questions of one session on this process's terminal."""

    def __init__(self, socket: str) -> None:
        """Ask the controller behind `socket`."""
        self._socket = socket
        self._card = Card(since=time.monotonic())
        self._open: list[Question] = []
        self._typed_at = time.monotonic()
        self._old: list[str] | None = None
        self._colour = wants_colour(os.environ)

    def run(self) -> None:
        """Go on until nothing is asked any more, or the person leaves."""
        self._look()
        was_asked = self._card.question is not None
        while not was_asked or self._card.question is not None:
            self._draw()
            ready, _, _ = select.select([0], [], [], LOOK_S)
            if ready and self._take():
                return
            self._look()

    def _take(self) -> bool:
        data = os.read(0, 1024).decode("utf-8", "replace")
        if not data:
            return True
        now = time.monotonic()
        quiet, self._typed_at = now - max(self._typed_at, self._card.since), now
        self._card, order = pressed(self._card, data, quiet=quiet)
        if isinstance(order, Send):
            answer = self._ask(order)
            error = answer.get("error")
            problem = clean(error.get("problem")) if isinstance(error, dict) else ""
            self._card = replace(self._card, note=problem)
            return False
        return order is True

    def _look(self) -> None:
        result = self._ask(Send("approvals", {})).get("result")
        found = result.get("questions") if isinstance(result, dict) else None
        self._open = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        known = self._card.question
        same = next((one for one in self._open if known is not None and one["id"] == known["id"]), None)
        if same is not None:
            self._card = replace(self._card, question=same)
        elif known is not None or self._open:
            following = self._open[0] if self._open else None
            self._card = Card(following, since=time.monotonic(), note=self._card.note)

    def _ask(self, order: Send) -> Mapping[str, Any]:
        try:
            return Call(self._socket, order.verb, order.args, time.time).wait()
        except OSError:
            return {"ok": False, "error": {"problem": "the controller is gone"}}

    def _draw(self) -> None:
        size = terminal.size() or (80, 24)
        drawn = lines(self._card, max(0, len(self._open) - 1), time.time(), size)
        new = [" " + paint(text, style, colour=self._colour) for text, style in drawn]
        os.write(1, diff(self._old, new).encode("utf-8", "replace"))
        self._old = new


def main() -> None:
    """Show what is asked; ends with the popup."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.write(1, b"\x1b[?25l\x1b[?7l")
    with terminal.unechoed():
        Popup(places.find().socket).run()


if __name__ == "__main__":
    main()
