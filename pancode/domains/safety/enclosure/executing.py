"""Runs one command in a sandbox, in the foreground and without a session."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.enclosure.asks import EnclosureAsk
from pancode.domains.safety.enclosure.home import prepare_home
from pancode.domains.safety.enclosure.network import ports
from pancode.domains.safety.enclosure.profile import build
from pancode.domains.safety.enclosure.surroundings import inside, operators
from pancode.engine.places import private_directory

FOLDER = "exec"
"""Below PANCODE_HOME: one directory for each command that runs, gone after it."""
_PR_SET_PDEATHSIG = 1
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be run, and the operator's variables."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: str | None = None  # a file for what the network was asked for


def boot() -> str:
    """Give the path of the worker's program for a command in the foreground."""
    own = os.path.abspath(__file__)
    return os.path.join(own.partition("/domains/")[0], "worker", "exec_boot.py")


def execute(ask: EnclosureAsk, command: Command) -> int:
    """Run `command` as `ask` says, on this terminal; give its status (128 and the number for a signal).

    The private home is gone afterwards. PanError as for `build`.
    """
    with folder(ask.pancode_home) as run_dir:
        proxy, hook = ports(ask.machine)
        ask = replace(ask, run_dir=run_dir, proxy_port=proxy, hook_port=hook if ask.hook_port else None)
        return _wait(_start(words(prepared(ask, command))))


def words(spec: str) -> list[str]:
    """Give the command line that runs what `prepared` wrote."""
    return [sys.executable, "-I", "-S", boot(), spec]


def prepared(ask: EnclosureAsk, command: Command) -> str:
    """Make the private home, and write what is to be run into the run's folder; give that file's path."""
    sandbox = build(ask)
    prepare_home(sandbox, ask)
    spec = {
        "argv": list(command.argv),
        "cwd": os.path.realpath(ask.cwd),
        "env": inside(sandbox, operators(command.environment)),
        "sandbox": sandbox,
        "log": command.log,
    }
    path = os.path.join(ask.run_dir, "spec.json")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
        json.dump(spec, file)
    return path


def _start(argv: list[str]) -> int:
    parent = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    pid = os.fork()
    if pid == 0:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() == parent:
                os.execve(argv[0], argv, {"PATH": os.defpath})  # noqa: S606 -- no shell is wanted
        finally:
            os._exit(125)
    return pid


def _wait(pid: int) -> int:
    """Wait for `pid`, passing on what this process is told to do; the terminal tells both by itself."""

    def pass_on(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    before |= {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    try:
        _, status = os.waitpid(pid, 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


@contextlib.contextmanager
def folder(pancode_home: str) -> Iterator[str]:
    """Make a private directory for one command, and remove it in the end; also what killed ones left."""
    private_directory(pancode_home, "PANCODE_HOME")
    top = os.path.join(pancode_home, FOLDER)
    private_directory(top, "PANCODE_HOME")
    _clear(top)
    made = os.path.join(top, f"{os.getpid()}-{secrets.token_hex(4)}")
    try:
        os.mkdir(made, 0o700)
    except OSError as error:
        problem = f'can\'t make "{made}": {os.strerror(error.errno or 0).lower()}'
        raise PanError(problem, remedy="free some space", code=ExitCode.ENVIRONMENT) from None
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _clear(top: str) -> None:
    for name in os.listdir(top):
        pid = name.partition("-")[0]
        if pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(os.path.join(top, name), ignore_errors=True)
