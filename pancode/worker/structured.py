"""An agent that speaks JSON: read by its adapter, shown as a transcript."""

from __future__ import annotations

from pancode.worker.files import read_plain
from pancode.worker.lean_json import loads
from pancode.worker.redaction import StreamRedactor, clean_value
from pancode.worker.stream import AdapterError, Reader, load_session
from pancode.worker.transcript import Transcript
from pancode.worker.view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from pancode.worker.pane import Pane
    from pancode.worker.protocol import Result, Spec

_BESIDE = frozenset(("usage", "cost", "unknown", "session"))
"""Kinds of events that may come in the middle of a message."""
LARGEST_READ = 4 << 20
"""Bytes of a file that an agent leaves for its adapter."""


class Structured(View):
    """An agent that writes JSON lines to standard output, and whatever it likes to standard error."""

    def __init__(
        self, spec: Spec, pane: Pane, take: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> None:
        """Begin with an empty transcript."""
        super().__init__(spec, pane, take)
        self.transcript = Transcript(self.columns)
        self._said = StreamRedactor()
        self._printed = StreamRedactor()
        self.reader: Reader

    def prepare(self) -> str | None:
        """Load the adapter; give a sentence if that can't be done."""
        problem = None
        try:
            session = load_session(self.spec["adapter"] or "", self.spec["previous"])
        except AdapterError as error:
            problem = str(error)
            session = _Deaf()
        self.reader = Reader(session, self._event, lambda line: self.show(self.transcript.aside(line)))
        self.unknown = self.reader.unknown
        return problem

    def note(self, text: str) -> None:
        """Show a line of the shim's own, after the line that is being written."""
        self.show(self.transcript.close())
        super().note(text)

    def final(self, result: Result) -> None:
        """Show how it ended, after the line that is being written."""
        self.show(self.transcript.close())
        super().final(result)

    def record(self, record: Mapping[str, Any]) -> None:
        """Show a question, its answer, or a connection that was blocked."""
        self.show(self.transcript.show(clean_value(record)))

    def resize(self, size: tuple[int, int]) -> None:
        """Use the pane's new size."""
        super().resize(size)
        self.transcript.resize(self.columns)

    def _event(self, event: Mapping[str, Any]) -> None:
        if event["kind"] == "output":
            self._watched(event["text"])
            return
        if event["kind"] not in _BESIDE:
            if event["kind"] == "text" and event.get("delta"):
                event = {**event, "text": self._whole(event["text"], self._said)}
            else:
                self._flush()
                self._printed = StreamRedactor()
        self.show(self.transcript.show(self.take(event)))

    def _watched(self, text: str) -> None:
        """Show what a call prints while it runs; the journal has its result."""
        for line in self._whole(text, self._printed).splitlines():
            self.show(self.transcript.aside(line))

    def _whole(self, piece: str, redactor: StreamRedactor) -> str:
        """Give a piece of a text without what may be, or belongs to, a secret that comes in pieces."""
        clean = redactor.feed(piece.encode("utf-8", "surrogatepass"), 0.0).decode("utf-8", "surrogatepass")
        if clean != piece:
            self.swaps[piece] = clean
        return clean

    def _flush(self) -> None:
        rest = self._said.end().decode("utf-8", "surrogatepass")
        if rest:
            self.show(self.transcript.show(self.take({"kind": "text", "text": rest, "delta": True})))

    def output(self, data: bytes) -> None:
        """Take in standard output."""
        self.reader.output(data)

    def terminal(self, data: bytes) -> None:
        """Take in standard error, and what was written to the terminal."""
        self.reader.errors(data)

    def end(self, folder: str) -> None:
        """Read what the launch promised to leave in `folder`, and flush."""
        self.reader.end({name: content for name in self.spec["reads"] if (content := _json(folder, name))})
        self._flush()


class _Deaf:
    """Stands in for an adapter that can't be used, until the agent has been stopped."""

    def feed(self, _record: Mapping[str, Any]) -> tuple[()]:
        return ()

    def noise(self, _line: str) -> tuple[()]:
        return ()

    def end(self, _files: Mapping[str, Any]) -> tuple[()]:
        return ()


def _json(folder: str, name: str) -> object:
    """Give the parsed file `name` of the run's folder, None if it isn't there or isn't JSON."""
    try:
        path = name if name.startswith("/") else f"{folder}/{name}"
        return loads(read_plain(path, LARGEST_READ).decode("utf-8-sig"))
    except (OSError, ValueError):
        return None
