"""What is shared: entries under a namespace and a key, made of parts that each know who said them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

CONTEXT = "context"
"""The namespace where none is named: what is known of the session's work, for everybody."""
MOST_ENTRIES = 1000
MOST_IN_NAMESPACE = 500
MOST_TEXT = 4_000_000
"""Characters of all entries together."""
LONGEST_VALUE = 8000
"""Characters of a value; an answer to a worker, and so a line of its shim's, has room for it."""
MOST_PARTS = 100
MOST_HISTORY = 20
"""Changes that an entry remembers; the last ones."""
MOST_CHECKPOINTS = 20
BEFORE = "before-restore"
"""The checkpoint that every restore makes of what it replaces."""

Place = tuple[str, str]
"""Namespace and key."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a value: what was said, by whom ("operator", or a run's id), as which agent, when."""

    text: str
    by: str
    agent: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to an entry."""

    at: float
    by: str
    agent: str | None
    what: str  # "set", "appended", "restored"
    size: int  # characters that it brought


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value with its provenance; `expires` is wall time in seconds, None: it stays."""

    namespace: str
    key: str
    parts: tuple[Part, ...]
    created: float
    updated: float
    expires: float | None = None
    dropped: int = 0  # parts that had to go because the value grew too long
    history: tuple[Change, ...] = ()

    @property
    def value(self) -> str:
        """The whole text: of several parts, each begins a line."""
        return "\n".join(part.text for part in self.parts)

    @property
    def size(self) -> int:
        """Its characters."""
        return sum(len(part.text) + 1 for part in self.parts)

    def is_alive(self, now: float) -> bool:
        """Whether it can still be read."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All entries as they were at one moment."""

    name: str
    at: float
    by: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """Everything that a session shares. `writes` counts what each run has written."""

    entries: Mapping[Place, Entry] = field(default_factory=dict)
    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict)
    writes: Mapping[str, int] = field(default_factory=dict)

    def alive(self, now: float) -> list[Entry]:
        """Give what can be read now, by namespace and key."""
        return sorted(
            (entry for entry in self.entries.values() if entry.is_alive(now)),
            key=lambda entry: (entry.namespace, entry.key),
        )


def written(old: Entry | None, place: Place, part: Part, expires: float | None, *, append: bool) -> Entry:
    """Give the entry after a write: the last one wins, or joins what is there."""
    change = Change(part.at, part.by, part.agent, "appended" if append else "set", len(part.text))
    before = old.history if old is not None else ()
    history = (*before, change)[-MOST_HISTORY:]
    if old is None:
        return Entry(
            namespace=place[0],
            key=place[1],
            parts=(part,),
            created=part.at,
            updated=part.at,
            expires=expires,
            history=history,
        )
    if not append:
        return replace(old, parts=(part,), updated=part.at, expires=expires, dropped=0, history=history)
    parts, dropped = [*old.parts, part], old.dropped
    while len(parts) > MOST_PARTS or sum(len(one.text) + 1 for one in parts) > LONGEST_VALUE + 1:
        parts.pop(0)
        dropped += 1
    return replace(
        old,
        parts=tuple(parts),
        updated=part.at,
        expires=expires if expires is not None else old.expires,
        dropped=dropped,
        history=history,
    )


def bounded(entries: Mapping[Place, Entry], now: float) -> dict[Place, Entry]:
    """Give what stays: what has expired goes first, then the oldest where there is too much."""
    kept = {place: entry for place, entry in entries.items() if entry.is_alive(now)}
    in_namespace: dict[str, int] = {}
    text = 0
    # From the newest on, as long as there is room.
    for place, entry in sorted(kept.items(), key=lambda item: item[1].updated, reverse=True):
        count = in_namespace.get(entry.namespace, 0)
        total = sum(in_namespace.values())
        if count >= MOST_IN_NAMESPACE or total >= MOST_ENTRIES or text + entry.size > MOST_TEXT:
            del kept[place]
            continue
        in_namespace[entry.namespace] = count + 1
        text += entry.size
    return kept


def as_json(entry: Entry) -> dict[str, Any]:
    """Give an entry as `--json` has it."""
    told = asdict(entry)
    return {**told, "value": entry.value}


def entry_from(told: Mapping[str, Any]) -> Entry:
    """Read what `asdict` gave of an entry; TypeError or KeyError if it is none."""
    return Entry(
        **{
            **told,
            "parts": tuple(Part(**part) for part in told["parts"]),
            "history": tuple(Change(**change) for change in told["history"]),
        }
    )
