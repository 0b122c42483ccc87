"""What an agent writes on its way to the files and to the pane: both get it without its secrets."""

from __future__ import annotations

import time

from pancode.worker.redaction import LineRedactor, StreamRedactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.files import Log
    from pancode.worker.view import View


class Intake:
    """One agent's two streams. A record that its adapter reads is the only thing that stays as it came."""

    __slots__ = ("_errors", "_output", "_raw", "_screen", "_view")

    def __init__(self, view: View, raw: tuple[Log, Log]) -> None:
        """Show by `view`, write standard output and standard error to `raw`."""
        self._view = view
        self._raw = raw
        self._screen = StreamRedactor()
        self._output = LineRedactor()
        self._errors = LineRedactor()

    def output(self, data: bytes) -> None:
        """Take in bytes of standard output."""
        if not self._view.structured:
            self.terminal(data)
            return
        self._view.output(data)
        self._raw[0].append(self._output.feed(data, self._view.swaps))
        self._view.swaps.clear()

    def terminal(self, data: bytes) -> None:
        """Take in bytes that were written to the agent's terminal."""
        if self._view.structured:
            self._pass(self._errors.feed(data))
        else:
            self._pass(self._screen.feed(data, time.monotonic()))

    @property
    def due(self) -> float | None:
        """When `tick` has something to show; None if nothing waits."""
        return self._screen.due

    def tick(self, now: float) -> None:
        """Pass on what has waited long enough."""
        if self._screen.due is not None and now >= self._screen.due:
            self._pass(self._screen.tick())

    def end(self) -> None:
        """Pass on all that waits."""
        self._raw[0].append(self._output.end())
        self._pass(self._errors.end() if self._view.structured else self._screen.end())

    def _pass(self, data: bytes) -> None:
        if data:
            self._raw[1 if self._view.structured else 0].append(data)
            self._view.terminal(data)
