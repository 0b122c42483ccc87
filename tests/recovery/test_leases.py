"""A run is given to one worker at a time, and one that has begun is never given again."""

from __future__ import annotations

import asyncio
import fcntl
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pancode.core.errors import PanError
from pancode.domains.dispatch import leases as module
from pancode.domains.dispatch.folders import Folders
from pancode.domains.dispatch.leases import Leases
from pancode.engine.places import Places


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    Path(places.runs, "k3f").mkdir(parents=True)
    return Folders(places)


def take(folders: Folders) -> int | None:
    return asyncio.run(Leases(folders).take("k3f"))


def write(folders: Folders, name: str, text: str) -> None:
    Path(folders.path("k3f", name)).write_text(text)


def test_each_giving_has_a_higher_epoch_whoever_gives(folders: Folders) -> None:
    assert [take(folders), take(folders), take(folders)] == [1, 2, 3]
    lease = json.loads(Path(folders.path("k3f", "lease.json")).read_text())
    assert (lease["v"], lease["epoch"]) == (1, 3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("events.jsonl", '{"v": 1, "seq": 1, "t": 1.0, "kind": "started", "pid": 5}\n'),
        ("events.jsonl", '{"v": 1, "seq": 1, "t": 1.0, "kind": "ended", "status": "lost"}\n'),
        ("stream.raw", ""),
    ],
)
def test_what_has_begun_or_ended_is_not_given_again(folders: Folders, name: str, text: str) -> None:
    assert take(folders) == 1
    write(folders, name, text)
    assert take(folders) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"epoch": "many"}', "\0" * 256])
def test_a_damaged_lease_counts_from_the_beginning(folders: Folders, text: str) -> None:
    write(folders, "lease.json", text)
    assert take(folders) == 1


def test_a_lease_that_somebody_holds_and_does_not_use_is_named(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with Path(folders.path("k3f", "lease.json")).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(PanError, match="holds the lease of run k3f"):
            take(folders)
    assert take(folders) == 1


def test_a_lease_that_cannot_be_written_is_named(folders: Folders) -> None:
    Path(folders.path("k3f", "lease.json")).mkdir()
    with pytest.raises(PanError, match="can't take the lease of run k3f: is a directory"):
        take(folders)


def test_a_worker_of_an_earlier_boot_is_told_from_one_of_this(folders: Folders) -> None:
    leases = Leases(folders)
    assert not leases.is_of_an_earlier_boot("k3f")
    take(folders)
    assert not leases.is_of_an_earlier_boot("k3f")
    write(folders, "lease.json", '{"v": 1, "epoch": 1, "boot": "another"}')
    assert leases.is_of_an_earlier_boot("k3f")


def test_two_controllers_at_once_never_give_the_same_epoch(folders: Folders) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: take(folders), range(40)))
    assert sorted(given, key=str) == sorted(range(1, 41), key=str)
