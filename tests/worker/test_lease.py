"""A shim begins only under a lease that is still its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pancode.worker.lease import epoch_of
from tests.worker.conftest import BOOT

if TYPE_CHECKING:
    from tests.worker.conftest import MakeShim, Shim


def start(shim: Shim, epoch: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", str(BOOT), str(shim.folder), epoch]
    with (shim.folder / "pane.txt").open("ab") as pane:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pane, stderr=pane)


def lease(shim: Shim, epoch: int) -> None:
    (shim.folder / "lease.json").write_text(json.dumps({"v": 1, "epoch": epoch, "boot": "b"}))


def test_an_outdated_shim_gives_way_and_leaves_the_run_to_its_successor(make_shim: MakeShim) -> None:
    shim = make_shim("true")
    lease(shim, 2)
    assert start(shim, "1").wait(60) == 11
    assert "was given to another worker" in (shim.folder / "pane.txt").read_text()
    assert shim.events() == []
    assert start(shim, "2").wait(60) == 0
    assert shim.verdict() == ("done", "completed")


def test_without_its_lease_a_shim_does_not_begin(make_shim: MakeShim) -> None:
    shim = make_shim("true")
    assert start(shim, "1").wait(60) == 4
    assert "no such file or directory" in (shim.folder / "pane.txt").read_text()
    assert shim.events() == []


def test_of_many_shims_at_once_one_begins(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "echo x >> started; sleep 0.3")
    lease(shim, 3)
    racers = [start(shim, epoch) for epoch in ("3", "1", "3", "2", "3", "2")]
    codes = sorted(racer.wait(60) for racer in racers)
    assert codes == [0, 11, 11, 11, 11, 11]
    assert [len(shim.events(kind)) for kind in ("started", "exec", "ended")] == [1, 1, 1]


def test_a_run_that_was_ended_before_it_began_does_not_begin(make_shim: MakeShim) -> None:
    shim = make_shim("true")
    (shim.folder / "events.jsonl").write_text('{"v": 1, "seq": 1, "t": 1.0, "kind": "ended"}\n')
    shim.start(pane=False)
    assert shim.end() == 11
    assert len(shim.events()) == 1


@pytest.mark.parametrize("word", ["x", "-1", "1.5", ""])
def test_an_epoch_that_is_none_is_a_mistake(make_shim: MakeShim, word: str) -> None:
    assert start(make_shim("true"), word).wait(60) == 2


@pytest.mark.parametrize("data", [b"\xff", b"[", b"[1]", b"null", b'{"epoch": null}', b"[" * 5000])
def test_what_is_no_lease_has_no_epoch(data: bytes) -> None:
    assert epoch_of(data) == 0
