"""The verbs as an operator types them for one session."""

from __future__ import annotations

from pancode.engine.places import Places


def typed(places: Places, verb: str, *words: str) -> str:
    """Give a verb's line for this session; `main` needs no naming."""
    which = () if places.session == "main" else ("--session", places.session)
    return " ".join(("pancode", verb, *which, *words))
