"""Takes secrets out of what a worker stores or shows; a stream is looked at across the cuts between reads."""

from __future__ import annotations

from pancode.worker.lean_json import dumps, loads
from pancode.worker.signs import BLOCK, places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pancode.worker.signs import Place

HOLD_S = 0.1
"""How long what may be a secret's beginning waits for more before a person sees it."""
CONTEXT = 4096
"""Bytes of a line that are remembered to know what its next bytes belong to."""
LONGEST_HELD = 16_384
"""Bytes of a line with a possible secret, or of a private key, that are looked at as a whole."""
LONGEST_LINE = 16 << 20
"""Bytes of a line that are held back for a file; a longer one is written in parts."""
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NAMING = ("type", "kind", "role", "id")
_BEGIN, _END = b"-----BEGIN", b"-----END"
_FRAME = b"-----BEGIN PRIVATE KEY-----\n"
_MARK = b"<redacted:private-key>"


def clean(text: str) -> str:
    """Give `text` without its secrets.

    >>> clean("PASSWORD=hunter22 make")
    'PASSWORD=<redacted:secret> make'
    """
    return _redact(text) if places(text.encode("utf-8", "surrogatepass")) else text


def clean_value(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """Give a JSON value without its secrets; the value itself if there are none."""
    return _redact_value(value) if places(dumps(value).encode()) else value


def clean_record(record: dict[str, Any], line: str) -> dict[str, Any]:
    """Give a record without its secrets; `line` is the record as JSON."""
    return _redact_value(record) if places(line.encode()) else record


class KeyLines:
    """Redacts lines of text, and knows which of them stand in a private key: that secret has many."""

    __slots__ = ("_left", "_marked")

    def __init__(self) -> None:
        """Begin outside of a key."""
        self._left = 0
        self._marked = False

    @property
    def inside(self) -> bool:
        """Whether a key has begun whose end was not seen."""
        return self._left > 0

    def line(self, line: bytes, *, suspect: bool) -> bytes:
        """Give a whole line without its secrets; `suspect` is whether there may be any."""
        if not self._left:
            if suspect and BLOCK in line and _BEGIN in line and _END not in line:
                self._left, self._marked = LONGEST_HELD, False
            return _clean(line) if suspect else line
        told = self.part(line)
        self._left = 0 if _END in line else max(0, self._left - len(line))
        bare = told.strip()
        is_body = bare == _MARK or (self._marked and not bare.strip(_BASE64))
        if is_body and self._marked:
            return b""
        self._marked = is_body
        return told

    def part(self, line: bytes) -> bytes:
        """Give the beginning of the next line without its secrets."""
        return _clean(_FRAME + line)[len(_FRAME) :] if self._left else _clean(line)


class LineRedactor:
    """Redacts a stream for a file: hands on whole lines; JSON stays JSON."""

    __slots__ = ("_keys", "_parts", "_size")

    def __init__(self) -> None:
        """Begin at the start of a line."""
        self._keys = KeyLines()
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes, swaps: Mapping[str, str] | None = None) -> bytes:
        """Take in bytes, give what is clean; `swaps` says what to put for certain texts inside of JSON."""
        self._parts.append(data)
        self._size += len(data)
        if b"\n" not in data and self._size < LONGEST_LINE:
            return b""
        held = b"".join(self._parts)
        end = held.rfind(b"\n") + 1 or len(held)
        self._parts, self._size = [held[end:]], len(held) - end
        return self._clean(held[:end], swaps or {})

    def end(self) -> bytes:
        """Give what still waits."""
        held = b"".join(self._parts)
        self._parts, self._size = [], 0
        return self._clean(held, {})

    def _clean(self, data: bytes, swaps: Mapping[str, str]) -> bytes:
        found = places(data)
        if not found and not swaps and not self._keys.inside:
            return data
        return b"".join(self._line(line, swaps, suspect=hit) for line, hit in _lines(data, found))

    def _line(self, line: bytes, swaps: Mapping[str, str], *, suspect: bool) -> bytes:
        if line.startswith(b"{"):
            return _clean_json(line, swaps) if suspect or swaps else line
        return self._keys.line(line, suspect=suspect)


