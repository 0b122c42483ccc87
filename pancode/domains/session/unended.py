"""Runs that a session's end has taken: somebody killed it, or the machine went down."""

from __future__ import annotations

import os

from pancode.engine.files import read_json
from pancode.engine.places import Places


def note_on_unended(places: Places) -> list[str]:
    """Give a sentence on runs that were lost with the session, or that the next controller has to settle.

    Nothing if all had ended before. To be asked while what told of the session that was killed is there.
    """
    try:
        folders = [os.path.join(places.runs, name) for name in os.listdir(places.runs)]
    except OSError:
        return []
    since = (read_json(places.about) or {}).get("since")
    lost = sum(_was_lost(folder, since) for folder in folders) if isinstance(since, float) else 0
    count = sum(map(_has_not_ended, folders))
    words = [f"{_runs(lost)} {'was' if lost == 1 else 'were'} lost"] if lost else []
    words += [f"{_runs(count)} had not ended when the session did"] if count else []
    return [f"{' and '.join(words)}; pancode recover lists what was lost"] if words else []


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _was_lost(folder: str, since: float) -> bool:
    """Whether a run was lost since then; old results are not read."""
    path = os.path.join(folder, "result.json")
    try:
        if os.stat(path).st_mtime < since:
            return False
    except OSError:
        return False
    return (read_json(path) or {}).get("status") == "lost"


def _has_not_ended(folder: str) -> bool:
    written = os.path.exists(os.path.join(folder, "spec.json"))
    return written and not os.path.exists(os.path.join(folder, "result.json"))
