"""The words for a sandbox that keeps less than was promised, as every screen shows them, in red."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def weaker(grade: Mapping[str, Any] | None) -> str:
    """Say that a run's grade is a weaker one, by the names it was accepted by; "" for any other.

    `grade` is a `worker.profile.Grade`; None: it is not known.

    >>> weaker({"sandbox": "none", "accepted": ["none"]}), weaker({"sandbox": "full", "accepted": []})
    ('WEAKER: none', '')
    """
    names = (grade or {}).get("accepted")
    listed = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return f"WEAKER: {' '.join(listed)}" if listed else ""


def kept(grade: Mapping[str, Any] | None) -> str:
    """Say in a few words what a run's sandbox keeps, and what the operator did without.

    >>> kept({"sandbox": "full", "net": "model", "accepted": [], "root": False})
    'sandbox full, net: model'
    >>> kept({"sandbox": "none", "net": "open", "accepted": ["none"]}), kept(None)
    ('sandbox none, net: open, WEAKER: none', 'sandbox unknown')
    """
    if grade is None:
        return "sandbox unknown"
    named = weaker(grade)
    return f"sandbox {grade['sandbox']}, net: {grade['net']}" + (f", {named}" if named else "")
