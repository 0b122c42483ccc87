"""What a key does on the fleet screen: a new view, and perhaps an order for the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pancode.domains.ui.frame import View
from pancode.domains.ui.rows import Fleet

_PAGE = 10
_END = 1_000_000
_MOVES: Mapping[str, int] = {
    "up": -1,
    "k": -1,
    "down": 1,
    "j": 1,
    "pgup": -_PAGE,
    "pgdown": _PAGE,
    "home": -_END,
    "end": _END,
}


@dataclass(frozen=True, slots=True)
class Order:
    """A request for the controller: `show` brings a run's window forward, `stop` ends the run.

    `pause` and `resume` let it stand still and go on.

    `answer` answers a question; `run` is the question's id then, and `allow` the answer.
    """

    verb: str
    run: str
    allow: bool | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """The person is done with this screen."""


def pressed(fleet: Fleet | None, view: View, key: str, now: float) -> tuple[View, Order | Leave | None]:
    """Give what follows from one key; a key without a meaning changes nothing but an old note."""
    if view.stopping is not None:
        order = Order("stop", view.stopping) if key in ("y", "Y") else None
        return replace(view, stopping=None, note=""), order
    if view.allowing is not None:
        yes = Order("answer", view.allowing, allow=True) if key in ("y", "Y") else None
        return replace(view, allowing=None, note=""), yes
    if view.note:
        view = replace(view, note="")
    if key == "q" and view.quits:
        return view, Leave()
    if key == "?":
        return replace(view, help=not view.help, why=False), None
    if key == "escape":
        return replace(view, help=False, why=False, selected=None), None
    if fleet is None or view.help:
        return view, None
    return _on_rows(fleet, view, key, now)


def _on_rows(fleet: Fleet, view: View, key: str, now: float) -> tuple[View, Order | None]:
    ids = [row.run_id for row in fleet.ordered(now)]
    if not ids:
        return view, None
    if key in _MOVES:
        return replace(view, selected=_moved(ids, view.selected, _MOVES[key])), None
    chosen = view.selected if view.selected in ids else None
    if key == "enter":
        run = chosen or ids[0]
        if view.quits:
            return replace(view, selected=run, note=f"pancode attach {run}"), None
        return replace(view, selected=run), Order("show", run)
    if key not in ("s", "p", "a", "d", "w"):
        return view, None
    if chosen is None:
        return replace(view, note="choose a worker first: j and k, or the arrows"), None
    if not fleet.rows[chosen].is_live:
        return replace(view, note=f"{chosen} has already ended"), None
    return _on_chosen(fleet, view, chosen, key)


def _on_chosen(fleet: Fleet, view: View, chosen: str, key: str) -> tuple[View, Order | None]:
    if key == "s":
        return replace(view, stopping=chosen), None
    if key == "p":
        return view, Order("resume" if fleet.rows[chosen].state == "paused" else "pause", chosen)
    return _on_question(fleet, view, chosen, key)


def _on_question(fleet: Fleet, view: View, chosen: str, key: str) -> tuple[View, Order | None]:
    """Answer the oldest question of the chosen run: a yes is asked again, with the words that it is for."""
    questions = fleet.rows[chosen].questions
    if not questions:
        return replace(view, why=False, note=f"{chosen} asks nothing"), None
    id_ = str(questions[0]["id"])
    if key == "w":
        return replace(view, why=not view.why), None
    if key == "a":
        return replace(view, allowing=id_), None
    return replace(view, why=False), Order("answer", id_, allow=False)


def _moved(ids: list[str], selected: str | None, step: int) -> str:
    if selected not in ids:
        return ids[-1] if step == _END else ids[0]
    return ids[min(max(ids.index(selected) + step, 0), len(ids) - 1)]
