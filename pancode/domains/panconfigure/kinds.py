"""Reads the texts of settings: each kind takes a text and gives its value, or says what would have fitted."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

from pancode.domains.panconfigure.api import is_endpoint, is_variable

MILLISECONDS = 1000.0
_UNITS = {"ms": 1.0, "": 1.0, "s": 1000.0, "m": 60_000.0, "h": 3_600_000.0}
_TIME = re.compile(r"(-?\d{1,15}(?:\.\d{1,9})?)\s*(ms|s|m|h|)")
_FEW = 3
_LIMIT = re.compile(r"\s*(?:[^\s,=][^,=]*=\s*)?[1-9]\d{0,5}\s*")
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
_DOLLARS = re.compile(r"\d+(\.\d+)?")
_MOST, _DIGITS = 1_000_000, 9


def any_text(text: str) -> str:
    """Take any text that is one line.

    >>> any_text("qwen3:8b")
    'qwen3:8b'
    """
    if not text.strip() or not text.isprintable():
        raise ValueError("a text of one line")
    return text


@dataclass(frozen=True, slots=True)
class OneOf:
    """Takes these words and no others."""

    words: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """Give the word."""
        if text not in self.words:
            few = len(self.words) < _FEW
            raise ValueError(" or ".join(self.words) if few else "one of " + ", ".join(self.words))
        return text


def one_of(*words: str) -> OneOf:
    """Give a reader that takes these words and no others."""
    return OneOf(words)


def path(text: str) -> str:
    """Take a path; it is made absolute."""
    return os.path.abspath(text)


def name(text: str) -> str:
    """Take the name of something, such as a layout or a preset."""
    if not NAME.fullmatch(text):
        raise ValueError("a name of letters, digits, '-', '_' and '.'")
    return text


def endpoint(text: str) -> str:
    """Take the address of a model."""
    if not is_endpoint(text):
        raise ValueError("an http:// or https:// URL")
    return text


def variable(text: str) -> str:
    """Take the name of a variable."""
    if not is_variable(text):
        raise ValueError("the name of a variable, such as OPENROUTER_API_KEY")
    return text


def heartbeat(text: str) -> float:
    """Take the time between two heartbeats; seconds."""
    seconds = _seconds(text)
    if not 0.1 <= seconds <= 3600:  # noqa: PLR2004 -- as the sentence says
        raise ValueError("a number of milliseconds from 100 to 3600000")
    return seconds


def timeout(text: str) -> float | None:
    """Take a time limit; seconds, None for none.

    >>> timeout("1500"), timeout("5m"), timeout("0")
    (1.5, 300.0, None)
    """
    seconds = _seconds(text)
    if seconds < 0:
        raise ValueError("a number of milliseconds, or 0 for no limit")
    return seconds or None


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] / MILLISECONDS if match else math.nan
    if not math.isfinite(seconds):
        raise ValueError("a number of milliseconds, or a time such as 90s or 5m")
    return seconds


def limits(text: str) -> str:
    """Take one number for all and others by name.

    >>> limits("8, local=2")
    '8, local=2'
    """
    parts = text.split(",")
    are_read = text.isprintable() and all(_LIMIT.fullmatch(part) for part in parts)
    if not are_read or sum("=" not in part for part in parts) > 1:
        raise ValueError("a number from 1, or numbers by name such as 8,anthropic=4")
    return text


def count(text: str) -> float:
    """Take a whole number from 1."""
    return _whole(text, 1)


def whole(text: str) -> float:
    """Take a whole number from 0."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> float:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and least <= int(text) <= _MOST):
        raise ValueError(f"a whole number from {least} to {_MOST}")
    return int(text)


def names(text: str) -> str:
    """Take one name, or several with commas between them.

    >>> names("builder,dev")
    'builder, dev'
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(NAME.fullmatch(part) for part in parts):
        raise ValueError("the name of an agent, or several with commas between them")
    return ", ".join(parts)


def money(text: str) -> str:
    """Take a limit as `pancode budget set` does; a bare number is dollars.

    >>> money("5"), money("2usd,100k tokens")
    ('5usd', '2usd,100k tokens')
    """
    from pancode.core.errors import PanError
    from pancode.domains.scheduling.api import parse_limit

    whole_text = f"{text.strip()}usd" if _DOLLARS.fullmatch(text.strip()) else text
    try:
        parse_limit(whole_text)
    except PanError:
        raise ValueError("a limit such as 10usd, 200k tokens, or both with a comma") from None
    return whole_text
