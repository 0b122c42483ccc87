"""Notices that the program on the disk is another one than the one that runs."""

from __future__ import annotations

import os
import sys

LOOK_S = 30.0
"""Seconds between two looks; both must find the same: an installation is not begun with half of it there."""
_OWN = "pancode"


class Code:
    """The files that this process was made of when it started."""

    def __init__(self) -> None:
        """Remember them: all of PanCode's, of other packages the one that stands for each."""
        loaded = [(name, getattr(module, "__file__", None)) for name, module in sys.modules.items()]
        self._files = [path for name, path in loaded if path and (name.startswith(_OWN) or "." not in name)]
        self._then = self._last = self._stamp()

    def has_changed(self) -> bool:
        """Whether they are others than at the start, and the same as at the last look."""
        now = self._stamp()
        is_settled, self._last = now == self._last, now
        return is_settled and now != self._then

    def _stamp(self) -> list[tuple[int, int] | None]:
        return [_stamp(path) for path in self._files]


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
