"""A session of its own for a measurement: private home, private sockets, nothing left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from dataclasses import dataclass

from pancode.cli.client import Link
from pancode.core.errors import PanError
from pancode.engine import clock
from pancode.engine.places import Places, project_root

AGENTS = """
agents:
  nothing:
    description: Does nothing until it is stopped
    command: [sleep, "{task}"]
  talker:
    description: Says something a hundred times a second
    runtime: bench
"""
TALKER = '''
"""An agent that emits a line of JSON a hundred times a second; made by `pancode bench`."""

ID, NAME, BINARY, INSTALL = "bench", "Talker", "sh", "pancode bench makes it"
VERSIONS, VERSION_ARGS, SECRETS, PASS_ENV, READS = (), ("-c", "echo 1"), (), (), ()
CAN = frozenset()
PROGRAM = """
import sys, time
due = time.monotonic()
for number in range(int(sys.argv[1])):
    due += 0.01
    time.sleep(max(0, due - time.monotonic()))
    print('{"type": "text", "text": "' + "x" * 60 + '"}', flush=True)
print('{"type": "end"}', flush=True)
"""
'''
READER = """

def launch(request):
    argv = [PYTHON, "-I", "-S", "-c", PROGRAM, request["task"]]
    return {"argv": argv, "env": {}, "secret_env": {}, "files": {}}


class Session:
    def __init__(self, previous=None):
        pass

    def feed(self, record):
        if record.get("type") == "end":
            return [{"kind": "finished", "ok": True}]
        return [{"kind": "text", "text": record.get("text", "")}]

    def noise(self, line):
        return []

    def end(self, files):
        return []
"""
"""How the agents of a measurement are started and read; it follows what is each one's own."""
SCREEN = struct.pack("HHHH", 40, 120, 0, 0)
DRAWN = 20.0
"""Seconds after which a screen that hasn't come counts as a failure."""


def program() -> list[str]:
    """Give what a person types as `pancode`: the installed script, else the module."""
    script = os.path.join(os.path.dirname(sys.executable), "pancode")
    return [script] if os.access(script, os.X_OK) else [sys.executable, "-m", "pancode"]


@dataclass(frozen=True)
class Bed:
    """Where a measurement runs, and how to reach it."""

    places: Places
    environment: dict[str, str]

    def pancode(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a verb as a person would, in a process of its own."""
        return subprocess.run(
            [*program(), *words],
            env=self.environment,
            cwd=self.places.project,
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )

    def start_pancode(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a verb and don't wait for it; its words go nowhere."""
        return subprocess.Popen(
            [*program(), *words],
            env=self.environment,
            cwd=self.places.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def link(self) -> Link:
        """Connect to the controller; waits until there is one."""
        until = clock.monotonic() + DRAWN
        while True:
            try:
                return Link(self.places)
            except PanError:
                if clock.monotonic() > until:
                    raise
                select.select([], [], [], 0.002)


@contextlib.contextmanager
def bed() -> Iterator[Bed]:
    """Make a place for a session, and take down whatever runs there at the end."""
    base = tempfile.mkdtemp(prefix="pb")
    try:
        places = _furnish(base)
        environment = {
            name: value
            for name, value in os.environ.items()
            # PYTHONDONTWRITEBYTECODE and its like would measure the compiler.
            if not name.startswith(("PANCODE_", "TMUX", "PYTHON")) and not name.endswith(("_KEY", "_TOKEN"))
        }
        environment |= {"PANCODE_HOME": places.home, "XDG_RUNTIME_DIR": os.path.join(base, "r")}
        environment["TERM"] = "xterm-256color"
        made = Bed(places, environment)
        try:
            yield made
        finally:
            with contextlib.suppress(subprocess.SubprocessError):
                made.pancode("down")
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _furnish(base: str) -> Places:
    for name in ("r", "h/adapters", "p"):
        os.makedirs(os.path.join(base, name), mode=0o700)
    with open(os.path.join(base, "h/panagents.yaml"), "w", encoding="utf-8") as file:
        file.write(AGENTS)
    with open(os.path.join(base, "h/adapters/bench.py"), "w", encoding="utf-8") as file:
        file.write((TALKER + READER).replace("PYTHON", repr(sys.executable)))
    project = project_root(os.path.join(base, "p"))
    return Places(project, "main", os.path.join(base, "h"), os.path.join(base, "r", "pancode"))


class Terminal:
    """A terminal of 120 x 40 with a program on it."""

    def __init__(self, made: Bed, *words: str) -> None:
        """Start `pancode WORDS` on it; `began` is the monotonic time just before."""
        self.began = clock.monotonic()
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, SCREEN)
            os.chdir(made.places.project)
            argv = [*program(), *words]
            os.execve(argv[0], argv, made.environment)  # noqa: S606 -- our own program, our own words
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, SCREEN)

    def until(self, *wanted: tuple[bytes, ...]) -> float:
        """Give the monotonic time at which one of each group of byte strings had been drawn."""
        seen = b""
        until = clock.monotonic() + DRAWN
        while not all(any(word in seen for word in group) for group in wanted):
            left = until - clock.monotonic()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                raise PanError(f"the screen never showed {wanted!r}")
            seen += os.read(self._master, 65536)
        return clock.monotonic()

    def press(self, keys: bytes) -> float:
        """Press keys; give the monotonic time just before."""
        at = clock.monotonic()
        os.write(self._master, keys)
        return at

    def close(self) -> None:
        """Hang up."""
        os.close(self._master)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGHUP)
        os.waitpid(self._pid, 0)
