"""The index: a file that is newer, damaged or full costs nothing but the index."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.engine.store import SCHEMA, Store


def test_an_index_of_a_newer_pancode_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pancode.db"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={SCHEMA + 1}")
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(PanError, match="newer PanCode") as caught:
            Store(str(path))
        assert caught.value.code is ExitCode.CONFIG
    assert path.read_bytes() == before


def test_a_damaged_index_is_told_in_a_sentence_whenever_it_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "pancode.db"
    path.write_bytes(b"no database at all" * 500)
    with pytest.raises(PanError, match="can't use the index"):
        Store(str(path))
    path.unlink()
    store = Store(str(path))
    store._db.executescript("DROP TABLE runs; DROP TABLE events")
    for ask in (store.ids, store.totals, lambda: store.runs(5), lambda: store.kinds("k3f")):
        with pytest.raises(PanError) as caught:
            ask()
        assert caught.value.code is ExitCode.ENVIRONMENT
        assert "reindex" in (caught.value.remedy or "")


def test_what_the_index_refuses_is_kept_for_later_and_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "pancode.db"
    store = Store(str(path))
    store._db.execute("PRAGMA max_page_count=1")  # The disk is full.
    record = {"seq": 1, "t": 1.0, "src": "agent", "kind": "x" * 9000}
    store.saw("k3f", record)
    store.queued({"run": "k3f", "agent": "a", "task": "t" * 99_999, "created": 1.0})
    store.commit()
    assert store.has_waiting
    store._db.execute("PRAGMA max_page_count=100000")
    store.commit()
    assert store.kinds("k3f") == {"x" * 9000: 1}
    assert not store.has_waiting


def test_a_record_that_is_none_is_not_indexed(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "pancode.db"))
    for wrong in ({"seq": 2**80}, {"seq": "x"}, {"seq": 1, "t": "noon"}, {}):
        store.saw("k3f", wrong)
    store.saw("k3f", {"seq": 3, "kind": "text"})
    store.commit()
    assert store.kinds("k3f") == {"text": 1}


def held(path: Path) -> sqlite3.Connection:
    """Hold the index at `path` as another process would."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


RESULT = {"run_id": "k3f", "status": "done", "reason": "completed", "ended": 2.0, "cost": {"usd": None}}


def test_no_run_is_known_as_ended_whose_records_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "pancode.db"
    store = Store(str(path))
    with contextlib.closing(held(path)) as other:
        store.queued({"run": "k3f", "agent": "a", "task": "t", "created": 1.0})
        store.saw("k3f", {"seq": 1, "t": 1.0, "src": "shim", "kind": "started"})
        other.execute("ROLLBACK")
        # All that waited goes in with the end, and before it.
        store.ended(RESULT)
    assert (store.ended_ids(), store.kinds("k3f")) == (["k3f"], {"started": 1})
    assert not store.has_waiting


def test_an_index_that_is_held_is_told_once_and_written_when_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pancode.db"
    store = Store(str(path))
    with contextlib.closing(held(path)) as other:
        store.queued({"run": "k3f", "agent": "a", "task": "t", "created": 1.0})
        store.ended(RESULT)
        store.commit()
        assert (store.ids(), store.has_waiting) == ([], True)
        other.execute("ROLLBACK")
    store.commit()
    assert store.ended_ids() == ["k3f"]
    told = [record.message for record in caplog.records if record.name == "pancode"]
    assert told == ["the index can't be written: database is locked; the journals have everything"]


def test_an_index_that_another_process_holds_for_itself_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pancode.engine.store.OPEN_SECONDS", 0.05)
    path = tmp_path / "pancode.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(PanError, match="database is locked") as caught:
            Store(str(path))
    assert (caught.value.remedy or "").startswith("end the other process")


def test_what_no_database_can_hold_keeps_nothing_else_out(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "pancode.db"))
    store.queued({"run": "k3f", "agent": None, "task": "t", "created": 2**70})
    store.saw("m2a", {"seq": 1, "t": 1.0, "src": "shim", "kind": "\ud800"})
    store.saw("m2a", {"seq": 2, "t": 1.0, "src": "shim", "kind": "exec"})
    store.queued({"run": "m2a", "agent": "a", "task": "t", "created": 1.0})
    assert (store.ids(), store.kinds("m2a")) == (["m2a"], {"exec": 1})
    assert not store.has_waiting


def test_what_comes_after_the_end_is_left_to_the_next_one(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "pancode.db"))
    store.close()
    store.saw("k3f", {"seq": 1, "t": 1.0, "src": "shim", "kind": "ended"})
    store.ended(RESULT)
    with pytest.raises(PanError, match="can't use the index"):
        store.ids()
