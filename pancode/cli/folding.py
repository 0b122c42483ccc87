"""Standard output for the command pane: long lines of verbs are broken between words."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, TextIO

from pancode.domains.ui.text import folded

if TYPE_CHECKING:
    from collections.abc import Iterable


class Folding:
    """A text stream that is another one, but for lines that the terminal would break within words."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`, a terminal."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text; what isn't whole lines, or moves the cursor, as it is."""
        if text.endswith("\n") and "\x1b" not in text and "\r" not in text:
            self._stream.write(folded(text, shutil.get_terminal_size().columns))
        else:
            self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the other stream has
        """Be the other stream in everything else."""
        return getattr(self._stream, name)
