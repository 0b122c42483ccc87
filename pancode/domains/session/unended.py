"""Runs that had not ended when a session did: somebody killed it, or the machine went down."""

from __future__ import annotations

import os

from pancode.engine.places import Places


def note_on_unended(places: Places) -> list[str]:
    """Give a sentence on runs that the next controller has to settle; nothing if all have ended."""
    try:
        names = os.listdir(places.runs)
    except OSError:
        return []
    count = sum(_has_not_ended(os.path.join(places.runs, name)) for name in names)
    if not count:
        return []
    runs = "1 run" if count == 1 else f"{count} runs"
    return [f"{runs} had not ended when the session did; pancode recover lists what was lost"]


def _has_not_ended(folder: str) -> bool:
    written = os.path.exists(os.path.join(folder, "spec.json"))
    return written and not os.path.exists(os.path.join(folder, "result.json"))
