"""The recording of a pane, `terminal.cast`: asciicast v2."""

from __future__ import annotations

import codecs
import time

from pancode.worker.files import Log
from pancode.worker.lean_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.protocol import Spec


class Cast:
    """Dates what the pane showed, relative to the start; a full disk ends it without harm."""

    __slots__ = ("_decoder", "_start", "log")

    def __init__(self, path: str, spec: Spec, size: tuple[int, int]) -> None:
        """Write the header for a pane of `size` (rows, columns); raise OSError."""
        self.log = Log(path)
        self._start = time.monotonic()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        header = {
            "version": 2,
            "width": size[1],
            "height": size[0],
            "timestamp": int(time.time()),
            "title": f"{spec['run']} {spec['agent']}",
            "env": {"TERM": spec["env"].get("TERM", "xterm-256color")},
        }
        self.log.append(dumps(header).encode() + b"\n")

    def output(self, data: bytes) -> None:
        """Record shown bytes; a character split over two calls is kept whole."""
        text = self._decoder.decode(data)
        if text:
            self._line("o", text)

    def resize(self, size: tuple[int, int]) -> None:
        """Record that the pane has `size` (rows, columns) from here on."""
        self._line("r", f"{size[1]}x{size[0]}")

    def _line(self, kind: str, text: str) -> None:
        if self.log.error is None:
            at = round(time.monotonic() - self._start, 6)
            self.log.append(dumps([at, kind, text]).encode() + b"\n")
