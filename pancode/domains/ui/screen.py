"""The fleet screen at work: waits for events, keys and sizes, and writes what changed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pancode.domains.ui.frame import Canvas, View, body_lines, diff, frame, scrolled
from pancode.domains.ui.keys import Leave, Order, pressed
from pancode.domains.ui.link import Call, Link
from pancode.domains.ui.reading import read_fleet, read_row, with_session
from pancode.domains.ui.rows import Fleet
from pancode.domains.ui.text import clean
from pancode.domains.ui.theme import wants_colour
from pancode.engine import terminal
from pancode.engine.places import Places

PAUSE_S = 0.2
"""The least time between two frames, but for an answer to a key: a burst of events becomes one frame."""
KEYS_AFTER_S = 2.0
"""Without a controller, keys are read from then on; with one, right after the first frame."""

Clock = Callable[[], float]


def absorbed(fleet: Fleet | None, event: Mapping[str, Any], now: float) -> Fleet | None:
    """Give the fleet after one event of the subscription; an event of another kind changes nothing."""
    status, row, session = event.get("status"), event.get("worker"), event.get("session")
    if isinstance(status, dict):
        return read_fleet(status, now)
    if fleet is not None and event.get("topic") == "gone":
        return fleet.without(str(event.get("run")))
    if fleet is not None and isinstance(row, dict):
        return fleet.with_row(read_row(row, now))
    if fleet is not None and isinstance(session, dict):
        return with_session(fleet, session)
    return fleet


class Screen:
    """One fleet screen on this process's terminal."""

    def __init__(self, places: Places, *, quits: bool, clock: Clock = time.time) -> None:
        """`quits`: q leaves the screen; else nothing does."""
        self._path = places.socket
        self._clock = clock
        self._link = Link(places.socket, clock, is_pane=not quits)
        self._fleet: Fleet | None = None
        self._view = View(quits=quits)
        self._calls: list[Call] = []
        self._keyboard: terminal.Keyboard | None = None
        self._old: list[str] | None = None
        self._canvas: Canvas | None = None
        self._drawn = 0.0
        self._dirty = True
        self._colour = wants_colour(os.environ)

    def run(self) -> None:
        """Draw until the person leaves; returns also when the terminal has gone away."""
        with _wakes_on_resize() as wake, contextlib.ExitStack() as stack:
            while True:
                self._link.connect()
                self._draw_if_due()
                if self._keyboard is None and self._has_drawn_enough():
                    self._keyboard = stack.enter_context(terminal.Keyboard())
                if not self._step(wake):
                    return

    def _has_drawn_enough(self) -> bool:
        """Whether the slow import behind the keyboard can be afforded; keys pressed before are kept."""
        gone = self._link.gone_since
        return not self._dirty and (gone is None or self._clock() - gone > KEYS_AFTER_S)

    def _step(self, wake: int) -> bool:
        """Wait for whatever comes first and take it in; False: leave."""
        link = self._link.fileno()
        waited = [wake, *(call.fileno() for call in self._calls)]
        if link is not None:
            waited.append(link)
        if self._keyboard is not None:
            waited.append(sys.stdin.fileno())
        ready, _, _ = select.select(waited, [], [], self._patience())
        if wake in ready:
            os.read(wake, 4096)
            self._old = None
            self._dirty = True
        if link in ready:
            self._hear()
        self._collect_answers()
        return self._take_keys() if sys.stdin.fileno() in ready else True

    def _patience(self) -> float | None:
        """Give the seconds until something is due without anything happening; None: nothing is."""
        now = self._clock()
        due = [wait for wait in (self._link.retry_in(),) if wait is not None]
        if self._calls:
            due.append(1.0)
        if self._dirty:
            due.append(min(PAUSE_S, max(0.0, self._drawn + PAUSE_S - now)))
        if self._is_watched() and self._ages():
            due.append(1.0 - now % 1.0)
        return min(due) if due else None

    def _ages(self) -> bool:
        """Whether any line on the screen changes by time alone."""
        rows = self._fleet.rows.values() if self._fleet is not None else ()
        return self._link.gone_since is not None or any(row.is_live for row in rows)

    def _is_watched(self) -> bool:
        if self._view.quits or self._fleet is None or self._fleet.attached:
            return True
        return self._link.gone_since is not None  # Nobody could say that somebody has attached.

    def _hear(self) -> None:
        was_there = self._link.gone_since is None
        now = self._clock()
        for event in self._link.receive():
            if self._fleet is None:
                self._drawn = 0.0  # The first rows don't wait behind the frame that announced them.
            self._fleet = absorbed(self._fleet, event, now)
            self._dirty = True
        if was_there != (self._link.gone_since is None):
            self._dirty = True

    def _collect_answers(self) -> None:
        for call in list(self._calls):
            answer = call.answer()
            if answer is None:
                continue
            self._calls.remove(call)
            if answer.get("ok") is not True:
                error = answer.get("error")
                problem = clean(error.get("problem")) if isinstance(error, dict) else ""
                self._say(problem or "the controller refused")

    def _take_keys(self) -> bool:
        keys = self._keyboard.keys() if self._keyboard is not None else []
        if not keys and not terminal.is_interactive():
            return False
        if keys:
            self._drawn = 0.0
        for key in keys:
            self._view, order = pressed(self._fleet, self._view, key, self._clock())
            self._dirty = True
            if isinstance(order, Leave):
                return False
            if isinstance(order, Order):
                self._send(order)
        return True

    def _send(self, order: Order) -> None:
        is_answer = order.allow is not None
        args = {"what": order.run, "allow": order.allow} if is_answer else {"run": order.run}
        try:
            self._calls.append(Call(self._path, order.verb, args, self._clock))
        except OSError:
            self._say(f"can't {order.verb} {order.run}: the controller is gone")
            return
        if order.verb == "stop":
            self._say(f"asked {order.run} to stop")
        elif order.verb in ("pause", "resume"):
            self._say(f"asked {order.run} to {order.verb}")
        elif is_answer:
            self._say(f"{'allowed' if order.allow else 'denied'} {order.run}")

    def _say(self, note: str) -> None:
        self._view = replace(self._view, note=note)
        self._dirty = True

    def _draw_if_due(self) -> None:
        now = self._clock()
        ticked = self._ages() and int(now) != int(self._drawn)
        if not (self._dirty or ticked) or (now - self._drawn < PAUSE_S and self._drawn <= now):
            return
        found = terminal.size()
        self._dirty = False
        if found is None or not self._is_watched():
            return
        canvas = Canvas(*found, colour=self._colour)
        if canvas != self._canvas:
            self._canvas, self._old = canvas, None
        if self._fleet is not None:
            self._view = scrolled(self._view, self._fleet.ordered(now), body_lines(canvas))
        lines = frame(self._fleet, self._view, self._link.gone_since, now, canvas)
        _write(diff(self._old, lines))
        self._old = lines
        self._drawn = now


def _write(text: str) -> None:
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


@contextlib.contextmanager
def _wakes_on_resize() -> Iterator[int]:
    """Give a descriptor that becomes readable when the terminal's size changes."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.signal(signal.SIGWINCH, lambda *_: None)
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGWINCH, before)
        os.close(reading)
        os.close(writing)


@contextlib.contextmanager
def prepared(*, whole_screen: bool) -> Iterator[None]:
    """Hide the cursor and cut long lines instead of wrapping them; give the screen back at the end."""
    _write(("\x1b[?1049h" if whole_screen else "") + "\x1b[?25l\x1b[?7l")
    try:
        with terminal.unechoed():
            yield
    finally:
        _write("\x1b[0m\x1b[?7h\x1b[?25h" + ("\x1b[?1049l" if whole_screen else ""))
