"""What all sessions of this user have spent: SQLite in PANCODE_HOME, an index over every run's folder.

Several controllers write to it at once, each the rows of its own session. Without the file, each session's
controller writes its rows anew from its folders.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pancode.core.errors import ExitCode, PanError

SCHEMA = 1
WAIT_S = 2.0
"""How long another session's turn is waited for; it takes less than a millisecond."""
_TABLES = """
CREATE TABLE IF NOT EXISTS charges (
    place TEXT NOT NULL, run TEXT NOT NULL, day TEXT NOT NULL, at REAL NOT NULL, project TEXT NOT NULL,
    session TEXT NOT NULL, agent TEXT NOT NULL, model TEXT, role TEXT NOT NULL, status TEXT NOT NULL,
    nano INTEGER, tokens INTEGER, turns INTEGER, counted INTEGER NOT NULL, source TEXT NOT NULL,
    meter TEXT NOT NULL,
    PRIMARY KEY (place, run)
);
CREATE TABLE IF NOT EXISTS holds (
    place TEXT NOT NULL, run TEXT NOT NULL, project TEXT NOT NULL, boot TEXT NOT NULL,
    nano INTEGER NOT NULL, tokens INTEGER NOT NULL, turns INTEGER NOT NULL, PRIMARY KEY (place, run)
);
CREATE INDEX IF NOT EXISTS charges_by_day ON charges (day);
CREATE INDEX IF NOT EXISTS charges_by_project ON charges (project);
CREATE INDEX IF NOT EXISTS charges_by_agent ON charges (agent, model, at);
"""
_COLUMNS = (
    "place", "run", "day", "at", "project", "session", "agent", "model", "role", "status", "nano", "tokens",
    "turns", "counted", "source", "meter",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows: those of one session (`place`), of one project, of one day, since a time; None: all."""

    place: str | None = None
    project: str | None = None
    day: str | None = None
    since: float | None = None

    def clause(self) -> tuple[str, list[object]]:
        """Give the condition and its values."""
        parts = {"place=?": self.place, "project=?": self.project, "day=?": self.day, "at>=?": self.since}
        used = {part: value for part, value in parts.items() if value is not None}
        return (" WHERE " + " AND ".join(used) if used else ""), list(used.values())


class LedgerIndex:
    """The database; a machine that loses power may lose the newest rows, which the folders have too."""

    def __init__(self, path: str) -> None:
        """Open or make the database; PanError ENVIRONMENT if it can't be used."""
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=WAIT_S)
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if found <= SCHEMA:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_TABLES)
                self._db.execute(f"PRAGMA user_version={SCHEMA}")
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _unusable(self, error: sqlite3.Error) -> PanError:
        return PanError(
            f"can't use the ledger {self._path}: {error}",
            remedy="move it away: each session writes its part anew when it comes up",
            code=ExitCode.ENVIRONMENT,
        )

    def _do(self, order: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(order, values).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else write within: what is read there holds until what is written there counts."""
        self._do("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._do("COMMIT")

    def charge(self, row: Mapping[str, Any]) -> None:
        """Write what an ended run has cost, once: a second row for it replaces the first."""
        marks = ", ".join("?" * len(_COLUMNS))
        self._do(
            f"INSERT OR REPLACE INTO charges ({', '.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608 -- constants
            *(row.get(name) for name in _COLUMNS),
        )

    def hold(self, place: str, run: str, project: str, boot: str, figures: tuple[int, int, int]) -> None:
        """Tell the other sessions what a live run has spent or been promised: billionths, tokens, turns."""
        self._do(
            "INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?, ?, ?)", place, run, project, boot, *figures
        )

    def release(self, place: str, run: str | None = None) -> None:
        """Take back what was promised to a run, or to all of a session's."""
        if run is None:
            self._do("DELETE FROM holds WHERE place=?", place)
        else:
            self._do("DELETE FROM holds WHERE place=? AND run=?", place, run)

    def charged(self, where: Where) -> tuple[int, int, int]:
        """Add up ended runs: billionths of a dollar (unknown ones as they were counted), tokens, turns."""
        clause, values = where.clause()
        [found] = self._do(
            "SELECT coalesce(sum(counted), 0), coalesce(sum(tokens), 0), coalesce(sum(turns), 0)"  # noqa: S608
            f" FROM charges{clause}",
            *values,
        )
        return found[0], found[1], found[2]

    def known(self, where: Where) -> tuple[int, int]:
        """Add up the billionths of a dollar that are known; and count the ended runs of unknown cost."""
        clause, values = where.clause()
        [found] = self._do(
            f"SELECT coalesce(sum(nano), 0), coalesce(sum(nano IS NULL), 0) FROM charges{clause}",  # noqa: S608
            *values,
        )
        return found[0], found[1]

    def held(self, place: str) -> dict[str, tuple[int, int, int]]:
        """Give what a session's live runs hold, by run."""
        rows = self._do("SELECT run, nano, tokens, turns FROM holds WHERE place=?", place)
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def held_elsewhere(self, place: str, boot: str, project: str | None = None) -> tuple[int, int, int]:
        """Add up what the other sessions' live runs hold; what an earlier boot has left there is dead."""
        clause, values = "place != ? AND boot = ?", [place, boot]
        if project is not None:
            clause, values = clause + " AND project = ?", [*values, project]
        [found] = self._do(
            "SELECT coalesce(sum(nano), 0), coalesce(sum(tokens), 0), coalesce(sum(turns), 0)"  # noqa: S608
            f" FROM holds WHERE {clause}",
            *values,
        )
        return found[0], found[1], found[2]

    def rows(self, where: Where) -> list[dict[str, Any]]:
        """Give the charges, oldest first."""
        clause, values = where.clause()
        found = self._do(f"SELECT {', '.join(_COLUMNS)} FROM charges{clause} ORDER BY at", *values)  # noqa: S608
        return [dict(zip(_COLUMNS, row, strict=True)) for row in found]

    def runs(self, place: str) -> set[str]:
        """Give the ids of a session's runs that have their row."""
        return {row[0] for row in self._do("SELECT run FROM charges WHERE place=?", place)}

    def recent(
        self, agent: str, model: str | None, most: int
    ) -> list[tuple[int | None, int | None, int | None]]:
        """Give what the newest runs of this agent and model have cost, newest first; None: unknown."""
        return self._do(
            "SELECT nano, tokens, turns FROM charges WHERE agent=? AND model IS ? AND status NOT IN"
            " ('refused') ORDER BY at DESC LIMIT ?",
            agent, model, most,
        )  # fmt: skip

    def newest(self, agent: str) -> tuple[int | None, str | None] | None:
        """Give what the agent's newest run that used tokens has cost (None: unknown), and its model."""
        found = self._do(
            "SELECT nano, model FROM charges WHERE agent=? AND tokens > 0 ORDER BY at DESC LIMIT 1", agent
        )
        return (found[0][0], found[0][1]) if found else None

    def close(self) -> None:
        """Close the database."""
        self._db.close()
