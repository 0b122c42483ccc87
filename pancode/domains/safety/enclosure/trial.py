"""One trial of the canaries in a sandbox, judged from outside of it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pancode.core.errors import PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.safety.enclosure import acts
from pancode.domains.safety.enclosure.asks import EnclosureAsk, Machine
from pancode.domains.safety.enclosure.executing import Command, folder, prepared, words
from pancode.domains.safety.enclosure.grade import LANDLOCK_TCP
from pancode.domains.safety.enclosure.network import ports

TRIAL_S = 30.0
"""A trial takes a tenth of that on a busy machine; a sandbox that hangs is none."""
TRIALS = 3
WORDLESS = "it ended without a word"
_KEPT = ("PATH", "HOME", "LANG")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it: per act what stopped it ("": nothing) by its own word; the acts `seen` to have worked.

    `told` is None when the sandbox couldn't be made; then `problem` says why.
    """

    told: Mapping[str, str] | None
    seen: frozenset[str]
    limits: str
    problem: str


def attempt(machine: Machine, pancode_home: str, environment: Mapping[str, str]) -> Attempt:
    """Try every act in the sandbox that `machine` could make; PanError where PANCODE_HOME can't be used.

    A trial that ended without a word was killed, which says nothing about the machine: it is made again.
    """
    for _ in range(TRIALS - 1):
        made = _attempt(machine, pancode_home, environment)
        if made.told is not None or made.problem != WORDLESS:
            return made
    return _attempt(machine, pancode_home, environment)


def _attempt(machine: Machine, pancode_home: str, environment: Mapping[str, str]) -> Attempt:
    with folder(pancode_home) as run_dir:
        tree = os.path.join(run_dir, "tree")
        _plant(run_dir, tree)
        proxy, _ = ports(machine)
        strong = machine.sandbox == "full" or machine.landlock_abi >= LANDLOCK_TCP
        level = Level.AUTO_EDIT if strong else Level.SUGGEST
        kept = {name: environment[name] for name in _KEPT if name in environment}
        ask = EnclosureAsk(
            grant=Grant(Mode.BUILD, level),
            cwd=tree,
            run_dir=run_dir,
            pancode_home=pancode_home,
            environment=kept,
            machine=machine,
            proxy_port=proxy,
            accept=frozenset({"fs-only"}),
        )
        return _run(ask, kept)


def _plant(run_dir: str, tree: str) -> None:
    for path in (
        tree,
        os.path.join(run_dir, "outside"),
        *(f"{tree}/.git/{name}" for name in ("objects", "refs")),
    ):
        os.makedirs(path, mode=0o700)
    texts = {"secret": "token", "tree/.git/HEAD": "ref: refs/heads/main\n", "tree/.git/config": "[core]\n"}
    for name, text in texts.items():
        with open(os.path.join(run_dir, name), "w", encoding="utf-8") as file:
            file.write(text)


def _run(ask: EnclosureAsk, environment: Mapping[str, str]) -> Attempt:
    run_dir, tree = ask.run_dir, ask.cwd
    token = f"pancode-canary-{secrets.token_hex(6)}"
    seen, unseen, name = os.path.join(tree, "s"), os.path.join(run_dir, "s"), f"@{token}"
    with _Ears([seen, unseen, name]) as ears:
        plan = {
            "outside": os.path.join(run_dir, "outside"),
            "secret": os.path.join(run_dir, "secret"),
            "port": ears.port,
            "sockets": [seen, unseen, name],
            "pid": os.getpid(),
            "tree": tree,
            "token": token,
        }
        path = os.path.join(tree, "plan.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(plan, file)
        log = os.path.join(run_dir, "log")
        argv = (sys.executable, "-I", "-S", os.path.abspath(acts.__file__), path)
        try:
            spec = prepared(ask, Command(argv, environment, log))
            done = subprocess.run(
                words(spec), capture_output=True, text=True, timeout=TRIAL_S, check=False, env={},
                stdin=subprocess.DEVNULL, errors="replace",
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError, PanError) as error:
            return Attempt(None, frozenset(), "none", str(error).splitlines()[0])
        judged = _judged(ask, token) | ears.heard()
    return Attempt(_answer(done.stdout), judged, _applied(log), _last(done.stderr))


def _judged(ask: EnclosureAsk, token: str) -> frozenset[str]:
    """Give the acts that have worked, as seen from outside."""
    tool = os.path.join(ask.cwd, "tool")
    with open(os.path.join(ask.cwd, ".git/config"), encoding="utf-8") as file:
        config = file.read()
    worked = {
        "write-outside": os.path.exists(os.path.join(ask.run_dir, "outside", "written")),
        "change-git": config != "[core]\n",
        "plant-settings": os.path.exists(os.path.join(ask.cwd, ".claude", "settings.json")),
        "set-uid": os.path.exists(tool) and bool(os.stat(tool).st_mode & 0o6000),
        "survive": _lives(token),
    }
    return frozenset(name for name, is_so in worked.items() if is_so)


def _lives(token: str) -> bool:
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if token.encode() in file.read():
                        return True
            except OSError:
                continue
    return False


def _answer(text: str) -> Mapping[str, str] | None:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _applied(log: str) -> str:
    try:
        with open(log, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
    except (OSError, ValueError):
        return "none"
    return next((str(each["limits"]) for each in records if each.get("kind") == "exec"), "none")


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("pancode: ") if lines else WORDLESS


class _Ears:
    """Listeners on this machine; `heard` gives the acts that reached one."""

    def __init__(self, sockets: Sequence[str]) -> None:
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._tcp.getsockname()[1]
        self._all = [self._tcp]
        for path in sockets:
            ear = socket.socket(socket.AF_UNIX)
            self._all.append(ear)
            with contextlib.suppress(OSError):  # A path that is too long for a socket is nobody's.
                ear.bind(path.replace("@", "\0", 1) if path.startswith("@") else path)
                ear.listen()

    def heard(self) -> frozenset[str]:
        found = set()
        for ear in self._all:
            ear.setblocking(False)
            try:
                line, _ = ear.accept()
            except OSError:
                continue
            line.close()
            found.add("connect-out" if ear is self._tcp else "reach-socket")
        return frozenset(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for ear in self._all:
            ear.close()
