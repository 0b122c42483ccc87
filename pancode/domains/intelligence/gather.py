"""Gathers the evidence from the disk: the ledger's rows, and what the folders of runs and flows say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.domains.intelligence.record import Afterwards, Outcome, from_json, outcome_of
from pancode.engine import files
from pancode.engine.ledgerindex import LedgerIndex, Where

LEDGER = "ledger.db"
LOOK_BACK = 2000
"""Runs of the past that are looked at, the newest."""


def gather(home: str, project: str | None = None) -> list[Outcome]:
    """Give what the ledger below `home` knows, of one project or of all, oldest first."""
    path = os.path.join(home, LEDGER)
    if not os.path.exists(path):
        return []
    index = LedgerIndex(path)
    try:
        rows = index.rows(Where(project=project))[-LOOK_BACK:]
    finally:
        index.close()
    checks: dict[str, dict[str, str]] = {}
    retried: set[tuple[str, str]] = set()
    found: list[tuple[Mapping[str, Any], dict[str, Any], dict[str, Any]]] = []
    for row in rows:
        place = str(row["place"])
        folder = os.path.join(home, place, "runs", str(row["run"]))
        spec, result = files.read_json(f"{folder}/spec.json"), files.read_json(f"{folder}/result.json")
        if spec is None or result is None:
            continue
        if place not in checks:
            checks[place] = _checks(os.path.join(home, place))
        if (before := (spec.get("request") or {}).get("retries")) is not None:
            retried.add((place, str(before)))
        found.append((row, spec, result))
    made = (outcome_of(row, spec, result, _after(home, row, checks, retried)) for row, spec, result in found)
    return [outcome for outcome in made if outcome is not None]


def _after(
    home: str, row: Mapping[str, Any], checks: Mapping[str, Mapping[str, str]], retried: set[tuple[str, str]]
) -> Afterwards:
    place, run = str(row["place"]), str(row["run"])
    changes = files.read_json(os.path.join(home, place, "runs", run, "changes.json")) or {}
    fate = changes.get("fate")
    return Afterwards(
        check=checks[place].get(run),
        fate=fate if isinstance(fate, str) else None,
        retried=(place, run) in retried,
    )


def _checks(state: str) -> dict[str, str]:
    """Give run -> how its check in a flow ended, for all flows of a session."""
    top, found = os.path.join(state, "flows"), dict[str, str]()
    for flow in os.listdir(top) if os.path.isdir(top) else []:
        found |= checks_of(files.read_journal(os.path.join(top, flow, "events.jsonl")))
    return found


def checks_of(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Read from a flow's journal how the check of each run ended."""
    worked: dict[str, str] = {}
    found: dict[str, str] = {}
    for record in records:
        unit = str(record.get("unit"))
        if record.get("kind") == "Posted" and record.get("role") == "work":
            worked[unit] = str(record.get("run"))
        elif record.get("kind") == "Ended" and record.get("role") == "check" and unit in worked:
            outcome = record.get("outcome")
            if isinstance(outcome, Mapping) and isinstance(outcome.get("status"), str):
                found[worked[unit]] = str(outcome["status"])
    return found


def read_recorded(path: str) -> list[Outcome]:
    """Read a recorded ledger, a JSON object a line; PanError CONFIG names the first bad line."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = os.strerror(error.errno or 0).lower() if isinstance(error, OSError) else "it is not UTF-8"
        raise PanError(
            f"can't read {path}: {reason}",
            remedy="name a file that `pancode plan --record` has printed",
            code=ExitCode.NOT_FOUND,
        ) from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            if not isinstance(told, dict):
                raise ValueError("it is not an object")  # noqa: TRY004, TRY301 -- one error for all
            found.append(from_json(told))
        except (ValueError, RecursionError) as error:
            raise PanError(
                f"{path}:{number}: {error}",
                remedy="the lines are those of `pancode plan --record`",
                code=ExitCode.CONFIG,
            ) from None
    return found
