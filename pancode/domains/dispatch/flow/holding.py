"""What a file of the project says of models is held to what the operator's own settings reach."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

from pancode.core.errors import ExitCode, PanError
from pancode.engine.places import Places

TooFar = Callable[[str], str | None]
"""Why a project may not choose a model; None: it may."""


def hold(file: str, models: Iterable[str | None], places: Places, too_far: TooFar) -> None:
    """Raise PanError REFUSED with file and line where a file of the project names a model too far.

    A file outside of the project, or in the operator's home of PanCode, is the operator's own.
    """
    path = os.path.realpath(file)
    if not _is_below(path, places.project) or _is_below(path, places.home):
        return
    for model in dict.fromkeys(models):
        why = None if model is None else too_far(model)
        if why is not None:
            raise PanError(
                f"{file}:{line_naming(path, 'model', str(model))}: {why}",
                remedy="do so if you trust it, or take the model out of the file",
                code=ExitCode.REFUSED,
            )


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(os.path.realpath(folder), ""))


def line_naming(path: str, key: str, value: str) -> int:
    """Give the first line of a file that has both, from 1; 1 where there is none."""
    word = re.compile(rf"(?<![\w-]){re.escape(value)}(?![\w-])")
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            named = (number for number, line in enumerate(text, 1) if key in line and word.search(line))
            return next(named, 1)
    except OSError:
        return 1
