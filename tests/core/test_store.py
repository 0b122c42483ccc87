"""The index: a file that is newer, damaged or full costs nothing but the index."""

from __future__ import annotations

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
