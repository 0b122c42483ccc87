"""What is shared, as everybody asks it: people by the socket, workers by their shim. One set of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args
from pancode.domains.sharing.entries import BEFORE, MOST_CHECKPOINTS, Entry, as_json
from pancode.domains.sharing.journal import Journal
from pancode.domains.sharing.reduce import OPERATOR
from pancode.engine import clock

READING = ("list", "get", "history", "checkpoints")
WRITING = ("set", "append", "remove")
KEEPING = ("checkpoint", "drop", "restore")
VERBS = (*READING, *WRITING, *KEEPING)


class Store:
    """Answers for `by`, "operator" or the id of the run that asks; the clock is wall time in seconds."""

    def __init__(self, journal: Journal, clock_now: Callable[[], float] = clock.now) -> None:
        """Speak for what the journal holds."""
        self._journal = journal
        self._now = clock_now

    def answer(self, verb: str, args: Args, by: str, agent: str | None = None) -> Mapping[str, Any]:
        """Carry out one verb; PanError says why not."""
        from pancode.domains.sharing.requests import Listing, One, Write, parse

        match verb:
            case "list":
                return {"entries": [as_json(entry) for entry in self._listed(parse(Listing, args).namespace)]}
            case "get" | "history":
                asked = parse(One, args)
                return as_json(self._entry(asked.namespace, asked.key))
            case "set" | "append":
                return self._write(verb, parse(Write, args), by, agent)
            case "remove":
                return self._remove(parse(One, args), by)
            case _:
                return self._kept(verb, args, by)

    def writes_of(self, by: str) -> int:
        """Count what one run has written."""
        return self._journal.shared.writes.get(by, 0)

    def _listed(self, namespace: str | None) -> list[Entry]:
        alive = self._journal.shared.alive(self._now())
        return [entry for entry in alive if namespace in (None, entry.namespace)]

    def _entry(self, namespace: str, key: str) -> Entry:
        entry = self._journal.shared.entries.get((namespace, key))
        if entry is None or not entry.is_alive(self._now()):
            raise PanError(
                f'nothing is shared as "{key}" in "{namespace}"',
                remedy="pancode share list",
                code=ExitCode.NOT_FOUND,
            )
        return entry

    def _write(self, verb: str, asked: Any, by: str, agent: str | None) -> Mapping[str, Any]:  # noqa: ANN401
        place = {"namespace": asked.namespace, "key": asked.key}
        record = {"kind": verb, **place, "value": asked.value, "by": by, "agent": agent, "ttl_s": asked.ttl}
        self._journal.write(record, self._now())
        return as_json(self._entry(asked.namespace, asked.key))

    def _remove(self, asked: Any, by: str) -> Mapping[str, Any]:  # noqa: ANN401
        entry = self._entry(asked.namespace, asked.key)
        if by != OPERATOR and any(part.by != by for part in entry.parts):
            raise PanError(
                f'a run removes only what it has written itself, and others wrote "{asked.key}"',
                remedy="set it anew, or leave it",
                code=ExitCode.REFUSED,
            )
        place = {"namespace": entry.namespace, "key": entry.key}
        self._journal.write({"kind": "remove", **place, "by": by}, self._now())
        return as_json(entry)

    def _kept(self, verb: str, args: Args, by: str) -> Mapping[str, Any]:
        from pancode.domains.sharing.requests import Named, parse

        points = self._journal.shared.checkpoints
        if verb == "checkpoints":
            told = sorted(points.values(), key=lambda point: point.at)
            return {"checkpoints": [{**asdict(one), "entries": len(one.entries)} for one in told]}
        if verb not in KEEPING:
            raise PanError(f'there is no "share {verb}"', remedy="pancode share --help", code=ExitCode.USAGE)
        name = parse(Named, args).name
        if verb == "checkpoint":
            if name == BEFORE:
                raise PanError(f'"{BEFORE}" is made by a restore', remedy="another name", code=ExitCode.USAGE)
            if name not in points and len(set(points) - {BEFORE}) >= MOST_CHECKPOINTS:
                raise PanError(
                    f"there are {MOST_CHECKPOINTS} checkpoints already",
                    remedy="pancode share checkpoint --remove NAME",
                    code=ExitCode.REFUSED,
                )
        elif name not in points:
            raise PanError(
                f'there is no checkpoint "{name}"',
                remedy=f"there are: {', '.join(sorted(points)) or 'none'}",
                code=ExitCode.NOT_FOUND,
            )
        kind = "checkpoint_removed" if verb == "drop" else verb
        self._journal.write({"kind": kind, "name": name, "by": by}, self._now())
        return {"name": name, "entries": len(self._listed(None))}
