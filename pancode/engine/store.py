"""The index over the run folders: SQLite, one writer. Delete it and `pancode reindex` rebuilds it."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import quote

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
_SAW = "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)"
_QUEUED = "INSERT OR IGNORE INTO runs (id, agent, task, model, continues, queued) VALUES (?, ?, ?, ?, ?, ?)"
_ENDED = "UPDATE runs SET ended=?, status=?, reason=?, usd=?, result=? WHERE id=?"
OPEN_SECONDS = 5.0
"""How long another process may hold the index while it is opened: `pancode runs` without a session, say."""
BUSY_MS = 50
"""How long the controller waits for such a one once it works; what can't be written waits in memory."""
MOST_WAITING = 100_000
"""Records that wait for an index that can't be written; `pancode reindex` finds what is dropped then."""
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
log = logging.getLogger("pancode")


class Store:
    """The database of one session. Writes wait in memory until `commit()`: the journals are the truth.

    They are written in the order in which they came, so that no run is known as ended whose records are
    not there. A write that fails stops nobody, and waits; a question that can't be answered is a PanError.
    """

    def __init__(self, path: str) -> None:
        """Open or make the database; raise PanError if the file is not one of ours."""
        self._path = path
        self._waiting: list[tuple[str, tuple[object, ...]]] = []
        self._is_refused = self._is_closed = False
        try:
            found = self._open()
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        if found > SCHEMA:
            self._db.close()
            raise PanError(
                f"the index {path} was written by a newer PanCode",
                remedy="upgrade, or run `pancode reindex`",
                code=ExitCode.CONFIG,
            )

    def _open(self) -> int:
        """Open the file, on a disk that can't be written for reading alone; give its schema."""
        try:
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=OPEN_SECONDS)
            found = self._schema()
            if found <= SCHEMA:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_TABLES)
                self._db.execute(f"PRAGMA user_version={SCHEMA}")
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        except sqlite3.Error as error:
            if _code(error) not in _UNWRITABLE or not os.path.exists(self._path):
                raise
            # Nobody else can write there either, so what is in the file stays as it is.
            uri = f"file:{quote(self._path)}?mode=ro&immutable=1"
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None)
            found = self._schema()
        return found

    def _schema(self) -> int:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        return int(found)

    def _unusable(self, error: sqlite3.Error) -> PanError:
        remedy = "pancode down, then pancode reindex; the runs themselves are safe"
        if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            remedy = f"end the other process that has it open: fuser {self._path}"
        elif _code(error) in _UNWRITABLE:
            remedy = "make the file and its directory writable, or point PANCODE_HOME somewhere else"
        return PanError(
            f"can't use the index {self._path}: {error}", remedy=remedy, code=ExitCode.ENVIRONMENT
        )

    def _ask(self, question: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    @property
    def has_waiting(self) -> bool:
        """Whether something waits for `commit()`."""
        return bool(self._waiting)

    def saw(self, run: str, record: Mapping[str, Any]) -> None:
        """Note one journal record; a record seen before changes nothing, nor does what is no record."""
        if is_record(record):
            t = float(record.get("t", 0.0))
            row = (run, record["seq"], t, str(record.get("src")), str(record.get("kind")))
            self._waiting.append((_SAW, row))

    def queued(self, spec: Mapping[str, Any]) -> None:
        """Note a run by its spec, its task without the secrets in it."""
        shown = {**spec, "task": redact(str(spec.get("task")))}
        keys = ("run", "agent", "task", "model", "continues", "created")
        self._waiting.append((_QUEUED, tuple(shown.get(key) for key in keys)))
        self.commit()

    def ended(self, result: Mapping[str, Any]) -> None:
        """Note how a run ended, by its result."""
        cost = result.get("cost")
        usd = cost.get("usd") if isinstance(cost, dict) else None
        facts = (result.get("ended"), result.get("status"), result.get("reason"), usd, json.dumps(result))
        self._waiting.append((_ENDED, (*facts, result.get("run_id"))))
        self.commit()

    def commit(self) -> None:
        """Write what waits, in one transaction; what can't be written now waits for the next time."""
        if not self._waiting or self._is_closed:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for order, rows in groupby(self._waiting, key=itemgetter(0)):
                self._put(order, [values for _, values in rows])
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._refused(error)
        else:
            self._waiting = []
            if self._is_refused:
                self._is_refused = False
                log.info("the index can be written again")

    def _put(self, order: str, rows: list[tuple[object, ...]]) -> None:
        """Write rows of one kind; what no database could hold is left out, and said."""
        try:
            self._db.executemany(order, rows)
        except (ValueError, OverflowError, sqlite3.IntegrityError, sqlite3.ProgrammingError) as error:
            if len(rows) == 1:
                log.warning("the index lacks something now: %s", error)
                return
            for row in rows:
                self._put(order, [row])

    def _refused(self, error: sqlite3.Error) -> None:
        if not self._is_refused:
            self._is_refused = True
            log.warning("the index can't be written: %s; the journals have everything", error)
        if len(self._waiting) > MOST_WAITING:
            log.warning("the index lacks records now; pancode reindex adds them")
            del self._waiting[:-MOST_WAITING]

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

    def last_seq(self, run: str) -> int:
        """Give the number of the last record of a run that is indexed; 0 for none. They come in order."""
        [(last,)] = self._ask("SELECT max(seq) FROM events WHERE run=?", run)
        return int(last or 0)

    def __contains__(self, run: object) -> bool:
        """Whether a run is known, live or not."""
        return bool(self._ask("SELECT 1 FROM runs WHERE id=? LIMIT 1", run))

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
        """Write what waits and close; what comes later the next controller reads from the folders."""
        self.commit()
        self._is_closed = True
        self._db.close()


def _code(error: sqlite3.Error) -> int:
    """Give SQLite's primary result code; 0 for an error that is Python's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
