"""Text that arrives in pieces, wrapped at words as it streams."""

from __future__ import annotations

from pancode.worker.text import width

MARGIN = " "


class Flow:
    r"""Holds back the word that is still growing; a blank line is kept, more than one is not.

    >>> flow = Flow(12)
    >>> flow.feed("one two th") + flow.feed("ree four\n\n\nfive") + flow.end()
    ' one two\n three four\n\n five\n'
    """

    __slots__ = ("_breaks", "_column", "_gap", "_word", "columns")

    def __init__(self, columns: int) -> None:
        """Wrap at `columns`, the margin included."""
        self.columns = columns
        self._word = ""
        self._gap = 0
        self._column = 0
        self._breaks = 0

    @property
    def active(self) -> bool:
        """Whether a line has been begun and not ended."""
        return self._column > 0 or bool(self._word)

    def feed(self, text: str) -> str:
        """Take in text; give what can be shown of it."""
        out: list[str] = []
        for number, line in enumerate(text.expandtabs(4).split("\n")):
            if number:
                self._flush(out)
                self._breaks += 1
                self._gap = 0
            for index, word in enumerate(line.split(" ")):
                if index:
                    self._flush(out)
                    self._gap += 1
                self._word += word
        return "".join(out)

    def end(self) -> str:
        """Give what was held back, and end the line."""
        out: list[str] = []
        self._flush(out)
        if self._column:
            out.append("\n")
        self._column = self._gap = self._breaks = 0
        return "".join(out)

    def _flush(self, out: list[str]) -> None:
        word, self._word = self._word, ""
        if not word:
            return
        if self._breaks and self._column:
            out.append("\n" * min(self._breaks, 2))
            self._column = 0
        self._breaks = 0
        room = self.columns - len(MARGIN)
        if self._column and self._column + self._gap + width(word) > room:
            out.append("\n")
            self._column = self._gap = 0
        gap = min(self._gap, room // 2)
        self._gap = 0
        out.append((MARGIN if not self._column else "") + " " * gap)
        self._column += gap
        for letter_run in _pieces(word, room - self._column, room):
            if self._column + width(letter_run) > room and self._column:
                out.append("\n" + MARGIN)
                self._column = 0
            out.append(letter_run)
            self._column += width(letter_run)


def _pieces(word: str, first: int, room: int) -> list[str]:
    """Cut a word that is wider than a line."""
    if width(word) <= max(first, 1):
        return [word]
    pieces: list[str] = []
    left = first
    piece = ""
    for letter in word:
        wide = width(letter)
        if wide > left and piece:
            pieces.append(piece)
            piece, left = "", room
        piece += letter
        left -= wide
    return [*pieces, piece]
