"""Stand-ins for the controller and for the terminal in which a pane's process runs."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

PATIENCE_S = 60.0
"""How long a condition may take; a loaded machine is slow, and nothing here waits that long when it works."""
NOW = 1_763_000_000.0


def worker(run_id: str, state: str = "working", at: float = NOW, **changes: Any) -> dict[str, Any]:
    """Give a row as the controller sends it, started a minute before `at`."""
    row: dict[str, Any] = {
        "run_id": run_id,
        "agent": "codex",
        "task": "make the tests pass",
        "model": "gpt-5-codex",
        "mode": "build",
        "state": state,
        "doing": None,
        "retrying": None,
        "pid": 4242,
        "pane": "%5",
        "window": "@3",
        "cost": {"usd": None, "source": "unknown"},
        "usage": dict.fromkeys(("input", "output", "cache_read", "cache_write", "reasoning")),
        "heartbeat": {"at": at - 3, "age_s": 3, "evidence": {"state": "working"}},
        "reason": None,
        "queued": at - 61,
        "started": at - 60,
        "ended": None,
        "turns": None,
    }
    return {**row, **changes}


def fresh(run_id: str, state: str = "working", **changes: Any) -> dict[str, Any]:
    """Give a row of a run that started a minute ago by the clock on the wall."""
    return worker(run_id, state, time.time(), **changes)


def session_facts(**changes: Any) -> dict[str, Any]:
    """Give the part of a status object that is not a worker."""
    facts: dict[str, Any] = {
        "mode": "build",
        "safety": "auto-edit",
        "budget": {"limit_usd": None, "spent_usd": 0.41, "unknown_runs": 2},
        "totals": {"live": 1, "waiting": 0, "done": 0, "failed": 0},
        "attached": True,
        "draining": False,
    }
    return {**facts, **changes}


def status(*workers: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Give a whole status object."""
    return {"session": "main", "project": "/src/shop", **session_facts(**changes), "workers": list(workers)}


class FakeController:
    """Listens on a session's socket, sends what a test pushes, and remembers what it was asked."""

    def __init__(self, path: str, first: Mapping[str, Any]) -> None:
        """Serve from now on; `first` is the status that every subscriber gets."""
        self.first = dict(first)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self._ends: list[socket.socket] = []
        self._subscribers: list[socket.socket] = []
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                end, _ = self._listener.accept()
                self._ends.append(end)
                threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), end.makefile("rb") as lines:
            for line in lines:
                ask = json.loads(line)
                self.asked.append((ask["verb"], ask["args"]))
                if ask["verb"] == "subscribe":
                    self._subscribers.append(end)
                    self._send(end, {"id": 1, "event": {"topic": "status", "status": self.first}})
                else:
                    self._send(
                        end, {"id": 1, **self.answers.get(ask["verb"], {"ok": True, "result": self.first})}
                    )

    @staticmethod
    def _send(end: socket.socket, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            end.sendall(json.dumps(message).encode() + b"\n")

    @property
    def subscribers(self) -> int:
        """Count who has subscribed so far."""
        return len(self._subscribers)

    def push(self, topic: str, value: object) -> None:
        """Send one event to everybody who subscribed."""
        for end in self._subscribers:
            self._send(end, {"id": 1, "event": {"topic": topic, topic if topic != "gone" else "run": value}})

    def push_record(self, run: str, record: Mapping[str, Any]) -> None:
        """Send one journal record of a run to everybody who subscribed."""
        for end in self._subscribers:
            self._send(end, {"id": 1, "event": {"topic": "event", "run": run, "record": dict(record)}})

    def die(self) -> None:
        """Be gone as after kill -9: connections cut, the socket's file left behind."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Screen:
    """What a terminal shows after the few escape codes that PanCode's screens write."""

    _PIECES = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b[=>()][0-9A-B]?|([\r\n\b])|([^\x1b\r\n\b]+)")

    def __init__(self, width: int, height: int) -> None:
        """Begin empty."""
        self.width, self.height = width, height
        self.lines = [""] * height
        self._row = self._column = 0
        self._cut_off = ""

    def feed(self, text: str) -> None:
        """Take in more output."""
        text = self._cut_off + text
        begun = re.search(r"\x1b(\[[?\d;]*)?$", text)
        self._cut_off = "" if begun is None else begun.group()
        text = text[: len(text) - len(self._cut_off)]
        for code, final, control, plain in self._PIECES.findall(text):
            if final:
                self._control(code, final)
            elif control == "\r":
                self._column = 0
            elif control == "\n":
                self._row = min(self._row + 1, self.height - 1)
            elif plain:
                line = self.lines[self._row].ljust(self._column)
                line = line[: self._column] + plain + line[self._column + len(plain) :]
                self.lines[self._row] = line[: self.width]
                self._column += len(plain)

    def _control(self, code: str, final: str) -> None:
        if final == "H":
            row, _, column = code.partition(";")
            self._row, self._column = int(row or 1) - 1, int(column or 1) - 1
        elif final == "J":
            self.lines = [""] * self.height
        elif final == "K" and code == "2":
            self.lines[self._row] = ""

    @property
    def text(self) -> str:
        """The screen as lines."""
        return "\n".join(line.rstrip() for line in self.lines)


class Pane:
    """A program on a terminal of its own, as tmux would start it."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], cwd: str, size: tuple[int, int] = (80, 24)
    ) -> None:
        """Start it."""
        self.screen = Screen(*size)
        self.output = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._end, child = pty.openpty()
        self.resize(*size)
        self.process = subprocess.Popen(
            argv,
            stdin=child,
            stdout=child,
            stderr=child,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- no threads in the child
        )
        os.close(child)

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size; the program gets SIGWINCH."""
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))
        if self.screen.height != height or self.screen.width != width:
            self.screen = Screen(width, height)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._end, keys.encode())

    def until(self, holds: Callable[[], bool]) -> None:
        """Read what the program writes until the condition holds; fail with the screen if it never does."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, (
                f"screen:\n{self.screen.text}\noutput:\n{self.output[-3000:]!r}"
            )
            self.read(0.05)

    def read(self, wait: float) -> None:
        """Take in what the program has written."""
        ready, _, _ = select.select([self._end], [], [], wait)
        if not ready:
            return
        with contextlib.suppress(OSError):
            text = self._decoder.decode(os.read(self._end, 65536))
            text = re.sub(r"\x1b\[\?2004[hl]", "", text)  # Bracketed paste, on and off.
            self.output += text
            self.screen.feed(text)

    def interrupt(self) -> None:
        """Press ^C until there is a new prompt: readline notices one only between two keys."""
        seen = len(self.output)
        for _ in range(10):
            self.press("\x03")
            deadline = time.monotonic() + 1.0
            while time.monotonic() < deadline:
                if self.output[seen:].endswith("\n> "):
                    return
                self.read(0.05)
        raise AssertionError(f"no new prompt after ^C:\n{self.output[-3000:]!r}")

    def shows(self, text: str) -> None:
        """Wait until the screen shows a text."""
        self.until(lambda: text in self.screen.text)

    def says(self, text: str) -> None:
        """Wait until a text has been written, wherever it stands."""
        self.until(lambda: text in self.output)

    def close(self) -> None:
        """Hang up, as a pane that is closed, and see that the program ends."""
        os.close(self._end)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            raise
