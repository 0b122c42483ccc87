"""The one place for looks: each state's mark, word and colour, in a pane, a table and a tmux option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Style(Enum):
    """A meaning with its colour: as an SGR code for a pane, and as a style name for rich."""

    PLAIN = "", ""
    DIM = "2", "dim"
    STRONG = "1", "bold"
    GOOD = "32", "green"
    BUSY = "36", "cyan"
    CAREFUL = "33", "yellow"
    BAD = "31", "red"
    STRONG_BAD = "1;31", "bold red"
    LOUD = "1;30;43", "bold black on yellow"

    def __init__(self, sgr: str, rich: str) -> None:
        """Keep both spellings."""
        self.sgr = sgr
        self.rich = rich


@dataclass(frozen=True, slots=True)
class Look:
    """How one state shows: a mark, a word of at most nine letters, and a style."""

    mark: str
    word: str
    style: Style


LOOKS: Mapping[str, Look] = {
    "asking": Look("?", "asks", Style.LOUD),
    "queued": Look("○", "queued", Style.DIM),
    "starting": Look("◌", "starting", Style.BUSY),
    "working": Look("●", "working", Style.BUSY),
    "silent": Look("◐", "silent", Style.CAREFUL),
    "retrying": Look("◐", "retrying", Style.CAREFUL),
    "no-beat": Look("◐", "no beat", Style.CAREFUL),
    "stale": Look("◐", "stale", Style.CAREFUL),
    "dead": Look("✗", "dead", Style.BAD),
    "paused": Look("‖", "paused", Style.CAREFUL),
    "stopping": Look("◌", "stopping", Style.CAREFUL),
    "done": Look("✓", "done", Style.GOOD),
    "failed": Look("✗", "failed", Style.BAD),
    "lost": Look("✗", "lost", Style.BAD),
    "timeout": Look("✗", "timeout", Style.BAD),
    "budget": Look("✗", "budget", Style.BAD),
    "refused": Look("⊘", "refused", Style.CAREFUL),
    "cancelled": Look("⊘", "cancelled", Style.DIM),
}
"""Every face a run can show; the first nine but for "queued" also appear while it works."""

MODES: Mapping[str, Style] = {
    "plan": Style.BUSY,
    "build": Style.GOOD,
    "review": Style.CAREFUL,
    "admin": Style.BAD,
}


def look(face: str) -> Look:
    """Give the look of a face; one that is not known shows as its own word.

    >>> look("working").mark, look("hibernating").word
    ('●', 'hibernati')
    """
    return LOOKS.get(face) or Look("·", face[:9] or "?", Style.PLAIN)


def paint(text: str, style: Style, *, colour: bool) -> str:
    r"""Wrap a text in its style's escape codes, or leave it as it is.

    >>> paint("x", Style.BAD, colour=True), paint("x", Style.BAD, colour=False)
    ('\x1b[31mx\x1b[0m', 'x')
    """
    return f"\x1b[{style.sgr}m{text}\x1b[0m" if colour and style.sgr else text


def wants_colour(environment: Mapping[str, str]) -> bool:
    """Whether to use colours: not with NO_COLOR set to anything, nor on a dumb terminal.

    >>> wants_colour({"TERM": "tmux-256color"}), wants_colour({"NO_COLOR": "1"})
    (True, False)
    """
    return not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
