"""From the journal's records to what is shared; purely, so that a replay gives the same again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from pancode.domains.sharing.entries import (
    BEFORE,
    MOST_HISTORY,
    Change,
    Checkpoint,
    Entry,
    Part,
    Place,
    Shared,
    bounded,
    entry_from,
    written,
)

OPERATOR = "operator"


def added_up(records: Iterable[Mapping[str, Any]]) -> Shared:
    """Give what is shared after all records; one that makes no sense changes nothing."""
    shared = Shared()
    for record in records:
        try:
            shared = after(shared, record)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return shared


def after(shared: Shared, record: Mapping[str, Any]) -> Shared:
    """Give what is shared after one record."""
    at, by = float(record["t"]), str(record.get("by"))
    match record.get("kind"):
        case "set" | "append" as how:
            return _write(shared, record, at, by, append=how == "append")
        case "remove":
            rest = {place: one for place, one in shared.entries.items() if place != _place(record)}
            return replace(_counted(shared, by), entries=rest)
        case "checkpoint":
            return _with_checkpoint(shared, str(record["name"]), at, by)
        case "checkpoint_removed":
            left = {name: one for name, one in shared.checkpoints.items() if name != record["name"]}
            return replace(shared, checkpoints=left)
        case "restore":
            return _restored(shared, str(record["name"]), at, by)
        case "snapshot":
            return _from_snapshot(record)
        case _:
            return shared


def snapshot(shared: Shared) -> dict[str, Any]:
    """Give everything as one record, with which a shorter journal can begin."""
    return {
        "kind": "snapshot",
        "entries": [asdict(entry) for entry in shared.entries.values()],
        "checkpoints": [asdict(one) for one in shared.checkpoints.values()],
        "writes": dict(shared.writes),
    }


def _place(record: Mapping[str, Any]) -> Place:
    return str(record["namespace"]), str(record["key"])


def _write(shared: Shared, record: Mapping[str, Any], at: float, by: str, *, append: bool) -> Shared:
    place, agent, ttl = _place(record), record.get("agent"), record.get("ttl_s")
    old = shared.entries.get(place)
    if old is not None and not old.is_alive(at):
        old = None
    part = Part(str(record["value"]), by, None if agent is None else str(agent), at)
    entry = written(old, place, part, None if ttl is None else at + float(ttl), append=append)
    return replace(_counted(shared, by), entries=bounded({**shared.entries, place: entry}, at))


def _counted(shared: Shared, by: str) -> Shared:
    if by == OPERATOR:
        return shared
    return replace(shared, writes={**shared.writes, by: shared.writes.get(by, 0) + 1})


def _with_checkpoint(shared: Shared, name: str, at: float, by: str) -> Shared:
    made = Checkpoint(name, at, by, tuple(shared.alive(at)))
    return replace(shared, checkpoints={**shared.checkpoints, name: made})


def _restored(shared: Shared, name: str, at: float, by: str) -> Shared:
    """Have exactly the entries of the checkpoint again, each with the time that it then had left."""
    wanted = shared.checkpoints[name]
    kept = _with_checkpoint(shared, BEFORE, at, by)
    entries = {(one.namespace, one.key): _again(one, at, at - wanted.at, by) for one in wanted.entries}
    return replace(kept, entries=entries)


def _again(entry: Entry, at: float, later: float, by: str) -> Entry:
    expires = None if entry.expires is None else entry.expires + later
    change = Change(at, by, None, "restored", entry.size)
    return replace(entry, expires=expires, history=(*entry.history, change)[-MOST_HISTORY:])


def _from_snapshot(record: Mapping[str, Any]) -> Shared:
    entries = [entry_from(told) for told in record["entries"]]
    points = [
        Checkpoint(one["name"], one["at"], one["by"], tuple(map(entry_from, one["entries"])))
        for one in record["checkpoints"]
    ]
    return Shared(
        {(one.namespace, one.key): one for one in entries},
        {one.name: one for one in points},
        {str(run): int(count) for run, count in record["writes"].items()},
    )
