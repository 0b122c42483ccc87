"""The terminal of this process: its size, and keys as they are pressed. The only importer of blessed."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import Self

_NAMES = {
    "KEY_UP": "up",
    "KEY_DOWN": "down",
    "KEY_PGUP": "pgup",
    "KEY_PGDOWN": "pgdown",
    "KEY_HOME": "home",
    "KEY_END": "end",
    "KEY_ENTER": "enter",
    "KEY_ESCAPE": "escape",
}


def size() -> tuple[int, int] | None:
    """Give (columns, lines) of the terminal on standard output; None where there is none."""
    try:
        width, height = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (OSError, ValueError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def is_interactive() -> bool:
    """Whether a person can both read what is written and press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextlib.contextmanager
def unechoed() -> Iterator[None]:
    """Keep keys off the screen from the first moment on; they wait for whoever reads them."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    quiet = termios.tcgetattr(sys.stdin)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # A terminal that has gone needs nothing back.
            termios.tcsetattr(sys.stdin, termios.TCSANOW, before)


class Keyboard:
    """A context in which keys come one by one, without Enter and without echo."""

    def __init__(self) -> None:
        """Import blessed, which takes longer than drawing a screen: draw first."""
        with warnings.catch_warnings():  # An unknown TERM is no reason to write over the screen.
            warnings.simplefilter("ignore")
            import blessed

            self._terminal = blessed.Terminal()
        self._cbreak = self._terminal.cbreak()

    def __enter__(self) -> Self:
        """Switch the terminal over."""
        self._cbreak.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back as it was."""
        self._cbreak.__exit__(kind, error, trace)

    def keys(self) -> list[str]:
        """Give the keys pressed so far, without waiting: "up", "enter", "escape", or the character."""
        pressed: list[str] = []
        while key := self._terminal.inkey(timeout=0):
            name = _NAMES.get(key.name or "") if key.is_sequence else str(key)
            if name in ("\n", "\r"):
                name = "enter"
            if name:
                pressed.append(name)
        return pressed
