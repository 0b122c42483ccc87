"""The outside things that dispatch works with."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from pancode.core import events as ev
from pancode.core.state import World
from pancode.engine.places import Places
from pancode.engine.store import Store
from pancode.engine.tmux.workers import WorkerPanes


@dataclass(frozen=True, slots=True)
class Outside:
    """What the controller lends to dispatch."""

    places: Places
    store: Store
    panes: WorkerPanes
    post: Callable[[ev.Event], None]
    world: Callable[[], World]
    forget: Callable[[str], None]
    spawn: Callable[[str, Coroutine[Any, Any, None]], None]
    environment: Callable[[], Mapping[str, str]]
    note: Callable[[str], None]
