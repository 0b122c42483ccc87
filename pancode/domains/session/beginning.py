"""What a session begins with: mode, level and preset, by what was kept and what is configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.domains.panconfigure.api import Beginning
from pancode.engine.files import read_json, write_json
from pancode.engine.places import Places

ORDERS = {"safety": ("suggest", "auto-edit", "full-auto"), "mode": ("plan", "review", "build")}
"""The words of each, the strictest first."""


def begin(places: Places, beginning: Beginning) -> None:
    """Write down what the session that is about to come up begins with.

    What was chosen in it before is kept, unless the configuration has changed since or a preset is
    named: the last word counts. A change by the project alone can only make it stricter.
    """
    kept = read_json(places.session_file)
    words = _words(kept, beginning)
    if words is not None:
        configured = {"safety": beginning.safety, "mode": beginning.mode}
        write_json(places.session_file, {**words, "configured": configured})
    if beginning.preset is not None or read_json(places.preset_file) is not None:
        before = {name: str(kept.get(name)) for name in ORDERS} if kept else words or {}
        write_json(places.preset_file, {"v": 1, "preset": beginning.preset, "before": before})


def stricter(name: str, kept: Mapping[str, Any], wanted: str) -> str:
    """Give the mode or the level that was kept, or the wanted one if it is stricter and news since.

    >>> stricter("safety", {"safety": "full-auto", "configured": {"safety": "auto-edit"}}, "suggest")
    'suggest'
    """
    order, word = ORDERS[name], str(kept.get(name))
    told = kept.get("configured")
    last = told.get(name) if isinstance(told, dict) else wanted
    if last == wanted or word not in order:
        return word
    return min(word, wanted, key=order.index)


def preset_of(places: Places) -> str | None:
    """Give the name of the session's preset; None where it has none."""
    found = (read_json(places.preset_file) or {}).get("preset")
    return found if isinstance(found, str) and found != "off" else None


def _words(kept: Mapping[str, Any] | None, beginning: Beginning) -> dict[str, str] | None:
    """Give mode and level to begin with; None leaves a file alone that nobody understands."""
    wanted = {"safety": beginning.safety, "mode": beginning.mode}
    if kept is None:
        return wanted
    if any(kept.get(name) not in order for name, order in ORDERS.items()):
        return None
    last = kept.get("configured")
    told = last if isinstance(last, dict) else {"safety": "auto-edit", "mode": "build"}
    return {name: _word(name, str(kept[name]), told.get(name), beginning) for name in ORDERS}


def _word(name: str, kept: str, last: object, beginning: Beginning) -> str:
    wanted = beginning.safety if name == "safety" else beginning.mode
    by = beginning.by[name]
    if by == "preset":
        return wanted
    if wanted == last:
        return kept
    if by in ("user", "environment", "flag"):
        return wanted
    return min(kept, wanted, key=ORDERS[name].index)
