"""An agent that is a terminal program: shown as it is, but for what acts elsewhere."""

from __future__ import annotations

from pancode.worker.screen import Screen
from pancode.worker.text import last_words
from pancode.worker.view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from pancode.worker.pane import Pane
    from pancode.worker.protocol import Spec

TAIL = 1 << 16
"""Bytes of a terminal program's output from which its result is taken."""


class Terminal(View):
    """A program that is shown as it is, without what could act on the operator's terminal."""

    structured = False

    def __init__(
        self, spec: Spec, pane: Pane, take: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> None:
        """Begin with an empty screen."""
        super().__init__(spec, pane, take)
        self._screen = Screen()
        self._tail = bytearray()

    @property
    def must_wait(self) -> bool:
        """Whether the pane is so far behind that the agent should wait."""
        return self.pane.full

    def prepare(self) -> str | None:
        """Need nothing."""
        return None

    def output(self, data: bytes) -> None:
        """Take in standard output; a program on a terminal has none of its own."""
        self.terminal(data)

    def terminal(self, data: bytes) -> None:
        """Show what the program writes."""
        self._tail += data
        if len(self._tail) > 2 * TAIL:
            del self._tail[:-TAIL]
        self.pane.show(self._screen.feed(data))

    def end(self, folder: str) -> str | None:  # noqa: ARG002 -- nothing is promised in files
        """Undo what the program left switched on; give its last words."""
        self.pane.show(
            self._screen.end() + (b"\r\n" if self._tail and not self._tail.endswith(b"\n") else b"")
        )
        return last_words(bytes(self._tail))
