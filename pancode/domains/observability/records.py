"""`runs` and `runs show`: what went on, from memory for live runs and from their folders for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args, Caller
from pancode.core.ids import resolve
from pancode.core.metering import told
from pancode.core.redact import redact_value
from pancode.core.state import Tally
from pancode.domains.isolation.api import read as read_changes
from pancode.domains.observability.api import Snapshot, usage
from pancode.domains.scheduling.api import NO_MODEL
from pancode.engine import files
from pancode.engine.places import Places
from pancode.engine.store import Store

MOST = 500
"""Rows that one `runs` request gives at most."""

_UNKNOWN: Mapping[str, Any] = {"usd": None, "source": "unknown"}


class Records:
    """Answers questions about runs."""

    def __init__(self, places: Places, store: Store, snapshot: Snapshot) -> None:
        """Read from the index, the folders and memory."""
        self._places = places
        self._store = store
        self._snapshot = snapshot

    async def runs(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Give the newest `limit` runs (default 50), newest first, each as its row in the index."""
        limit = args.get("limit", 50)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= MOST:
            raise PanError(f"the limit must be a number from 1 to {MOST}", code=ExitCode.USAGE)
        return {"runs": [self._row(row) for row in self._store.runs(limit)]}

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        result = row["result"] or {}
        live: dict[str, Any] = {}
        if row["status"] is None:
            try:
                live = self._snapshot.row(row["id"])
            except KeyError:
                live = {}
        return {
            "run_id": row["id"],
            "agent": row["agent"],
            "task": row["task"],
            "model": row["model"],
            "state": row["status"] or live.get("state"),
            "reason": row["reason"],
            "queued": row["queued"],
            "ended": row["ended"],
            "usage": result.get("usage") or live.get("usage"),
            "cost": live.get("cost") or self._cost(row["id"], result),
            "continues": row["continues"],
        }

    def _cost(self, run: str, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give what an ended run has cost: by its agent's word, else by its receipt where that knows."""
        told: Mapping[str, Any] = result.get("cost") or _UNKNOWN
        if told["usd"] is not None:
            return told
        receipt = files.read_json(f"{self._places.runs}/{run}/receipt.json") or {}
        spent = receipt.get("spent") or _UNKNOWN
        if spent.get("usd") is None or spent.get("source") == NO_MODEL:
            return told
        return {"usd": spent["usd"], "source": spent["source"]}

    def _unfinished(self, run: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Give a run without a result; without a controller nobody knows its state, which is then None."""
        none = {"status": None, "reason": None, "evidence": None, "result": None}
        try:
            row = self._snapshot.row(run)
        except KeyError:
            nothing = {"state": None, "usage": usage(Tally()), "cost": _UNKNOWN}
            return {"run_id": run, "agent": spec.get("agent"), **nothing, **none}
        return {**{key: row[key] for key in ("run_id", "agent", "state", "waits", "usage", "cost")}, **none}

    async def show(self, args: Args, _: Caller) -> Mapping[str, Any]:
        """Give one run: its result if it has ended, its spec's facts, and its events by kind."""
        self._store.commit()
        run = resolve(str(args.get("run", "")), set(self._store.ids()))
        folder = f"{self._places.runs}/{run}"
        spec = files.read_json(f"{folder}/spec.json") or {}
        result = files.read_json(f"{folder}/result.json")
        about = redact_value(
            {key: spec.get(key) for key in ("task", "cwd", "model", "grant", "continues", "agent_version")}
        )
        about["sandbox"] = (spec.get("sandbox") or {}).get("grade")
        about["remarks"] = redact_value(spec.get("remarks") or [])
        about["retries"] = (spec.get("request") or {}).get("retries")
        counts = self._store.kinds(run)
        if (left := read_changes(folder)) is not None:
            about["changes"] = left.told
        said = (result or {}).get("usage")
        about["meter"] = told(spec.get("meter"), files.read_journal(f"{folder}/calls.jsonl"), said)
        if result is None:
            return {**self._unfinished(run, spec), **about, "events": counts, "folder": folder}
        about |= {**result, "cost": self._cost(run, result)}
        return {**about, "events": counts or result.get("events", {}), "folder": folder}
