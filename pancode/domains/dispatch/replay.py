"""A run as its folder tells it: its spec, then its journal, through the same reducer as live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from pancode.core import events as ev
from pancode.core.redact import redact
from pancode.core.reduce import reduce, reduce_run
from pancode.core.state import Run, Tally, World
from pancode.domains.dispatch.folders import Folders, grant_of
from pancode.domains.dispatch.gatekeeper import CALLS
from pancode.domains.dispatch.metering import calls_of
from pancode.engine import files
from pancode.engine.tmux.workers import WorkerPane

_COUNTED = tuple(field.name for field in fields(Tally))
MOVED = "queue.json"
"""In a run's folder: the priority that somebody gave it while it waited."""


def begun(spec: Mapping[str, Any]) -> ev.RunQueued | ev.RunRefused:
    """Give the fact that a spec stands for; secrets in the task stay in the spec."""
    if refused := spec.get("refused"):
        return ev.RunRefused(
            run=spec["run"],
            at=float(spec["created"]),
            agent=spec["agent"],
            task=redact(spec["task"]),
            grant=grant_of(spec),
            gate=str(refused["gate"]),
            problem=redact(str(refused["problem"])),
        )
    return ev.RunQueued(
        run=spec["run"],
        at=float(spec["created"]),
        agent=spec["agent"],
        runtime=spec["runtime"],
        task=redact(spec["task"]),
        model=spec.get("model"),
        grant=grant_of(spec),
        continues=spec.get("continues"),
        retries=(spec.get("request") or {}).get("retries"),
        retry=bool(spec.get("retry")),
        priority=int(spec.get("priority") or 0),
        after=tuple(map(str, spec.get("after") or ())),
        provider=spec.get("provider"),
        parent=spec.get("parent"),
        depth=int(spec.get("depth") or 0),
        group=spec.get("group"),
        node=spec.get("node"),
        isolated=bool(spec.get("isolation")),
        at_once=spec.get("at_once"),
        heartbeat_s=float(spec.get("heartbeat_s") or 10.0),
        watch={str(key): str(word) for key, word in (spec.get("watch") or {}).items()},
        grade=(spec.get("sandbox") or {}).get("grade"),
    )


def replayed(
    folders: Folders,
    spec: Mapping[str, Any],
    *,
    has_ended: bool,
    is_indexed: bool = False,
    pane: WorkerPane | None = None,
    seen: Callable[[str, Mapping[str, Any]], None] = lambda _, __: None,
) -> Run:
    """Give the run of this spec. With `has_ended` its end is taken in too, else it stays to be told.

    One that `is_indexed` besides needs no journal. `seen` gets each record that is read. What was asked
    of the run counts too, as far as it is on disk.
    """
    run = spec["run"]
    world = reduce(World(), begun(spec))
    moved = files.read_json(folders.path(run, MOVED)) or {}
    if isinstance(priority := moved.get("priority"), int):
        asked = ev.PriorityChanged(run=run, at=float(spec["created"]), priority=priority, by="operator")
        world = reduce(world, asked)
    if pane is not None:
        opened = ev.PaneOpened(
            run=run, at=float(spec["created"]), pane=pane.pane, window=pane.window, shim_pid=pane.shim_pid
        )
        world = reduce(world, opened)
    for fact in calls_of(run, folders.path(run, CALLS)):
        world = reduce(world, fact)
    found = world.runs[run]
    result = folders.result(run) if has_ended else None
    if result is not None and is_indexed:
        return _ended(found, result)
    found = _told(found, _records(folders, run, seen, has_ended=has_ended))
    if result is not None:  # Also for a journal that was cut off: the result is the word that counts.
        found = _after(found, end_record(result, found.seq + 1))
    return found


def _records(
    folders: Folders, run: str, seen: Callable[[str, Mapping[str, Any]], None], *, has_ended: bool
) -> Iterator[dict[str, Any]]:
    for record in files.read_journal(folders.journal(run)):
        if not has_ended and record.get("kind") == "ended":
            return  # What stands behind it is no shim's.
        seen(run, record)
        yield record


def _told(run: Run, records: Iterable[Mapping[str, Any]]) -> Run:
    """Give the run after a journal's records: as the reducer does, but for texts, which are most of them.

    The last of many in a row leaves all that they leave, so that they are one step.
    """
    text: Mapping[str, Any] | None = None
    for record in records:
        if record.get("kind") == "text":
            text = record if text is None or record["seq"] > text["seq"] else text
            continue
        if text is not None:
            run, text = _after(run, text), None
        run = _after(run, record)
    return run if text is None else _after(run, text)


def _after(run: Run, record: Mapping[str, Any]) -> Run:
    return reduce_run(run, said(run.id, record)) if run.is_live else run


def _ended(run: Run, result: Mapping[str, Any]) -> Run:
    """Give a run that ended and was settled long ago, by its result alone."""
    cost, session = result["cost"], result.get("agent_session")
    told = {**result["usage"], "usd": cost.get("usd") if cost.get("source") == "agent" else None}
    tally = Tally(**{name: _number(told.get(name)) for name in _COUNTED})
    return replace(
        _after(run, end_record(result, 1)),
        tally=tally,
        agent_session=session if isinstance(session, str) else None,
        started=_number(result.get("started")),
    )


def _number(value: Any) -> Any:  # noqa: ANN401 -- of JSON that an agent may have reached
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def said(run: str, record: Mapping[str, Any]) -> ev.WorkerSaid:
    """Give the fact that a journal record stands for."""
    return ev.WorkerSaid(run=run, at=float(record.get("t", 0.0)), seq=record["seq"], record=record)


def end_record(result: Mapping[str, Any], seq: int) -> dict[str, Any]:
    """Give the end record that a result stands for."""
    return {"seq": seq, "t": result.get("ended") or 0.0, "src": "controller", "kind": "ended", **result}
