"""The index over the run folders: SQLite, one writer. Delete it and `pancode reindex` rebuilds it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError

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


class Store:
    """The database of one session. Writes wait in memory until `commit()`: the journals are the truth."""

    def __init__(self, path: str) -> None:
        """Open or make the database; raise PanError if the file is not one of ours."""
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_TABLES)
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            self._db.execute(f"PRAGMA user_version={SCHEMA}")
        except sqlite3.Error as error:
            raise PanError(
                f"can't use the index {path}: {error}",
                remedy="stop the session and run `pancode reindex`; the runs themselves are safe",
                code=ExitCode.ENVIRONMENT,
            ) from None
        if found > SCHEMA:
            raise PanError(
                f"the index {path} was written by a newer PanCode",
                remedy="upgrade, or run `pancode reindex`",
                code=ExitCode.CONFIG,
            )
        self._waiting: list[tuple[str, int, float, str, str]] = []

    @property
    def has_waiting(self) -> bool:
        """Whether something waits for `commit()`."""
        return bool(self._waiting)

    def saw(self, run: str, record: Mapping[str, Any]) -> None:
        """Note one journal record; a record seen before changes nothing."""
        t = float(record.get("t") or 0.0)
        self._waiting.append((run, int(record["seq"]), t, str(record.get("src")), str(record.get("kind"))))

    def queued(self, spec: Mapping[str, Any]) -> None:
        """Note a run by its spec."""
        self._db.execute(
            "INSERT OR IGNORE INTO runs (id, agent, task, model, continues, queued)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                spec["run"],
                spec["agent"],
                spec["task"],
                spec.get("model"),
                spec.get("continues"),
                spec["created"],
            ),
        )

    def ended(self, result: Mapping[str, Any]) -> None:
        """Note how a run ended, by its result."""
        usd = (result.get("cost") or {}).get("usd")
        self._db.execute(
            "UPDATE runs SET ended=?, status=?, reason=?, usd=?, result=? WHERE id=?",
            (
                result.get("ended"),
                result.get("status"),
                result.get("reason"),
                usd,
                json.dumps(result),
                result["run_id"],
            ),
        )

    def commit(self) -> None:
        """Write what waits, in one transaction."""
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", batch)
        self._db.execute("COMMIT")

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """Give the newest runs first, as rows with `result` parsed (None while live)."""
        names = ("id", "agent", "task", "model", "continues", "queued", "ended", "status", "reason", "result")
        rows = self._db.execute(
            f"SELECT {', '.join(names)} FROM runs ORDER BY queued DESC LIMIT ?",  # noqa: S608 -- constants
            (limit,),
        )
        found = [dict(zip(names, row, strict=True)) for row in rows]
        for row in found:
            row["result"] = json.loads(row["result"]) if row["result"] else None
        return found

    def ids(self) -> list[str]:
        """Give the id of every run."""
        return [row[0] for row in self._db.execute("SELECT id FROM runs")]

    def kinds(self, run: str) -> dict[str, int]:
        """Count a run's events by kind."""
        rows = self._db.execute("SELECT kind, count(*) FROM events WHERE run=? GROUP BY kind", (run,))
        return {kind: count for kind, count in rows}  # noqa: C416 -- the names say what the pairs are

    def totals(self) -> dict[str, Any]:
        """Give counts by status, the dollars that agents reported, and how many didn't say."""
        by_status = dict(
            self._db.execute("SELECT status, count(*) FROM runs WHERE status IS NOT NULL GROUP BY status")
        )
        (usd, silent) = self._db.execute(
            "SELECT sum(usd), sum(usd IS NULL) FROM runs WHERE status IS NOT NULL AND status != 'refused'"
        ).fetchone()
        return {"by_status": by_status, "usd": usd or 0.0, "unknown_cost": silent or 0}

    def close(self) -> None:
        """Write what waits and close."""
        self.commit()
        self._db.close()
