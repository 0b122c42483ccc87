"""Long pastes in the input line: shown folded, as one word that stands for them, and sent whole."""

from __future__ import annotations

import os
import readline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LINES, LETTERS = 8, 1000
"""A text with more of either is folded."""
_GAP = "\u00a0"
"""Stands between the words of a fold, so that Ctrl-W takes all of them and nobody types one by chance."""
_MARKS = {"pasted": "\x1d", "edited": "\x1c"}
"""What stands around a text in an entry of the history file, by how it came into the line."""
_ROOM = 2
"""Rows of the pane that a line which is unfolded leaves free."""


class Pastes:
    """What was folded in this pane, by the word that stands for it."""

    def __init__(self) -> None:
        """Know none."""
        self._texts: dict[str, str] = {}

    def folded(self, text: str, by: str = "pasted") -> str:
        """Give a text as the line shows it: a short one as it is, a long one as a word that stands for it.

        >>> pastes = Pastes()
        >>> pastes.folded("short"), pastes.folded("x" * 12_345).split()
        ('short', ['[pasted', '12,345', 'letters]'])
        """
        lines = text.rstrip("\n").count("\n") + 1
        if lines <= LINES and len(text) <= LETTERS:
            return text
        size = f"{lines:,} lines" if lines > LINES else f"{len(text):,} letters"
        for number in range(1, len(self._texts) + 2):
            words = f"[{by} {size}]" if number == 1 else f"[{by} {size}, {number}]"
            word = words.replace(" ", _GAP)
            if self._texts.setdefault(word, text) == text:
                break
        return word

    def whole(self, line: str) -> str:
        r"""Give a line with the texts in the place of the words that stand for them.

        >>> pastes = Pastes()
        >>> pastes.whole("look: " + pastes.folded("a\n" * 9)) == "look: " + "a\n" * 9
        True
        """
        for word, text in self._texts.items():
            line = line.replace(word, text)
        return line

    def written(self, line: str) -> str:
        """Give a line as the history file has it, from which `read_back` makes it again."""
        for word, text in self._texts.items():
            mark = _MARKS[word[1:].partition(_GAP)[0]]
            line = line.replace(word, f"{mark}{text}{mark}")
        return line

    def read_back(self, entry: str) -> str:
        """Give an entry of the history file as a line."""
        for by, mark in _MARKS.items():
            parts = entry.split(mark)
            entry = "".join(self.folded(part, by) if place % 2 else part for place, part in enumerate(parts))
        return entry

    def is_pasted(self, line: str) -> bool:
        """Whether a line begins with a folded paste: what that hides is a text, and no verb or command."""
        return any(line.lstrip().startswith(word) for word in self._texts if word.startswith("[pasted"))

    def before(self, line: str) -> str | None:
        """Give the fold that a line ends with, if it does."""
        return next((word for word in self._texts if line.endswith(word)), None)


class _Line:
    """The line being typed, as the library has it: bytes, and a point between two of them."""

    def __init__(self, library: Any) -> None:  # noqa: ANN401 -- ctypes, which is imported late
        import ctypes

        self.library = library
        self._point = ctypes.c_int.in_dll(library, "rl_point")
        self._buffer = ctypes.c_char_p.in_dll(library, "rl_line_buffer")

    def point(self) -> int:
        return self._point.value

    def text(self, start: int, end: int | None = None) -> str:
        return (self._buffer.value or b"")[start:end].decode("utf-8", "replace")

    def put(self, start: int, end: int, text: str) -> None:
        """Put a text in the place of another one, as one step to be undone; the point is behind it."""
        self.library.rl_begin_undo_group()
        self.library.rl_delete_text(start, end)
        self._point.value = start
        self.library.rl_insert_text(text.encode("utf-8", "replace"))
        self.library.rl_end_undo_group()


_kept: list[object] = []
"""Functions that the library calls; they must outlive whoever made them."""


class _Keys:
    """What the keys do; each takes readline's count and key, and gives 0."""

    def __init__(self, line: _Line, pastes: Pastes, show: Callable[[str], None]) -> None:
        self._line = line
        self._pastes = pastes
        self._show = show

    def paste(self, count: int, key: int) -> int:
        line, start = self._line, self._line.point()
        line.library.rl_begin_undo_group()
        failed = line.library.rl_bracketed_paste_begin(count, key)
        text = line.text(start, line.point())
        if (word := self._pastes.folded(text)) != text:
            line.put(start, line.point(), word)
        line.library.rl_end_undo_group()
        return int(failed)

    def rub_out(self, count: int, key: int) -> int:
        point = self._line.point()
        word = self._pastes.before(self._line.text(0, point)) if count == 1 else None
        if word is None:
            return int(self._line.library.rl_rubout(count, key))
        self._line.put(point - len(word.encode()), point, "")
        return 0

    def unfold(self, _count: int, _key: int) -> int:
        folded = self._line.text(0)
        whole = self._pastes.whole(folded)
        if whole != folded and _fits(whole):
            self._line.put(0, len(folded.encode()), whole)
        elif whole != folded:
            self._show(whole)
        return 0


def bind(pastes: Pastes, show: Callable[[str], None]) -> None:
    """Fold what is pasted, rub out a fold as a whole, and unfold with Ctrl-X Ctrl-O.

    `show` shows a text above the line. A library without these functions pastes as it always does.
    """
    import ctypes

    library = ctypes.CDLL(getattr(readline, "__file__", None))
    if not hasattr(library, "rl_bracketed_paste_begin"):
        return
    # Else the terminal's own erase key is bound anew with each prompt.
    readline.parse_and_bind("set bind-tty-special-chars off")
    does = _Keys(_Line(library), pastes, show)
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
    for sequence, function in (
        (rb"\e[200~", does.paste),
        (rb"\C-?", does.rub_out),
        (rb"\C-h", does.rub_out),
        (rb"\C-x\C-o", does.unfold),
    ):
        called = kind(function)
        _kept.append(called)
        library.rl_bind_keyseq(sequence, called)


def _fits(text: str) -> bool:
    try:
        columns, rows = os.get_terminal_size(1)
    except OSError:
        columns, rows = 80, 24
    return sum(1 + len(line) // max(1, columns) for line in text.split("\n")) <= rows - _ROOM
