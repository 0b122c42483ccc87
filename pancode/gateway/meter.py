"""Reads an answer while it passes, and says what it cost; it changes nothing and holds nothing back."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pancode.gateway.usage import NAMES, Counts, counted, overlaid, usage_in
from pancode.gateway.wires import Wire

KEPT = 32 << 20
"""Bytes of an answer that is no stream; of a longer one the usage is guessed."""
_CHARACTERS_PER_TOKEN = 4
_TEXT = re.compile(
    rb'"(?:text|content|delta|thinking|partial_json|arguments|input|reasoning_content)"\s*:\s*"((?:[^"\\]|\\.)*)'
)
"""What a model says, in any of the four APIs: only to guess how much it was."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer cost; `estimate` where something of it had to be guessed.

    `complete` if the API had said its last word, whoever hung up then.
    """

    usage: Counts | None
    estimate: bool
    complete: bool
    model: str | None
    usd: float | None


class Meter:
    """Takes the body of one answer in pieces."""

    def __init__(self, wire: Wire, kind: str, encoding: str) -> None:
        """`kind` and `encoding` are the answer's Content-Type and Content-Encoding."""
        self._wire = wire
        self._events = "event-stream" in kind.lower()
        self._unpack = zlib.decompressobj(47) if encoding.lower() in ("gzip", "x-gzip", "deflate") else None
        self._blind = encoding.lower() not in ("", "identity", "gzip", "x-gzip", "deflate")
        self._parts: list[bytes] = []
        self._size = 0
        self._counts: Counts = dict.fromkeys(NAMES)
        self._grows = False
        self._is_last = False
        self._characters = 0
        self._model: str | None = None
        self._usd: float | None = None

    def feed(self, data: bytes) -> None:
        """Take a piece."""
        if self._blind:
            return
        if self._unpack is not None:
            try:
                data = self._unpack.decompress(data)
            except zlib.error:
                self._blind = True
                return
        if self._events:
            self._lines(data)
        elif self._size <= KEPT:
            self._size += len(data)
            self._parts.append(data)

    def reading(self, *, whole: bool, input_estimate: int) -> Reading:
        """Say what it cost; `whole` unless it was cut off."""
        rest = b"".join(self._parts)
        if self._events:
            self._line(rest)
        elif self._size <= KEPT:
            self._document(rest)
        exact = self._is_last or (whole and self._grows)
        if not exact:
            self._guess(input_estimate)
        return Reading(self._counts, not exact, self._is_last, self._model, self._usd)

    def _guess(self, input_estimate: int) -> None:
        said = self._characters // _CHARACTERS_PER_TOKEN
        if self._counts["input"] is None:
            self._counts = {**self._counts, "input": input_estimate}
        self._counts = {**self._counts, "output": max(self._counts["output"] or 0, said)}

    def _lines(self, data: bytes) -> None:
        if b"\n" not in data:
            self._parts.append(data)
            return
        *lines, rest = (b"".join(self._parts) + data).split(b"\n")
        self._parts = [rest]
        for line in lines:
            self._line(line)

    def _line(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        if b'"usage' in line:
            self._take(_json(line[len(b"data:") :]))
        # The Responses API says everything again when a part is complete.
        if self._wire is not Wire.RESPONSES or b'.delta"' in line:
            self._characters += sum(map(len, _TEXT.findall(line)))

    def _document(self, data: bytes) -> None:
        found = _json(data)
        for each in found if isinstance(found, list) else [found]:
            self._take(each)
        if not self._is_last:
            self._characters = sum(map(len, _TEXT.findall(data)))

    def _take(self, document: object) -> None:
        if not isinstance(document, Mapping):
            return
        usage, model, last = usage_in(self._wire, document)
        self._model = model or self._model
        if usage is not None:
            self._counts = overlaid(self._counts, counted(self._wire, usage))
            self._is_last = self._is_last or last
            self._grows = self._wire is Wire.CHAT  # some say it in every chunk
            cost = usage.get("cost")
            if isinstance(cost, int | float) and not isinstance(cost, bool):
                self._usd = float(cost)


def _json(data: bytes) -> Any:  # noqa: ANN401 -- whatever a server sends
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
