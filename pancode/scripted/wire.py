"""What the four wire APIs have in common: the shape of a translation, and server-sent events."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from pancode.scripted.conversation import Ask, Json
from pancode.scripted.script import Failure, Usage
from pancode.scripted.toolbox import Fallback, ToolCall

WORDS_PER_FRAME = 40
"""A long text comes in at most about this many pieces, a short one word by word."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A reply that is ready for the wire."""

    model: str
    text: str
    calls: tuple[ToolCall, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Wire:
    """One API: how it asks, how it is answered whole or in frames, and how it says an error."""

    name: str
    fallback: Fallback
    read: Callable[[Json], Ask]
    document: Callable[[Speech], Json]
    frames: Callable[[Speech], Iterator[bytes]]
    failure: Callable[[Failure], Json]


def event(data: Json, name: str = "") -> bytes:
    """Make one server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {compact(data)}\n\n".encode()


def compact(data: object) -> str:
    """Write JSON in one line; half a surrogate pair, which UTF-8 can't carry, stays escaped."""
    return json.dumps(data, separators=(",", ":"))


def text_pieces(text: str) -> Sequence[str]:
    """Cut a text as a model streams it: by words, or by runs of words where it is long.

    >>> text_pieces("I will run it.")
    ['I ', 'will ', 'run ', 'it.']
    """
    words = re.findall(r"\s*\S+\s*|\s+", text)
    size = max(1, -(-len(words) // WORDS_PER_FRAME))
    return ["".join(words[at : at + size]) for at in range(0, len(words), size)]


def halves(text: str) -> tuple[str, str]:
    """Cut the text of a call's arguments in two, so that a stream has a middle."""
    middle = len(text) // 2
    return text[:middle], text[middle:]


def message_of(failure: Failure) -> str:
    """Give the error's sentence: the script's own, or what the status means."""
    if failure.message:
        return failure.message
    known = {529: "Overloaded"}
    try:
        phrase = known.get(failure.status) or HTTPStatus(failure.status).phrase
    except ValueError:
        phrase = "Error"
    return f"{phrase} (scripted)"
