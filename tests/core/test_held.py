"""Locks that go on as long as a program works under them, whatever became of who started it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from pancode.engine.held import descriptors, locked
from tests.terminal import wait_until

KILLED = """
import os, signal, subprocess, sys
from pancode.engine.held import descriptors, locked
with locked(sys.argv[1]):
    subprocess.Popen(["cat", sys.argv[2]], pass_fds=descriptors())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def is_free(path: Path) -> bool:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_program_goes_on_holding_the_lock_of_who_was_killed(tmp_path: Path) -> None:
    lock, tap = tmp_path / "lock", tmp_path / "tap"
    os.mkfifo(tap)
    subprocess.run([sys.executable, "-c", KILLED, str(lock), str(tap)], check=False)
    assert not is_free(lock)
    tap.write_text("")
    wait_until(lambda: is_free(lock), "the program has ended")


def test_a_lock_is_given_back_although_a_program_has_inherited_it(tmp_path: Path) -> None:
    lock, tap = tmp_path / "locks" / "one", tmp_path / "tap"
    os.mkfifo(tap)
    with locked(str(lock)):
        process = subprocess.Popen(["cat", str(tap)], pass_fds=descriptors())
        assert not is_free(lock)
    assert descriptors() == ()
    assert is_free(lock)
    tap.write_text("")
    process.wait()
