"""Text from agents made safe for a terminal, and cut or padded by the columns it really takes."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from functools import lru_cache

LONGEST = 400
"""Characters looked at of any one text; a screen's line is shorter."""
MARKS_IN_A_ROW = 2
"""Combining characters kept on one base; more only smear over the neighbouring lines."""
_THOUSAND = 1000
_FILL = "\ue000"
"""Stands for the second column of a wide letter while rows are measured; no cleaned text has it."""

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and other strings: titles, clipboards
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[()*+#%][0-9A-Za-z]"  # character sets
    r"|\x1b."
)
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]")
_HEAD = re.compile(r"\S+(?: \S+)* {2,}|  try: ")
"""What the rows of a long line stand to the right of: its first column, or the word before a remedy."""
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def clean(text: object) -> str:
    r"""Give one printable line: no control characters, escapes, direction marks or joiners.

    >>> clean("rm\x1b[31m -rf\x07\n dist\u202e")
    'rm -rf dist'
    """
    if not isinstance(text, str):
        return ""
    text = text[:LONGEST]
    if not (text.isascii() and text.isprintable()):
        text = "".join(_printable(_ESCAPES.sub("", text)))
    return " ".join(text.split())


def without_escapes(text: str) -> str:
    r"""Give a terminal's text with its lines, and without what only moves, colours or resets.

    >>> without_escapes("\x1b7\x1b[r\x1b8\x0f\x1b(B one\ttwo\n")
    ' one\ttwo\n'
    """
    return _UNSEEN.sub("", _ESCAPES.sub("", text))


def _printable(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for letter in text:
        category = unicodedata.category(letter)
        if category in ("Mn", "Me"):
            marks += 1
            if kept and marks <= MARKS_IN_A_ROW and ord(letter) not in _VARIATION_SELECTORS:
                kept.append(letter)
            continue
        marks = 0
        if category in ("Zl", "Zp") or letter in "\t\n\v\f\r\x85":
            kept.append(" ")
        elif category[0] != "C":
            kept.append(letter)
    return kept


def columns(text: str) -> int:
    """Count the terminal columns of a cleaned text.

    >>> columns("ab"), columns("日本"), columns("e\u0301")
    (2, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_letter_columns, text))


@lru_cache(maxsize=1024)
def _letter_columns(letter: str) -> int:
    if unicodedata.east_asian_width(letter) in "WF":
        return 2
    return 0 if unicodedata.category(letter) in ("Mn", "Me") else 1


def cut(text: str, width: int) -> str:
    """Shorten a cleaned text to at most `width` columns; what was cut shows as an ellipsis.

    >>> cut("working", 5), cut("日本語", 4)
    ('work…', '日…')
    """
    if columns(text) <= width:
        return text
    if width <= 0:
        return ""
    used, kept = 0, []
    for letter in text:
        used += _letter_columns(letter)
        if used > width - 1:
            break
        kept.append(letter)
    return "".join(kept) + "…"


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Give exactly `width` columns: cut or padded.

    >>> fit("ab", 4), fit("ab", 4, right=True)
    ('ab  ', '  ab')
    """
    text = cut(text, width)
    space = " " * (width - columns(text))
    return space + text if right else text + space


def wrapped(text: str, width: int, indent: str = "", *, breaks_words: bool = True) -> list[str]:
    """Break a cleaned text into rows of at most `width` columns; all but the first begin with `indent`.

    >>> wrapped("日本語のテキスト", 9), wrapped("two words", 7, "  ")
    (['日本語の', 'テキスト'], ['two', '  words'])
    """
    wide = not text.isascii()
    if wide:
        text = "".join(letter + _FILL * (_letter_columns(letter) - 1) for letter in text)
    rows = textwrap.wrap(
        text,
        width - wide,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=breaks_words,
    )
    return [row.replace(_FILL, "") for row in rows]


def folded(text: str, width: int) -> str:
    r"""Break the lines that are longer than `width` between words, so that the terminal doesn't within them.

    >>> print(folded("/new   begin a conversation\nshort", 16))
    /new   begin a
           conversation
    short
    """
    rows: list[str] = []
    for line in text.split("\n"):
        if columns(line) <= width:
            rows.append(line)
            continue
        head = _HEAD.match(line)
        inner = " " * min(len(head[0]) if head else 2, width // 2)
        rows += wrapped(line, width, inner, breaks_words=False)
    return "\n".join(rows)


def clock(seconds: float) -> str:
    """Give a duration as a stopwatch shows it.

    >>> clock(12), clock(123), clock(3_720), clock(190_000)
    ('0:12', '2:03', '1h02m', '2d04h')
    """
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days}d{hours % 24:02d}h"
    return f"{hours}h{minutes % 60:02d}m" if hours else f"{minutes}:{whole % 60:02d}"


def age(seconds: float) -> str:
    """Give how long ago something was.

    >>> age(3.7), age(75), age(7200)
    ('3s', '1m15s', '2h00m')
    """
    whole = max(0, int(seconds))
    if whole < 60:  # noqa: PLR2004 -- seconds in a minute
        return f"{whole}s"
    return clock(whole) if whole >= 3600 else f"{whole // 60}m{whole % 60:02d}s"  # noqa: PLR2004


def money(usd: float | None, *, estimated: bool = False) -> str:
    """Give US dollars; unknown is a dash, an estimate has a tilde.

    >>> money(None), money(0.414), money(0.002), money(1.5, estimated=True), money(0)
    ('–', '$0.41', '<$0.01', '~$1.50', '$0.00')
    """
    if usd is None:
        return "–"
    tiny = 0 < usd < 0.005  # noqa: PLR2004 -- half a cent rounds to nothing, which would say "free"
    return ("~" if estimated else "") + ("<$0.01" if tiny else f"${usd:.2f}")


def amount(number: int | None) -> str:
    """Give a count of tokens in three digits or so; unknown is a dash.

    >>> amount(None), amount(812), amount(41_180), amount(2_400_000)
    ('–', '812', '41.2k', '2.4M')
    """
    if number is None:
        return "–"
    if number < _THOUSAND:
        return str(number)
    if number < _THOUSAND * _THOUSAND:
        return f"{number / _THOUSAND:.1f}k"
    return f"{number / _THOUSAND / _THOUSAND:.1f}M"
