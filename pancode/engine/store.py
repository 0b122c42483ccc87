"""The index over the run folders: SQLite, one writer. Delete it and `pancode reindex` rebuilds it."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.redact import redact
from pancode.engine.files import is_record

SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, agent TEXT NOT NULL, task TEXT NOT NULL, model TEXT, continues TEXT,
    queued REAL NOT NULL, ended REAL, status TEXT, reason TEXT, usd REAL, result TEXT
);
CREATE TABLE IF NOT EXISTS events (
    run TEXT NOT NULL, seq INTEGER NOT NULL, t REAL NOT NULL, src TEXT NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (queued);
"""
MOST_WAITING = 100_000
"""Records that wait for an index that can't be written; `pancode reindex` finds what is dropped then."""
log = logging.getLogger("pancode")


class Store:
    """The database of one session. Writes wait in memory until `commit()`: the journals are the truth.

    So a write that fails is logged, and stops nobody; a question that can't be answered is a PanError.
    """

    def __init__(self, path: str) -> None:
        """Open or make the database; raise PanError if the file is not one of ours."""
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if found <= SCHEMA:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_TABLES)
                self._db.execute(f"PRAGMA user_version={SCHEMA}")
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        if found > SCHEMA:
            self._db.close()
            raise PanError(
                f"the index {path} was written by a newer PanCode",
                remedy="upgrade, or run `pancode reindex`",
                code=ExitCode.CONFIG,
            )
        self._waiting: list[tuple[str, int, float, str, str]] = []

    def _unusable(self, error: sqlite3.Error) -> PanError:
        return PanError(
            f"can't use the index {self._path}: {error}",
            remedy="pancode down, then pancode reindex; the runs themselves are safe",
            code=ExitCode.ENVIRONMENT,
        )

    def _ask(self, question: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _write(self, order: str, *values: object) -> None:
        try:
            self._db.execute(order, values)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            log.warning("the index lacks something now: %s; pancode reindex adds it", error)

    @property
    def has_waiting(self) -> bool:
        """Whether something waits for `commit()`."""
        return bool(self._waiting)

    def saw(self, run: str, record: Mapping[str, Any]) -> None:
        """Note one journal record; a record seen before changes nothing, nor does what is no record."""
        if is_record(record):
            t = float(record.get("t", 0.0))
            self._waiting.append((run, record["seq"], t, str(record.get("src")), str(record.get("kind"))))

    def queued(self, spec: Mapping[str, Any]) -> None:
        """Note a run by its spec, its task without the secrets in it."""
        shown = {**spec, "task": redact(str(spec.get("task")))}
        self._write(
            "INSERT OR IGNORE INTO runs (id, agent, task, model, continues, queued)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(shown.get(key) for key in ("run", "agent", "task", "model", "continues", "created")),
        )

    def ended(self, result: Mapping[str, Any]) -> None:
        """Note how a run ended, by its result."""
        cost = result.get("cost")
        self._write(
            "UPDATE runs SET ended=?, status=?, reason=?, usd=?, result=? WHERE id=?",
            result.get("ended"),
            result.get("status"),
            result.get("reason"),
            cost.get("usd") if isinstance(cost, dict) else None,
            json.dumps(result),
            result.get("run_id"),
        )

    def commit(self) -> None:
        """Write what waits, in one transaction; what can't be written now waits for the next time."""
        if not self._waiting:
            return
        try:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", self._waiting)
            self._db.execute("COMMIT")
        except (sqlite3.Error, ValueError) as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            log.warning("the index can't be written: %s; the journals have everything", error)
            del self._waiting[:-MOST_WAITING]
        else:
            self._waiting = []

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """Give the newest runs first, as rows with `result` parsed (None while live)."""
        names = ("id", "agent", "task", "model", "continues", "queued", "ended", "status", "reason", "result")
        rows = self._ask(
            f"SELECT {', '.join(names)} FROM runs ORDER BY queued DESC LIMIT ?",  # noqa: S608 -- constants
            limit,
        )
        found = [dict(zip(names, row, strict=True)) for row in rows]
        for row in found:
            row["result"] = json.loads(row["result"]) if row["result"] else None
        return found

    def ids(self) -> list[str]:
        """Give the id of every run."""
        return [row[0] for row in self._ask("SELECT id FROM runs")]

    def ended_ids(self) -> list[str]:
        """Give the id of every run that is known to have ended, oldest first."""
        return [row[0] for row in self._ask("SELECT id FROM runs WHERE status IS NOT NULL ORDER BY queued")]

    def has_next(self, run: str) -> bool:
        """Whether some run goes on with this one's conversation."""
        return bool(self._ask("SELECT 1 FROM runs WHERE continues=? LIMIT 1", run))

    def kinds(self, run: str) -> dict[str, int]:
        """Count a run's events by kind."""
        rows = self._ask("SELECT kind, count(*) FROM events WHERE run=? GROUP BY kind", run)
        return {kind: count for kind, count in rows}  # noqa: C416 -- the names say what the pairs are

    def totals(self) -> dict[str, Any]:
        """Give counts by status, the dollars that agents reported, and how many didn't say."""
        by_status = dict(
            self._ask("SELECT status, count(*) FROM runs WHERE status IS NOT NULL GROUP BY status")
        )
        [(usd, silent)] = self._ask(
            "SELECT sum(usd), sum(usd IS NULL AND agent != 'shell') FROM runs"
            " WHERE status IS NOT NULL AND status != 'refused'"
        )
        return {"by_status": by_status, "usd": usd or 0.0, "unknown_cost": silent or 0}

    def close(self) -> None:
        """Write what waits and close."""
        self.commit()
        self._db.close()
