"""A shim under test: a real process, in a terminal of the test's own, with a made-up agent."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

BOOT = Path(__file__).parents[2] / "pancode" / "worker" / "boot.py"
ADAPTER = Path(__file__).parent / "fake_adapter.py"
SECONDS = 60.0
"""Long enough for a machine that does a lot of other things; nothing waits that long when all is well."""


def until(condition: Callable[[], Any], what: str, tick: Callable[[float], None] | None = None) -> Any:
    """Give the first true value of `condition`; `tick` waits a little for something to happen."""
    end = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        if tick is None:
            select.select([], [], [], 0.01)
        else:
            tick(0.05)
    return value


class ForkServer:
    """A fork server of the tests' own."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "f.sock")
        command = [sys.executable, "-I", "-S", str(BOOT), "--fork-server", self.path, "stamp", str(ADAPTER)]
        self.process = subprocess.Popen([*command, "-" * 2048])
        self.line = socket.socket(socket.AF_UNIX)
        until(lambda: self.line.connect_ex(self.path) == 0, "the fork server")
        self.answers = self.line.makefile("r")
        assert self.read() == {"stamp": "stamp"}

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self.answers.readline() or "{}"))

    def say(self, **order: Any) -> dict[str, Any]:
        self.line.sendall(json.dumps(order).encode() + b"\n")
        return self.read()

    def close(self) -> None:
        self.answers.close()
        self.line.close()
        self.process.kill()
        self.process.wait()


