"""How wide text is on a terminal, and how to say figures in a few letters."""

from __future__ import annotations

from pancode.worker.sanitise import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# First and last code points that take two columns; the table of `unicodedata` is a megabyte.
_WIDE = (
    (0x1100, 0x115F),
    (0x231A, 0x231B),
    (0x23E9, 0x23EC),
    (0x2614, 0x2615),
    (0x26A1, 0x26A1),
    (0x2705, 0x2705),
    (0x274C, 0x274C),
    (0x2728, 0x2728),
    (0x2757, 0x2757),
    (0x2B50, 0x2B50),
    (0x2E80, 0x303E),
    (0x3041, 0xA4CF),
    (0xA960, 0xA97C),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F),
    (0xFF01, 0xFF60),
    (0xFFE0, 0xFFE6),
    (0x1F300, 0x1F64F),
    (0x1F680, 0x1F6FF),
    (0x1F7E0, 0x1F7EB),
    (0x1F900, 0x1F9FF),
    (0x1FA70, 0x1FAFF),
    (0x20000, 0x3FFFD),
)
_ZERO = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05BD),
    (0x064B, 0x065F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200B, 0x200F),
    (0x2060, 0x2064),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xFEFF, 0xFEFF),
)
THOUSAND = 1000
_LETTERS_A_COLUMN = 8
"""Letters that may share a column: one, and the marks that are set on it."""


def width(text: str) -> int:
    """Give the columns `text` takes.

    >>> width("abc"), width("日本"), width("e\u0301")
    (3, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_columns, map(ord, text)))


def _columns(code: int) -> int:
    if code < _ZERO[0][0]:
        return 1
    if any(first <= code <= last for first, last in _ZERO):
        return 0
    return 2 if code >= _WIDE[0][0] and any(first <= code <= last for first, last in _WIDE) else 1


def cut(text: str, columns: int) -> str:
    """Give `text` in at most `columns` columns, with an ellipsis where something is missing.

    >>> cut("abcdef", 4), cut("日本語", 5)
    ('abc…', '日本…')
    """
    # Letter by letter is slow: of a text of megabytes only what may fit is measured.
    head = text if text.isascii() else text[: _LETTERS_A_COLUMN * max(columns, 1)]
    if len(head) == len(text) and width(text) <= columns:
        return text
    kept, room = [], max(columns, 1) - 1
    for letter in head:
        room -= _columns(ord(letter))
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept) + "…"


def one_line(text: str) -> str:
    r"""Give `text` on one line, runs of white space as one blank.

    >>> one_line(" a\n\n  b\tc ")
    'a b c'
    """
    return " ".join(text.split())


def count(number: int) -> str:
    """Say a number of tokens shortly.

    >>> count(950), count(41_234), count(2_000_000), count(33_000)
    ('950', '41.2k', '2M', '33k')
    """
    if number < THOUSAND:
        return str(number)
    value, unit = (number / THOUSAND, "k") if number < THOUSAND * THOUSAND else (number / 1e6, "M")
    return f"{value:.1f}".removesuffix(".0") + unit


def tokens(usage: Mapping[str, Any]) -> str:
    """Say a run's tokens; nothing when the agent doesn't.

    >>> tokens({"input": 8200, "cache_read": 33000, "cache_write": None, "output": 2100})
    '41.2k in (33k cached) 2.1k out'
    """
    fresh, cached = usage.get("input"), usage.get("cache_read")
    written, output = usage.get("cache_write"), usage.get("output")
    words = []
    if fresh is not None:
        words.append(f"{count(fresh + (cached or 0) + (written or 0))} in")
        if cached:
            words.append(f"({count(cached)} cached)")
    if output is not None:
        words.append(f"{count(output)} out")
    return " ".join(words)


def duration(seconds: float) -> str:
    """Say a time span as a person would.

    >>> duration(1.84), duration(59.97), duration(125), duration(7265)
    ('1.8s', '1:00', '2:05', '2:01:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{seconds:.1f}s"


def last_words(output: bytes, most: int = 4000) -> str | None:
    r"""Give the last characters of what a program wrote to its terminal, as a person would have read them.

    >>> last_words(b"10%\r100%\r\n\x1b[32mdone\x1b[0m\r\n")
    '100%\ndone'
    """
    text = "\n".join(map(str.rstrip, plain(as_read(output.decode("utf-8", "replace"))).split("\n")))
    return text.strip()[-most:] or None


def as_read(text: str) -> str:
    r"""Give `text` without what a bare carriage return writes over, as progress bars do.

    >>> as_read("10%\r100%\r\ndone\r")
    '100%\ndone'
    """
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
