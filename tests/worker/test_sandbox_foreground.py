"""One sandboxed command on the caller's own terminal: signals, jobs, ways out, and what is left."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker.conftest import until
from tests.worker.enclosing import EXEC_BOOT, Boot, landlocked, needs_bwrap, profile
from tests.worker.test_sandbox_shim import a_long_sleep, alive

pytestmark = needs_bwrap
both = pytest.mark.parametrize("make", [profile, landlocked])


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    tree = tmp_path / "tree"
    tree.mkdir()
    return Boot(tree)


class Job:
    """A command started on a terminal of its own, with a session of its own."""

    def __init__(self, words: list[str]) -> None:
        self.master, slave = os.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *words], stdin=slave, stdout=slave, stderr=slave, env={}
        )
        os.close(slave)
        fcntl.fcntl(self.master, fcntl.F_SETFL, os.O_NONBLOCK)
        self.seen = b""

    def look(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.master, 1 << 16)
            except OSError:
                select.select([], [], [], min(seconds, 0.01))

    def wait_for(self, text: bytes) -> None:
        until(lambda: text in self.seen, f"{text!r} in {self.seen!r}", self.look)

    def end(self) -> int:
        until(lambda: self.process.poll() is not None, f"the end; seen: {self.seen!r}", self.look)
        self.look(0.0)
        return int(self.process.returncode)


@pytest.fixture
def jobs() -> Iterator[list[Job]]:
    made: list[Job] = []
    yield made
    for job in made:
        job.process.kill()
        job.process.wait()
        os.close(job.master)


@both
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(boot: Boot, make: Any, number: int) -> None:
    code = f"trap 'echo x > caught; exit 4' {number}; echo x > up; while :; do sleep 0.05; done"
    words = boot.words(["sh", "-c", code], make(boot.tree))
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
        until((boot.tree / "up").exists, "the start")
        process.send_signal(number)
        assert process.wait(60) == 4
    assert (boot.tree / "caught").exists()


def test_a_command_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    processes: dict[str, subprocess.Popen[bytes]] = {}
    for make in (profile, landlocked):  # Together: both give the command its time.
        tree = tmp_path / make.__name__
        tree.mkdir()
        boot, sleep = Boot(tree), a_long_sleep()
        code = f"trap '' TERM HUP INT; env -i setsid {sleep} & echo x > up; while :; do {sleep}; done"
        words = boot.words(["sh", "-c", code], make(tree))
        processes[sleep] = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        until((tree / "up").exists, "the start")
    for process in processes.values():
        process.send_signal(signal.SIGTERM)
    for sleep, process in processes.items():
        assert process.wait(60) == 137
        assert not alive(sleep.split()[1])


def test_nothing_survives_that_is_killed_from_outside(boot: Boot) -> None:
    sleep = a_long_sleep()
    code = f"trap '' TERM HUP INT; env -i setsid {sleep} & (setsid {sleep} &); echo x > up; wait"
    words = boot.words(["sh", "-c", code], profile(boot.tree))
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
        until((boot.tree / "up").exists, "the start")
        process.kill()
    until(lambda: not alive(sleep.split()[1]), "the end of all")


@both
def test_nothing_is_left_behind_by_a_command_that_ends(boot: Boot, make: Any) -> None:
    sleep = a_long_sleep()
    done = boot.run("sh", "-c", f"env -i setsid {sleep} > /dev/null 2>&1 & exit 3", sandbox=make(boot.tree))
    assert done.returncode == 3
    assert not alive(sleep.split()[1])


@both
def test_ctrl_c_reaches_the_command_alone(boot: Boot, jobs: list[Job], make: Any) -> None:
    code = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done"
    jobs.append(Job(boot.words(["sh", "-c", code], make(boot.tree))))
    jobs[0].wait_for(b"ready")
    os.write(jobs[0].master, b"\x03")
    assert jobs[0].end() == 5
    assert b"caught" in jobs[0].seen


def test_an_interactive_shell_has_the_terminal_and_its_size(boot: Boot, jobs: list[Job]) -> None:
    jobs.append(Job(boot.words(["bash", "--norc", "-i"], profile(boot.tree))))
    termios.tcsetwinsize(jobs[0].master, (30, 90))
    os.write(jobs[0].master, b"stty size; echo $((6 * 7)); exit 6\n")
    assert jobs[0].end() == 6
    assert b"30 90" in jobs[0].seen
    assert b"42" in jobs[0].seen


def test_a_job_is_stopped_and_goes_on_in_the_shell_that_started_it(boot: Boot, jobs: list[Job]) -> None:
    mark = f"m{uuid.uuid4().hex}"
    code = f": {mark}; echo ready; while [ ! -e go ]; do sleep 0.05; done; echo went on"
    words = boot.words(["sh", "-c", code], profile(boot.tree))
    path = boot.tree.parent / "job.sh"
    path.write_text(f"set -m\n{' '.join(words)}\necho stopped\ntouch {boot.tree}/go\nfg\necho over\n")
    jobs.append(Job(["bash", "--norc", str(path)]))
    jobs[0].wait_for(b"ready")
    os.write(jobs[0].master, b"\x1a")
    jobs[0].wait_for(b"over")
    assert jobs[0].end() == 0
    assert jobs[0].seen.index(b"stopped") < jobs[0].seen.index(b"went on")


def test_a_port_is_passed_on_and_what_is_not_listed_is_written_down(boot: Boot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        network = {
            "forwards": [{"port": 7777, "host": "127.0.0.1", "to": server.getsockname()[1]}],
            "proxy_port": 3128,
        }
        code = (
            "import socket\n"
            "s = socket.create_connection(('127.0.0.1', 3128))\n"
            "s.sendall(b'CONNECT example.test:443 HTTP/1.1\\r\\n\\r\\n')\n"
            "print(s.recv(99).split()[1].decode())\n"
            "s = socket.create_connection(('127.0.0.1', 7777)); s.sendall(b'hi'); print(s.recv(9).decode())"
        )
        words = boot.words(["python3", "-I", "-c", code], profile(boot.tree, network=network))
        server.settimeout(60)
        with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
            line, _ = server.accept()
            with line:
                assert line.recv(9) == b"hi"
                line.sendall(b"there")
            assert process.communicate(timeout=60)[0].split() == ["403", "there"]
    said = {(each["kind"], each.get("host"), each.get("decision")) for each in boot.records()}
    assert ("net", "example.test", "blocked") in said


@pytest.mark.parametrize("text", ["", "[]", '{"argv": []}', '{"argv": ["true"]}'])
def test_what_is_no_order_is_told_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "spec.json"
    path.write_text(text)
    for argv in ([str(path)], [], [str(tmp_path / "nothing")]):
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(EXEC_BOOT), *argv], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr.startswith("pancode: can't read what to run: ")
        assert done.stderr.count("\n") == 1


def test_a_command_without_a_sandbox_runs_all_the_same(boot: Boot) -> None:
    done = boot.run("sh", "-c", "echo here; exit 3", sandbox={"kind": "none"})
    assert (done.stdout, done.returncode) == ("here\n", 3)
    assert json.loads(boot.log.read_text())["limits"] == "none"