class Shim:
    """One shim process, its run folder and its pane; with `forks` its pane is held by `process`."""

    def __init__(self, folder: Path, spec: dict[str, Any], forks: ForkServer | None = None) -> None:
        self.forks = forks
        self.worker = 0
        self.folder = folder
        self.spec = spec
        self.process: subprocess.Popen[bytes] | None = None
        self.master = -1
        self.seen = b""
        self.held = -1

    @property
    def run(self) -> str:
        return str(self.spec["run"])

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.worker or self.process.pid

    def start(
        self, *, pane: bool = True, hold: bool = False, size: tuple[int, int] = (24, 80), epoch: int = 1
    ) -> Shim:
        command = [sys.executable, "-I", "-S", str(BOOT), str(self.folder)]
        holder = f"{self.folder}.pane"
        if pane and self.forks is not None:
            os.mkfifo(holder)
            command = ["/bin/sh", str(BOOT.with_name("holder.sh")), holder]
        if pane:
            self.master, slave = os.openpty()
            termios.tcsetwinsize(self.master, size)
            # setsid of util-linux makes the terminal the controlling one, as tmux does.
            self.process = subprocess.Popen(
                ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave, close_fds=True
            )
            if self.forks is not None:
                (self.folder / "lease.json").write_text('{"epoch": 1}')
                place = {"folder": str(self.folder), "tty": os.ttyname(slave), "holder": holder}
                place["cwd"] = self.spec["cwd"]
                self.worker = self.forks.say(do="fork", epoch=epoch, **place)["pid"]
            if hold:
                self.held = slave
            else:
                os.close(slave)
            fcntl.fcntl(self.master, fcntl.F_SETFL, os.O_NONBLOCK)
        else:
            with (self.folder / "pane.txt").open("wb") as out:
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        return self

    def look(self, seconds: float = 0.0) -> bytes:
        """Read what the pane shows within `seconds`; give all that it ever showed."""
        if self.master >= 0 and select.select([self.master], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.master, 1 << 16)
            except OSError:
                os.close(self.master)
                self.master = -1
        elif self.master < 0:
            select.select([], [], [], min(seconds, 0.01))
        return self.seen

    def wait_for(self, text: str) -> None:
        until(lambda: text.encode() in self.look(), f"{text!r} in {self.seen!r}", self.look_on)

    def look_on(self, seconds: float) -> None:
        self.look(seconds)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def resize(self, rows: int, columns: int) -> None:
        termios.tcsetwinsize(self.master, (rows, columns))

    def hang_up(self) -> None:
        os.close(self.master)
        self.master = -1

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> int:
        """Wait for the shim; give its exit status."""
        assert self.process is not None
        process = self.process
        until(lambda: process.poll() is not None, f"the shim's end; journal: {self.events()}", self.look_on)
        while self.master >= 0 and len(self.look(0.0)) != len(self.look(0.0)):
            pass
        return process.returncode

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        try:
            lines = (self.folder / "events.jsonl").read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        events = [json.loads(line) for line in lines]
        return [event for event in events if kind in (None, event["kind"])]

    def wait_event(self, kind: str) -> dict[str, Any]:
        found = until(lambda: self.events(kind), f"an event {kind}; journal: {self.events()}", self.look_on)
        return dict(found[0])

    def result(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "result.json").read_text()))

    def verdict(self) -> tuple[str, str]:
        result = self.result()
        return result["status"], result["reason"]

    def cast(self) -> list[Any]:
        return [json.loads(line) for line in (self.folder / "terminal.cast").read_text().splitlines()]

    def survivors(self) -> list[str]:
        """Give the command lines of living processes that belong to this run."""
        mark = f"PANCODE_RUN_ID={self.run}\0".encode()
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                environ = Path(f"/proc/{entry}/environ").read_bytes()
                stat = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if mark in environ + b"\0" and stat[0] not in "ZX":
                    found.append(Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def wait_event_count(self, kind: str, number: int) -> None:
        until(lambda: len(self.events(kind)) >= number, f"{number} events {kind}", self.look_on)

    def wait_file(self, name: str) -> None:
        """Wait for a file that the agent makes in its working directory."""
        path = Path(self.spec["cwd"]) / name
        until(path.exists, f"{path}; journal: {self.events()}", self.look_on)

    def wait_mode(self, flag: int) -> None:
        """Wait until the pane's terminal has a local mode on."""
        until(lambda: termios.tcgetattr(self.master)[3] & flag, "the terminal's mode", self.look_on)

    def wait_family(self, members: int) -> None:
        """Wait until so many processes of the run are alive, besides its agent's own shell."""
        until(
            lambda: len(self.survivors()) > members, f"{members} processes: {self.survivors()}", self.look_on
        )

    def kill_all(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for entry in os.listdir("/proc"):
            try:
                if f"PANCODE_RUN_ID={self.run}\0".encode() in Path(f"/proc/{entry}/environ").read_bytes():
                    os.kill(int(entry), signal.SIGKILL)
            except (OSError, ValueError):
                continue
        for fd in (self.master, self.held):
            if fd >= 0:
                os.close(fd)


MakeShim = Callable[..., Shim]


@pytest.fixture
def make_shim(tmp_path: Path) -> Iterator[MakeShim]:
    """Give a maker of shims; whatever they leave is removed after the test."""
    made: list[Shim] = []

    def make(*argv: str, limits: Mapping[str, Any] | None = None, **changes: Any) -> Shim:
        run = f"t{uuid.uuid4().hex[:10]}"
        folder = Path(changes.pop("folder", tmp_path / run))
        forks = changes.pop("forks", None)
        folder.mkdir(mode=0o700, parents=True)
        spec: dict[str, Any] = {
            "v": 1,
            "run": run,
            "agent": "shell",
            "runtime": "shell",
            "agent_version": None,
            "adapter": None,
            "task": "do it",
            "model": None,
            "argv": list(argv),
            "cwd": str(tmp_path),
            "env": {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"},
            "env_from": [],
            "handoff": None,
            "stdin": None,
            "interactive": False,
            "grant": {"mode": "build", "level": "auto-edit", "read_only": False},
            "limits": {
                "wall_s": None,
                "idle_s": None,
                "max_turns": None,
                "token_budget": None,
                **(limits or {}),
            },
            "reads": [],
            "previous": None,
            "continues": None,
            "socket": str(tmp_path / "c.sock"),
            "heartbeat_s": 10.0,
            "created": time.time(),
            **changes,
        }
        (folder / "spec.json").write_text(json.dumps(spec))
        made.append(Shim(folder, spec, forks))
        return made[-1]

    yield make
    for shim in made:
        shim.kill_all()


@pytest.fixture
def make_agent(make_shim: MakeShim, tmp_path: Path) -> MakeShim:
    """Give a maker of shims whose agent prints the given events, then runs shell code."""

    def make(*events: Mapping[str, Any] | str | bytes, then: str = "", **changes: Any) -> Shim:
        stream = tmp_path / f"stream-{uuid.uuid4().hex}"
        stream.write_bytes(b"".join(_line(event) for event in events))
        return make_shim(
            "sh", "-c", f"cat {stream}; {then}", adapter=str(ADAPTER), agent="fake", runtime="fake", **changes
        )

    return make


def _line(event: Mapping[str, Any] | str | bytes) -> bytes:
    if isinstance(event, bytes):
        return event
    return (event if isinstance(event, str) else json.dumps(event)).encode() + b"\n"


class Controller:
    """The other end of the shim's line: a socket that hears lines and may answer."""

    def __init__(self, path: str) -> None:
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen()
        self.server.settimeout(SECONDS)
        self.path = path
        self.line: socket.socket | None = None
        self.rest = b""

    def accept(self) -> dict[str, Any]:
        """Give the hello of the next shim."""
        if self.line is not None:
            self.line.close()
        self.line, _ = self.server.accept()
        self.line.settimeout(SECONDS)
        self.rest = b""
        return self.hear()

    def hear(self) -> dict[str, Any]:
        assert self.line is not None
        while b"\n" not in self.rest:
            data = self.line.recv(1 << 16)
            assert data, "the shim hung up"
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return dict(json.loads(line))

    def say(self, **message: Any) -> None:
        assert self.line is not None
        self.line.sendall(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
        self.server.close()
        Path(self.path).unlink(missing_ok=True)


@pytest.fixture
def controllers(tmp_path: Path) -> Iterator[Callable[[], Controller]]:
    """Give a maker of controllers on the socket that the specs name."""
    made: list[Controller] = []

    def make() -> Controller:
        made.append(Controller(str(tmp_path / "c.sock")))
        return made[-1]

    yield make
    for controller in made:
        controller.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a directory on a file system of one megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root, to mount a small tmpfs")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"can't mount a small tmpfs: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
