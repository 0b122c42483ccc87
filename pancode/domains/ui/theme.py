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

    @property
    def sgr(self) -> str:
        """Give the SGR code, in the colours of the theme that is used."""
        return self._spelled[0]

    @property
    def rich(self) -> str:
        """Give rich's name of it, in the colours of the theme that is used."""
        return self._spelled[1]

    @property
    def _spelled(self) -> tuple[str, str]:
        dark: tuple[str, str] = self.value
        return _LIGHT.get(self.name, dark) if _used["theme"] == "light" else dark


_LIGHT = {
    "GOOD": ("38;5;28", "color(28)"),
    "BUSY": ("38;5;25", "color(25)"),
    "CAREFUL": ("38;5;130", "color(130)"),
}
"""What is not to be read on a light background in the colours of the dark one."""
_TMUX = {
    "dark": {"green": "green", "cyan": "cyan", "yellow": "yellow"},
    "light": {"green": "colour28", "cyan": "colour25", "yellow": "colour130"},
}
_used = {"theme": "dark"}


def use(theme: str) -> None:
    """Paint in this theme's colours from now on, in this process; one that is not known changes nothing."""
    if theme in _TMUX:
        _used["theme"] = theme


def tmux_colours() -> dict[str, str]:
    """Give the colours of the status line and the borders, by the tmux options that name them."""
    return {f"@pancode_{name}": colour for name, colour in _TMUX[_used["theme"]].items()}


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
