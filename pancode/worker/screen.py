"""A filter between a terminal program and the pane: what draws passes, what acts elsewhere doesn't."""

# ruff: noqa: PLR2004 -- the byte ranges are those of ECMA-48

from __future__ import annotations

ESC = 0x1B
LONGEST_STRING = 1 << 20
"""Bytes after which a control string that never ends is taken to be over."""

# Final bytes of the CSI sequences a full-screen program needs: cursor, erase, scroll, modes, colours, and
# the two questions (c, n) whose answers hold nothing but numbers. Not among them: t, which moves windows
# and types their titles back, i (printing), x and y (tests), p except the soft reset.
_CSI_FINALS = frozenset(b"@ABCDEFGHIJKLMPSTXZ`abcdefghlmnqrsu")
_CSI_CHARSETS = frozenset(b"()*+")
# Index, next line, tab stop, reverse index, save and restore cursor, keypad modes, full reset.
_ESC_FINALS = frozenset(b"DEHM78=>c")
# Device control, start of string, operating system command, privacy message, application command, tmux title.
_STRINGS = frozenset(b"PX]^_k")
_DROPPED_CONTROLS = bytes([*range(7), 0x0B, *range(0x10, 0x18), 0x19, *range(0x1C, 0x20), 0x7F])
_CANCEL = (0x18, 0x1A)
_MODES_TO_UNDO = (b"1", b"9", b"47", b"1000", b"1002", b"1003", b"1004", b"1005", b"1006", b"1047", b"1049")
_PASTE_MODE = b"2004"


class Screen:
    """A filter for what a program writes to its terminal: passes what draws, drops what acts elsewhere."""

    __slots__ = ("_modes", "_string", "_tail")

    def __init__(self) -> None:
        """Begin outside of any sequence."""
        self._tail = b""
        self._string = 0
        self._modes: dict[bytes, None] = {}

    def feed(self, data: bytes) -> bytes:
        """Give what may be shown of `data`; an unfinished sequence waits for the next call."""
        data = self._tail + data
        self._tail = b""
        if ESC not in data and 0xC2 not in data and not self._string:
            return data.translate(None, _DROPPED_CONTROLS)
        out: list[bytes] = []
        at = 0
        while at < len(data):
            at = self._rest_of_string(data, at) if self._string else self._text(data, at, out)
        return b"".join(out)

    def _text(self, data: bytes, at: int, out: list[bytes]) -> int:
        """Pass text up to the next escape, then deal with that; give where to go on."""
        escape = data.find(ESC, at)
        stop = len(data) if escape < 0 else escape
        text = data[at:stop]
        if escape < 0 and text.endswith(b"\xc2"):
            self._tail = b"\xc2"
            text = text[:-1]
        if 0xC2 in text:
            text = _without_c1(text)
        out.append(text.translate(None, _DROPPED_CONTROLS))
        return stop if escape < 0 else self._escape(data, escape, out)

    def _escape(self, data: bytes, at: int, out: list[bytes]) -> int:
        if at + 1 >= len(data):
            self._tail = data[at:]
            return len(data)
        kind = data[at + 1]
        if kind in _STRINGS:
            self._string = 1
            return at + 2
        if kind == ord("["):
            return self._control(data, at, out)
        if 0x20 <= kind <= 0x2F:
            if at + 2 >= len(data):
                self._tail = data[at:]
                return len(data)
            if kind in _CSI_CHARSETS and 0x30 <= data[at + 2] <= 0x7E:
                out.append(data[at : at + 3])
            return at + 3 if 0x30 <= data[at + 2] <= 0x7E else at + 2
        if kind in _ESC_FINALS:
            out.append(data[at : at + 2])
        return at + 2 if 0x30 <= kind <= 0x7E else at + 1

    def _control(self, data: bytes, at: int, out: list[bytes]) -> int:
        """Pass or drop the CSI sequence at `at`."""
        end = at + 2
        while end < len(data) and 0x20 <= data[end] <= 0x3F:
            end += 1
        if end >= len(data):
            if end - at < 256:
                self._tail = data[at:]
            return len(data)
        final = data[end]
        if not 0x40 <= final <= 0x7E:
            return end
        body = data[at + 2 : end]
        if (final in _CSI_FINALS and (b"$" not in body)) or (final == ord("p") and body == b"!"):
            if final in b"hl" and body.startswith(b"?"):
                self._remember(body[1:], on=final == ord("h"))
            out.append(data[at : end + 1])
        return end + 1

    def _remember(self, modes: bytes, *, on: bool) -> None:
        for mode in modes.split(b";"):
            if mode in _MODES_TO_UNDO or mode == _PASTE_MODE:
                if on:
                    self._modes[mode] = None
                else:
                    self._modes.pop(mode, None)

    def _rest_of_string(self, data: bytes, at: int) -> int:
        """Skip to the end of a control string; give where to go on."""
        for index in range(at, len(data)):
            byte = data[index]
            self._string += 1
            if byte == ESC:
                if index + 1 == len(data):
                    self._tail = data[index:]
                    return len(data)
                self._string = 0
                return index + 2 if data[index + 1] == ord("\\") else index
            if byte == 7 or byte in _CANCEL or self._string > LONGEST_STRING:
                self._string = 0
                return index + 1
        return len(data)

    def end(self) -> bytes:
        """Give what undoes the modes a program left on: colours, hidden cursor, mouse, other screen."""
        undo = b"".join(b"\x1b[?%sl" % mode for mode in self._modes)
        self._modes.clear()
        self._tail = b""
        self._string = 0
        # Between save and restore, as setting the scrolling region moves the cursor to the top.
        return undo + b"\x1b7\x1b[r\x1b8\x1b[0m\x1b[?25h\x1b[?7h\x1b[4l\x0f\x1b(B\x1b)B"


def _without_c1(text: bytes) -> bytes:
    """Drop U+0080 to U+009F, which some terminals take for escape sequences."""
    first, *rest = text.split(b"\xc2")
    return first + b"".join(
        piece[1:] if piece[:1] and 0x80 <= piece[0] <= 0x9F else b"\xc2" + piece for piece in rest
    )
