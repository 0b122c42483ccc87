"""Workers that are forked from one process: like those of their own interpreter in all that can be seen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker.conftest import BOOT, ForkServer, MakeShim, until


@pytest.fixture
def forks(tmp_path: Path) -> Iterator[ForkServer]:
    server = ForkServer(tmp_path)
    yield server
    server.close()


def words_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_gone(pid: int) -> bool:
    return not os.path.exists(f"/proc/{pid}")


def test_a_forked_worker_is_listed_as_itself_and_its_pane_ends_with_its_status(
    make_shim: MakeShim, forks: ForkServer
) -> None:
    shim = make_shim("sh", "-c", "read word; exit 3", interactive=True, forks=forks).start()
    started = shim.wait_event("started")
    assert started["pid"] == shim.pid
    assert words_of(shim.pid)[3:] == [str(BOOT), str(shim.folder), "1"]
    assert words_of(forks.process.pid)[4:7] == ["--fork-server", forks.path, "stamp"]
    assert parent_of(shim.pid) == forks.process.pid
    shim.wait_event("exec")
    shim.type(b"go\n")
    assert shim.end() == 1
    assert shim.verdict() == ("failed", "agent-error")
    assert not os.path.exists(f"{shim.folder}.pane")


def test_a_forked_worker_follows_its_panes_size(make_shim: MakeShim, forks: ForkServer) -> None:
    code = "trap 'stty size </dev/tty; exit' WINCH; echo set; while :; do sleep 0.01; done"
    shim = make_shim("sh", "-c", code, forks=forks).start()
    shim.wait_for("set")
    shim.resize(31, 77)
    shim.wait_for("31 77")
    assert shim.end() == 0


def test_a_forked_worker_ends_when_its_pane_is_closed(make_shim: MakeShim, forks: ForkServer) -> None:
    shim = make_shim("sleep", "1000", forks=forks).start()
    shim.wait_event("exec")
    shim.hang_up()
    assert shim.end() in (8, -signal.SIGHUP)  # Whichever the holder hears of first.
    until(lambda: is_gone(shim.pid) and not shim.survivors(), "nothing of it is left")
    assert shim.verdict() == ("cancelled", "stopped")


def test_a_pane_does_not_outlive_a_worker_that_was_killed(make_shim: MakeShim, forks: ForkServer) -> None:
    shim = make_shim("sleep", "1000", forks=forks).start()
    shim.wait_event("exec")
    shim.signal(signal.SIGKILL)
    assert shim.end() == 70
    until(lambda: is_gone(shim.pid), "it is collected, too")


def test_workers_outlive_their_fork_server(make_shim: MakeShim, forks: ForkServer) -> None:
    shim = make_shim("sh", "-c", "read word; echo heard $word", interactive=True, forks=forks).start()
    shim.wait_event("exec")
    forks.process.kill()
    forks.process.wait()
    shim.type(b"all\n")
    assert shim.end() == 0
    assert shim.result()["result"].endswith("heard all")


def test_a_directory_that_is_gone_is_named_as_by_any_worker(make_shim: MakeShim, forks: ForkServer) -> None:
    forked, plain = (make_shim("true", cwd="/nowhere", forks=each).start() for each in (forks, None))
    assert forked.end() == plain.end() == 1
    assert forked.result()["evidence"] == plain.result()["evidence"]
    assert 'the directory "/nowhere"' in str(plain.result()["evidence"])


def test_a_lease_that_was_given_to_another_is_respected(make_shim: MakeShim, forks: ForkServer) -> None:
    shim = make_shim("true", forks=forks).start(epoch=2)
    assert shim.end() == 11
    assert shim.events() == []


@pytest.mark.parametrize(
    "order",
    [
        {"do": "fork"},
        {"do": "dance"},
        {"do": "fork", "folder": "/", "epoch": 1, "tty": "/nowhere", "holder": "/nowhere", "cwd": "/"},
        {"do": ["fork"]},
    ],
)
def test_an_order_that_makes_no_sense_is_answered_and_harms_nobody(
    forks: ForkServer, order: dict[str, Any]
) -> None:
    assert "error" in forks.say(**order)
    forks.line.sendall(b"\xff\n")
    assert "error" in forks.read()
    forks.line.sendall(b'{"do": "end"}\n')
    assert forks.process.wait(20) == 0
