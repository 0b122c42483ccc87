"""The state diagram of a run, found by asking the reducer what each event does in each state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pancode.core import events as ev
from pancode.core.grants import Grant, Level, Mode
from pancode.core.reduce import reduce
from pancode.core.state import Run, World

_RUN = "k3f"
_GRANT = Grant(Mode.BUILD, Level.AUTO_EDIT)
_Sample = Callable[[int], ev.Event]


def state_diagram() -> str:
    """Give the diagram as Mermaid, one edge for each pair of states, with the events that take it."""
    edges: dict[tuple[str, str], list[str]] = {}
    for before, word, after in _transitions():
        edges.setdefault((before, after), []).append(word)
    lines = [f"    {before} --> {after}: {', '.join(words)}" for (before, after), words in edges.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "    Finished --> [*]", "```"])


def _transitions() -> list[tuple[str, str, str]]:
    """Give (state, event, next state) for every change that can be reached, in the order of its finding."""
    found = []
    waiting: list[tuple[str, World]] = []
    for word, begin in _BEGINNINGS.items():
        world = reduce(World(), begin)
        waiting.append((_state(world), world))
        found.append(("[*]", word, _state(world)))
    seen = set()
    while waiting:
        before, world = waiting.pop(0)
        if before in seen:
            continue
        seen.add(before)
        for word, sample in _EVENTS.items():
            after = reduce(world, sample(world.runs[_RUN].seq + 1))
            if _state(after) != before:
                found.append((before, word, _state(after)))
                waiting.append((_state(after), after))
    return found


def _state(world: World) -> str:
    run: Run = world.runs[_RUN]
    return type(run.state).__name__


def _record(**fields: Any) -> _Sample:  # noqa: ANN401 -- a journal record's fields
    return lambda seq: ev.WorkerSaid(run=_RUN, at=seq, seq=seq, record=fields)


_BEGINNINGS: dict[str, ev.Event] = {
    "queued": ev.RunQueued(run=_RUN, at=0, agent="a", task="t", model=None, grant=_GRANT, runtime="r"),
    "refused": ev.RunRefused(run=_RUN, at=0, agent="a", task="t", grant=_GRANT, gate="mode", problem="no"),
}
_EVENTS: dict[str, _Sample] = {
    "pane opened": lambda at: ev.PaneOpened(run=_RUN, at=at, pane="%1", window="@1", shim_pid=1),
    "exec": _record(kind="exec", pid=1),
    "paused": _record(kind="paused", by="operator", why=""),
    "resumed": _record(kind="resumed", by="operator"),
    "stop asked": lambda at: ev.StopAsked(run=_RUN, at=at, by="operator", why="w"),
    "ended": _record(kind="ended", status="done", reason="completed"),
    "vanished": lambda at: ev.WorkerVanished(run=_RUN, at=at, why="w"),
}
