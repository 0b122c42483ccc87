"""What both kinds of agent have in common on the pane: the header, the shim's own lines, the last line."""

from __future__ import annotations

from pancode.worker import captions
from pancode.worker.redaction import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from pancode.worker.pane import Pane
    from pancode.worker.protocol import Result, Spec


class View:
    """How one agent is read and shown; the loop hands it bytes."""

    structured = True

    def __init__(
        self, spec: Spec, pane: Pane, take: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> None:
        """Name what to read by and where to show it; `take` writes an event down and gives its record."""
        self.spec = spec
        self.pane = pane
        self.take = take
        self.columns = max(pane.size[1], captions.NARROWEST)
        self.unknown: dict[str, int] = {}
        self.swaps: dict[str, str] = {}

    @property
    def must_wait(self) -> bool:
        """Whether the pane is so far behind that the agent should wait."""
        return False

    def begin(self) -> None:
        """Show who works on what."""
        self.show(captions.header({**self.spec, "task": clean(self.spec["task"])}, self.columns))

    def show(self, text: str) -> None:
        """Show lines of our own making."""
        if text:
            self.pane.show(text.replace("\n", "\r\n").encode("utf-8", "replace"))

    def note(self, text: str) -> None:
        """Show a line of the shim's own."""
        self.show(captions.note(clean(text), self.columns))

    def record(self, record: Mapping[str, Any]) -> None:
        """Show a record of the shim's own about a question or a connection; not over a program's screen."""

    def resize(self, size: tuple[int, int]) -> None:
        """Use the pane's new size."""
        self.columns = max(size[1], captions.NARROWEST)

    def final(self, result: Result) -> None:
        """Show how it ended."""
        self.show(captions.final(result, self.columns, structured=self.structured))

    def prepare(self) -> str | None:
        """Load what is needed once the agent runs; give a sentence if that can't be done."""
        return None

    def output(self, data: bytes) -> None:
        """Take in standard output."""
        raise NotImplementedError

    def terminal(self, data: bytes) -> None:
        """Take in what was written to the agent's terminal."""
        raise NotImplementedError

    def end(self, folder: str) -> str | None:
        """Take in what is still held back; give the program's last words if those are the result."""
        raise NotImplementedError
