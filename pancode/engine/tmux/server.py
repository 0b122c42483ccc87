"""A session's own tmux server: whether it lives, one command at a time, and its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import stat
import struct
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pancode.core.errors import ExitCode, PanError
from pancode.engine.tmux.failure import TmuxError, TmuxGoneError, TmuxTimeoutError
from pancode.engine.tmux.text import chain_word

COMMAND_SECONDS = 5.0
"""A command takes 2 ms; a server that needs this long is stopped or hangs."""
KILL_SECONDS = 2.0
"""How long a server may take to hear that it is to end, before it counts as stopped."""
END_SECONDS = 5.0
"""How long a server may take to go after it was told to, before it is killed."""

_PEER = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Socket:
    """What is at the path of a server's socket; `pid` is the server's, 0 unless it is alive."""

    state: Literal["absent", "stale", "alive", "hung"]
    pid: int = 0


def look(path: str) -> Socket:
    """Find out, without starting a process, whether a server listens at `path`.

    PanError (ENVIRONMENT) where something else than a socket is in its place.
    """
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise PanError(
                f'"{path}" is in the way: it is not a socket',
                remedy=f"rm {path}",
                code=ExitCode.ENVIRONMENT,
            )
    except FileNotFoundError:
        return Socket("absent")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(COMMAND_SECONDS)
        try:
            client.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return Socket("stale")
        except TimeoutError:
            return Socket("hung")
        raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return Socket("alive", _PEER.unpack(raw)[0])


def remove_stale(path: str) -> bool:
    """Unlink the socket of a server that is gone; True if there was one."""
    if look(path).state != "stale":
        return False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return True


class Server:
    """A tmux server by its socket; every call here starts one `tmux` and has a time limit."""

    def __init__(self, path: str, binary: str = "tmux") -> None:
        """Name the server; nothing is started."""
        self.path = path
        self.binary = binary

    def argv(self, *words: str) -> list[str]:
        """Give the command line that sends `words` to this server."""
        return [self.binary, "-S", self.path, *words]

    def run(self, *words: str, stdin: str = "", timeout: float = COMMAND_SECONDS) -> list[str]:
        """Run one command, or several with ";" words between them, on the living server; give its lines.

        TmuxError with tmux's words if it refuses, TmuxGoneError if no server is there,
        TmuxTimeoutError after `timeout` seconds.
        """
        return _run(self.argv(*words), stdin, timeout, None)

    def start(self, conf: str, commands: Sequence[Sequence[str]], env: Mapping[str, str], stdin: str) -> None:
        """Start the server with `conf` and run `commands` in the same call; `stdin` feeds `source-file -`."""
        words = ["-f", conf]
        for number, command in enumerate(commands):
            words += [";"] * (number > 0) + [chain_word(word) for word in command]
        _run(self.argv(*words), stdin, COMMAND_SECONDS * 2, env)

    def has_session(self, name: str) -> bool:
        """Whether the living server has a session of exactly this name."""
        try:
            self.run("has-session", "-t", f"={name}")
        except TmuxTimeoutError:
            raise
        except TmuxError:
            return False
        return True

    def kill(self, pid: int) -> None:
        """End the server whose process is `pid` and return when it is gone, its socket unlinked.

        A server that doesn't listen is killed: its panes then get SIGHUP from the kernel all the same.
        """
        patience = END_SECONDS
        try:
            self.run("kill-server", timeout=KILL_SECONDS)
        except TmuxTimeoutError:
            patience = 0.0
        except TmuxError:
            pass
        if pid and not wait_gone(pid, patience):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_gone(pid, END_SECONDS)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def _run(argv: Sequence[str], stdin: str, timeout: float, env: Mapping[str, str] | None) -> list[str]:
    try:
        done = subprocess.run(
            argv,
            input=stdin.encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=timeout,
            env=env,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TmuxTimeoutError(f"no answer within {timeout:g} s") from None
    except OSError as error:
        raise TmuxError(f"{argv[0]} can't be started: {error}", code=ExitCode.PREREQUISITE) from None
    if done.returncode != 0:
        message = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
        gone = ("no server running", "error connecting", "lost server", "server exited")
        raise TmuxGoneError(message) if message.startswith(gone) else TmuxError(message)
    return done.stdout.decode("utf-8", "replace").splitlines()


def wait_gone(pid: int, seconds: float) -> bool:
    """Wait until the process `pid` has ended; False if it is still there after `seconds`."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ready = select.poll()
        ready.register(descriptor, select.POLLIN)
        return bool(ready.poll(seconds * 1000))
    finally:
        os.close(descriptor)