class StreamRedactor:
    """Redacts a stream that a person watches: nothing waits but what may be the beginning of a secret."""

    __slots__ = ("_keys", "_line", "_shown", "due")

    def __init__(self) -> None:
        """Begin on an empty line; `due` is when `tick` has something to show."""
        self._keys = KeyLines()
        self._line = b""
        self._shown = b""
        self.due: float | None = None

    def feed(self, data: bytes, now: float) -> bytes:
        """Take in bytes at the time `now`; give what may be shown."""
        whole = self._line + data if self._line else data
        found = places(whole)
        # A carriage return at the end may be half of a line's end.
        end = max(whole.rfind(b"\n"), whole.rfind(b"\r", 0, -1)) + 1
        self.due = None
        if not found and not self._keys.inside:
            out = self._news(whole)
            self._line = self._shown = whole[max(end, len(whole) - CONTEXT) :]
            return out
        if len(whole) - end > LONGEST_HELD:
            end = len(whole)
        lines = [self._whole(line, suspect=hit) for line, hit in _lines(whole[:end], found)]
        self._line = line = whole[end:]
        begun = [at - end for at, is_open in found if is_open and at >= end]
        if self._keys.inside:
            begun.append(len(line.rstrip(_BASE64)))
        ready = min(begun, default=len(line))
        if ready < len(line):
            self.due = now + HOLD_S
        return b"".join(lines) + self._news(self._keys.part(line[:ready]))

    def tick(self) -> bytes:
        """Give what has waited long enough."""
        self.due = None
        return self._news(self._keys.part(self._line))

    def end(self) -> bytes:
        """Give what still waits, and begin on an empty line."""
        self.due = None
        out = self._whole(self._line, suspect=True)
        self._line = b""
        self._keys = KeyLines()
        return out

    def _whole(self, line: bytes, *, suspect: bool) -> bytes:
        """Give what is to be shown of a line that is whole now."""
        told = self._keys.line(line, suspect=suspect)
        if not told and self._shown:
            told = self._shown + b"\r\n"
        out = self._news(told)
        self._shown = b""
        return out

    def _news(self, new: bytes) -> bytes:
        """Give what `new`, the clean text of the line so far, has more than was shown of the line."""
        shown = self._shown
        if shown.startswith(new):
            return b""
        at = len(shown)
        if not new.startswith(shown):
            # A secret has begun in what was shown already.
            at = next(i for i, byte in enumerate(new) if shown[i : i + 1] != bytes((byte,)))
            while at and new[at] & 0xC0 == 0x80:  # noqa: PLR2004 -- the second half of a letter in UTF-8
                at -= 1
        self._shown = new
        return new[at:]


def _redact(text: str) -> str:
    from pancode.core.redact import redact

    return redact(text)


def _redact_value(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    from pancode.core.redact import redact_value

    return redact_value(value)


def _lines(data: bytes, found: list[Place]) -> Iterator[tuple[bytes, bool]]:
    """Give each line of `data`, and whether one of the places stands in it."""
    marks = sorted(at for at, _ in found)
    number = end = 0
    for line in data.splitlines(keepends=True):
        end += len(line)
        before = number
        while number < len(marks) and marks[number] < end:
            number += 1
        yield line, number > before


def _clean_json(line: bytes, swaps: Mapping[str, str]) -> bytes:
    """Clean a line that may be JSON, and is JSON afterwards if it is."""
    try:
        value = loads(line.decode())
        told = _redact_value(_swap(value, swaps) if swaps else value)
    except ValueError:
        return _clean(line)
    return line if told == value else dumps(told).encode() + line[len(line.rstrip()) :]


def _swap(value: Any, swaps: Mapping[str, str]) -> Any:  # noqa: ANN401 -- any JSON value
    if isinstance(value, str):
        return swaps.get(value, value)
    if isinstance(value, dict):
        return {name: each if name in _NAMING else _swap(each, swaps) for name, each in value.items()}
    return [_swap(each, swaps) for each in value] if isinstance(value, list) else value


def _clean(data: bytes) -> bytes:
    """Clean what a terminal is shown: colours inside of a secret don't hide it."""
    text = data.decode("utf-8", "surrogateescape")
    if "\x1b" not in text:
        return _redact(text).encode("utf-8", "surrogateescape")
    import re

    out: list[str] = []
    words: list[str] = []
    marks: list[str] = []
    pieces = re.split(r"(\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[^\[\]])|\x1b)", text)
    for number, piece in enumerate([*pieces, ""]):
        if number % 2 == 0 and number < len(pieces):
            words.append(piece)
            marks.append(piece)
        elif piece[-1:] in ("m", "K") and piece[1:2] == "[":
            marks.append(piece)
        else:
            said = "".join(words)
            told = _redact(said)
            colours = "".join(mark for mark in marks if mark.startswith("\x1b"))
            out += ["".join(marks) if told == said else told + colours, piece]
            words, marks = [], []
    return "".join(out).encode("utf-8", "surrogateescape")
