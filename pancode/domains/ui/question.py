"""A question in lines, the same in popup and `pancode approvals`: nothing in it can hide or pretend."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pancode.domains.ui.text import clock, columns
from pancode.domains.ui.theme import Style

Line = tuple[str, Style]
_LABEL = 17
"""Columns of the words at the left."""
_LEAST = 20
_WAITS = 86_400.0
"""Seconds from which a deadline is none: the question is to wait for its answer."""
_MEANS = {"built-in": "built in"}


def question_lines(told: Mapping[str, Any], *, width: int, now: float) -> list[Line]:
    """Give the lines of one question of a row or of `approvals`, each at most `width` columns wide.

    The whole command is there; what doesn't print shows as its escape.
    """
    who = " ".join(_visible(told.get(key)) for key in ("agent", "id") if told.get(key))
    lines: list[Line] = [
        (line, Style.STRONG) for line in _wrapped(f"{who} wants to use {_tool(told)}", width)
    ]
    for line in _text(told.get("what")):
        lines += [(f"  {piece}", Style.CAREFUL) for piece in _wrapped(line, max(_LEAST, width - 2))]
    source = _visible(told.get("source"))
    rule = f"rule {_visible(told.get('rule'))}, {_MEANS.get(source, source)}"
    why = f"{_visible(told.get('why'))} ({rule})"
    rows = (
        (_visible(told.get("class")), why, Style.LOUD),
        ("recoverable", _visible(told.get("recoverable")), Style.PLAIN),
        ("in", _at_home(_visible(told.get("cwd"))), Style.PLAIN),
        ("deadline", left_in_words(told.get("deadline"), now), Style.PLAIN),
    )
    weaker = (("sandbox", _joined_losses(told), Style.STRONG_BAD),) if told.get("weaker") else ()
    for label, text, style in (*weaker, *rows):
        lines += [(line, style if place == 0 else Style.PLAIN) for place, line in _row(label, text, width)]
    return lines


def _joined_losses(told: Mapping[str, Any]) -> str:
    lost = told.get("lost")
    sentences = [_visible(one) for one in lost] if isinstance(lost, list | tuple) else []
    return _visible(told.get("weaker")) + (f" · {'; '.join(sentences)}" if sentences else "")


def left_in_words(deadline: object, now: float) -> str:
    """Say what becomes of a question that nobody answers.

    >>> left_in_words(700.0, 119.0), left_in_words(None, 0.0)
    ('denied in 9:41 if nobody answers', 'waits until it is answered')
    """
    if not isinstance(deadline, int | float) or deadline - now > _WAITS:
        return "waits until it is answered"
    return f"denied in {clock(deadline - now)} if nobody answers"


def _row(label: str, text: str, width: int) -> Iterator[tuple[int, str]]:
    pieces = _wrapped(text, max(_LEAST, width - _LABEL - 1))
    head = label if len(label) < _LABEL else f"{label} "
    for place, piece in enumerate(pieces):
        yield place, f"{head if place == 0 else '':<{_LABEL}} {piece}".rstrip()


def _tool(told: Mapping[str, Any]) -> str:
    return _visible(told.get("tool")) or "a tool"


def _text(value: object) -> list[str]:
    r"""Give a text's lines with everything made visible.

    >>> _text("rm \x1b[8m-rf\n dist\u202e")
    ['rm \\x1b[8m-rf', ' dist\\u202e']
    """
    lines = value.split("\n") if isinstance(value, str) else ["?"]
    return [_visible(line) for line in lines]


def _visible(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _at_home(path: str) -> str:
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path == home or path.startswith(f"{home}/") else path


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text into pieces of at most `width` columns, at blanks where there are some.

    >>> _wrapped("one two three", 8), _wrapped("abcdef", 4)
    (['one two', 'three'], ['abcd', 'ef'])
    """
    pieces: list[str] = []
    while columns(text) > width:
        end = width if text.isascii() else _fitting(text, width)
        blank = text.rfind(" ", 1, end + 1)
        if text[:blank].strip() and blank > 0:
            end = blank
        pieces.append(text[:end])
        text = text[end:].lstrip(" ") if blank == end else text[end:]
    return [*pieces, text]


def _fitting(text: str, width: int) -> int:
    end = 1
    while end < len(text) and columns(text[: end + 1]) <= width:
        end += 1
    return end
