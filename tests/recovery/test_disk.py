"""Disks that refuse and an index that is held: said in a sentence, survived, and made good afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pancode.domains.observability.disk import Disk
from pancode.domains.ui.frame import facts
from pancode.domains.ui.reading import read_fleet
from tests.session.conftest import Session, left_over, small_disk
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


@pytest.fixture
def small_home() -> Iterator[Session]:
    """Give a place for a session whose home is a disk of two megabytes of its own."""
    with small_disk(2) as made:
        yield made


def remount(session: Session, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", session.places.home], check=True)


def controller(session: Session) -> int:
    return int(session.status()["controller"]["pid"])


def test_a_read_only_state_is_named_can_be_read_and_is_as_good_as_before_afterwards(
    small_home: Session,
) -> None:
    session = small_home
    session.pancode("up", "--detach")
    before = session.json("run", "--agent", "shell", "echo before")["run_id"]
    session.pancode("down")
    remount(session, "ro")
    for words in (("up", "--detach"), ("reindex",)):
        session.pancode(*words, code=12)
        assert "can't" in session.last_error
        assert "make it writable" in session.last_error
    assert left_over(session) == []
    assert session.json("runs", "show", before)["result"] == "before"
    assert [row["run_id"] for row in session.json("runs")["runs"]] == [before]
    assert session.json("recover")["lost"] == []
    remount(session, "rw")
    session.pancode("up", "--detach")
    assert session.json("run", "--agent", "shell", "echo after")["result"] == "after"


def test_a_disk_that_is_full_before_a_run_starts_refuses_it_and_leaves_nothing(small_home: Session) -> None:
    session = small_home
    session.pancode("up", "--detach")
    session.json("run", "--agent", "shell", "true")
    filler = Path(session.places.home) / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    known = set(os.listdir(session.places.runs))
    session.pancode("run", "--agent", "shell", "echo never", code=12)
    assert "no space left on device" in session.last_error
    assert set(os.listdir(session.places.runs)) == known
    filler.unlink()
    assert session.json("run", "--agent", "shell", "echo again")["result"] == "again"


def test_a_disk_that_is_nearly_full_is_said_once_and_shown_until_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").write_bytes(b"x" * 100_000)
    left, said = [10**9], list[str]()
    monkeypatch.setattr(
        os, "statvfs", lambda _: SimpleNamespace(f_bavail=left[0], f_frsize=1, f_blocks=10**11)
    )
    disk = Disk(str(tmp_path), said.append)

    async def look(free: int) -> str:
        left[0] = free
        disk.look()
        fleet = read_fleet({"disk": disk.told()}, 0.0)
        return " · ".join(segment.text for segment in facts(fleet, None, 0.0))

    async def story() -> None:
        assert "disk" not in await look(10**9)
        for _ in range(2):
            assert "only 120 MB left on the disk: pancode clean" in await look(120 * 10**6)
        assert "disk" not in await look(10**9)
        disk.count_soon()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run(story())
    assert said == ["only 120 MB left on the disk: pancode clean", ""]
    assert disk.told()["bytes"] >= 100_000


def test_an_index_that_somebody_holds_stops_nobody_and_lacks_nothing_afterwards(session: Session) -> None:
    with contextlib.closing(sqlite3.connect(session.places.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        runs = [session.json("run", "--agent", "shell", f"echo {n}")["run_id"] for n in range(3)]
        assert session.status()["totals"]["done"] == 3
        rows = {row["run_id"]: row["state"] for row in session.json("runs")["runs"]}
        other.execute("ROLLBACK")
    wait_until(lambda: _indexed(session) == set(runs), "the index is written after all")
    assert rows == {} or set(rows.values()) == {"done"}
    log = Path(session.places.log).read_text()
    assert log.count("the index can't be written: database is locked") == 1
    assert "the index can be written again" in log
    for run in runs:
        assert sum(session.json("runs", "show", run)["events"].values()) == len(session.journal(run))


def _indexed(session: Session) -> set[str]:
    with contextlib.closing(sqlite3.connect(session.places.database)) as index:
        return {row[0] for row in index.execute("SELECT id FROM runs WHERE status = 'done'")}


def test_an_index_that_was_damaged_under_a_session_is_mended_from_the_journals(session: Session) -> None:
    runs = [session.json("run", "--agent", "shell", f"echo {n}")["run_id"] for n in range(2)]
    session.pancode("down")
    path = Path(session.places.database)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)  # The first page is whole, what it points to is not.
    path.write_bytes(data)
    with (Path(session.places.runs) / runs[0] / "events.jsonl").open("ab") as journal:
        journal.write(b'{"v": 1, "seq": 99, "kind": "te')
    session.pancode("runs", code=12)
    assert "pancode reindex" in session.last_error
    assert "2 runs indexed" in session.pancode("reindex")
    session.pancode("up", "--detach")
    for number, run in enumerate(runs):
        shown = session.json("runs", "show", run)
        assert (shown["status"], shown["result"]) == ("done", str(number))


def test_many_ups_at_once_make_one_session(no_session: Session) -> None:
    session = no_session
    ups = [session.start_process("up", "--detach") for _ in range(4)]
    said = [up.communicate(timeout=60) for up in ups]
    assert [up.returncode for up in ups] == [0] * 4, said
    pids = {controller(session) for _ in range(3)}
    assert len(pids) == 1
    assert session.json("run", "--agent", "shell", "echo one")["result"] == "one"
    log = Path(session.places.log).read_text()
    assert log.count("begins, pid") == 1, log
    assert json.loads(session.pancode("sessions", "--json"))
