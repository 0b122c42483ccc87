"""Text from an agent without anything that a terminal would obey."""

from __future__ import annotations

_STRINGS = frozenset("PX]^_k")
"""Device control, start of string, system command, privacy message, application command, tmux title."""
# What a line of text may not hold: control characters, and marks that make text read in another order.
_INVISIBLE: dict[int, str | None] = {
    **dict.fromkeys([*range(9), *range(11, 32), *range(0x7F, 0xA0)]),
    **dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]),
}


def plain(text: str) -> str:
    r"""Give `text` without escape sequences and control characters; newlines and tabs stay.

    >>> plain("\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07done\x1bPq#\x1b\\!\r\n")
    'red done!\n'
    """
    if "\x1b" in text or "\x9b" in text or "\x9d" in text or "\x90" in text:
        for c1, escape in (("\x9b", "\x1b["), ("\x9d", "\x1b]"), ("\x90", "\x1bP")):
            text = text.replace(c1, escape)
        first, *rest = text.split("\x1b")
        text = first + "".join(_after_escape(rest))
    return text.translate(_INVISIBLE)


def _after_escape(pieces: list[str]) -> list[str]:
    """Drop from each piece the sequence that the escape character before it began."""
    kept = []
    in_string = False
    for piece in pieces:
        if in_string and not piece.startswith("\\"):
            # Only ST ends the string that the piece before began; an escape inside it ends it, too.
            in_string = False
        if piece[:1] in _STRINGS:
            bell = piece.find("\x07")
            in_string = bell < 0
            kept.append("" if bell < 0 else piece[bell + 1 :])
        else:
            in_string = False
            kept.append(piece[_sequence_end(piece) :])
    return kept


def _sequence_end(piece: str) -> int:
    """Give the index behind the sequence that starts `piece`, a CSI or a short one."""
    at = 1
    if piece[:1] == "[":
        while at < len(piece) and "\x20" <= piece[at] <= "\x3f":
            at += 1
        return at + 1 if at < len(piece) and "\x40" <= piece[at] <= "\x7e" else at
    if piece[:1] and "\x20" <= piece[0] <= "\x2f":
        return 2
    return 1 if piece[:1] and "\x30" <= piece[0] <= "\x7e" else 0
