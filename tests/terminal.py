"""A person's terminal for tests: a second tmux with a real client in it, real keys, and a screen to read."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

SECONDS = 60.0
"""How long a test waits for something to appear before it shows the screen and fails."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Wait until `condition()` is true; fail with `what` (or what it gives, if callable) after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        begun = time.monotonic()
        if condition():
            return
        looked = time.monotonic()
        if looked > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        # A poll of nothing: waits without being a sleep that a condition could replace. One that costs much,
        # as a verb does, must not keep from their work those that it waits for.
        select.select([], [], [], min(max(looked - begun, 0.01), 0.2))


def is_running(pid: int) -> bool:
    """Whether `pid` is a process and not merely one that its parent hasn't collected yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Terminal:
    """One terminal window; `close()` ends everything that runs in it and unlinks its socket."""

    def __init__(self, socket: str, width: int = 120, height: int = 36) -> None:
        """Name the socket of the tmux that plays the terminal; `start` opens it."""
        self.socket = socket
        self.width = width
        self.height = height
        self.pid = 0

    def start(self, argv: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
        """Run `argv` in the terminal, with exactly `env` (TERM comes from the terminal)."""
        words = [
            f"{name}={value}" for name, value in env.items() if name not in ("TERM", "TMUX", "TMUX_PANE")
        ]
        command = ["env", "-i", "TERM=tmux-256color", *words, *argv]
        size = ["-x", str(self.width), "-y", str(self.height)]
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-s", "t", *size, "-c", cwd, *command),
            *(";", "set", "-g", "status", "off", ";", "set", "-g", "prefix", "None"),
            *(";", "set", "-s", "escape-time", "0", ";", "set", "-g", "remain-on-exit", "on"),
            *(";", "set", "-s", "set-clipboard", "off"),
        )
        self.pid = int(self._tmux("display-message", "-p", "#{pid}").strip())

    def keys(self, *names: str) -> None:
        """Press keys by tmux's names: BTab, M-a, C-y, Enter, Escape, q."""
        self._tmux("send-keys", "-t", "t:", *names)

    def type(self, text: str) -> None:
        """Type `text` as it is."""
        self._tmux("send-keys", "-t", "t:", "-l", "--", text)

    def paste(self, text: str) -> None:
        """Paste `text` as a terminal does for a program that asked for bracketed paste."""
        self._tmux("set-buffer", "-b", "pasted", "--", text)
        self._tmux("paste-buffer", "-p", "-d", "-b", "pasted", "-t", "t:")

    def resize(self, width: int, height: int) -> None:
        """Give the terminal window another size."""
        self._tmux("resize-window", "-t", "t:", "-x", str(width), "-y", str(height))

    def screen(self, *, colours: bool = False) -> str:
        """Read the screen: one line per row; with `colours` the escape sequences stay in it."""
        return self._tmux("capture-pane", "-p", *(["-e"] if colours else []), "-t", "t:")

    def has_rung(self) -> bool:
        """Whether the terminal's bell has rung."""
        return self._tmux("display-message", "-p", "-t", "t:", "#{window_bell_flag}").strip() == "1"

    def wait_for(self, text: str, seconds: float = SECONDS) -> str:
        """Wait until the screen matches the pattern `text` (a regular expression) and give the screen."""
        screen = ""

        def shown() -> bool:
            nonlocal screen
            screen = self.screen()
            return re.search(text, screen) is not None

        with contextlib.suppress(AssertionError):
            wait_until(shown, text, seconds)
            return screen
        raise AssertionError(f"{text!r} is not on the screen after {seconds:g} s:\n{screen}")

    def wait_gone(self, text: str, seconds: float = SECONDS) -> str:
        """Wait until the screen doesn't match `text` any more and give the screen."""
        wait_until(lambda: re.search(text, self.screen()) is None, f"{text!r} goes from the screen", seconds)
        return self.screen()

    def wait_exit(self, seconds: float = SECONDS) -> int:
        """Wait until the program has ended and give its exit status."""
        wait_until(lambda: self._dead()[0] == "1", "the program in the terminal ends", seconds)
        if not self._dead()[1]:
            # Builds of tmux with utempter lose the signal that carries the status; any other brings it.
            os.kill(self.pid, signal.SIGCHLD)
            wait_until(lambda: self._dead()[1] != "", "the program's exit status", seconds)
        return int(self._dead()[1])

    def _dead(self) -> list[str]:
        return (
            self._tmux("display-message", "-p", "-t", "t:", "#{pane_dead} #{pane_dead_status}")
            .rstrip("\n")
            .split(" ")
        )

    def close(self) -> None:
        """End the terminal; never raises, so that a failing test stays readable."""
        with contextlib.suppress(Exception):
            self._tmux("kill-server")
        with contextlib.suppress(Exception):
            wait_until(lambda: not is_running(self.pid), "the terminal's tmux ends")
        with contextlib.suppress(OSError):
            os.unlink(self.socket)

    def _tmux(self, *words: str) -> str:
        env = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
        done = subprocess.run(
            ["tmux", "-u", "-S", self.socket, *words],
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env=env,
        )
        if done.returncode != 0:
            raise AssertionError(f"tmux {' '.join(words)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode("utf-8", "replace")
