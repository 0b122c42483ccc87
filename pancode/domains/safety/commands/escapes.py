"""Reads the escapes of `$'…'`, `printf` and `echo -e`."""

from __future__ import annotations

import re
import sys

from pancode.domains.safety.commands.judgement import DYNAMIC

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|0?([0-7]{1,3})|c(.)|(.))", re.DOTALL
)


def unescaped(text: str) -> str:
    r"""Give `text` with its escapes replaced.

    >>> unescaped(r"\x72m")
    'rm'
    """
    return _ESCAPE.sub(_replaced, text) if "\\" in text else text


def _replaced(match: re.Match[str]) -> str:
    hexa, short, long, octal, control, other = match.groups()
    if control:
        return chr(ord(control) & 31)
    if other:
        return _SIMPLE.get(other, other if other in "\\'\"?" else "\\" + other)
    number = int(octal, 8) if octal else int(hexa or short or long, 16)
    return chr(number) if 0 < number <= sys.maxunicode else DYNAMIC


def ansi(text: str, at: int) -> tuple[str, int]:
    """Read `$'…'` whose inside begins at `at`; give its value and where the text goes on."""
    end = at
    while end < len(text) and text[end] != "'":
        end += 2 if text[end] == "\\" else 1
    return unescaped(text[at:end]), end + 1
