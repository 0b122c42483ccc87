"""A throw-away operator's machine: home, projects, services, and one worker's tree in several layouts."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pancode
from tests.safety.escape.attempts.shape import DRIVER, Attempt
from tests.safety.escape.belongings import RULES, SECRETS
from tests.safety.escape.services import (
    Listeners,
    handle_of,
    message_queue,
    own_address,
    put_key,
    shared_memory,
    tmux_server,
)
from tests.safety.escape.who import Who

Layout = Literal["plain", "worktree", "shared", "folder", "none"]


@dataclass
class Stage:
    """Everything that attempts are made against; all of it is thrown away."""

    base: Path
    who: Who
    layout: Layout
    mark: str
    listeners: Listeners
    variables: dict[str, str] = field(default_factory=dict)
    victims: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    pts: int = -1

    @property
    def home(self) -> Path:
        """The operator's home."""
        return self.base / "home"

    @property
    def tree(self) -> Path:
        """The worker's work tree."""
        return self.home / "project" / "folder" if self.layout == "folder" else self.home / "project"

    @property
    def main(self) -> Path:
        """The operator's own repository."""
        return self.home / "main"

    @property
    def environment(self) -> dict[str, str]:
        """What the operator's shell has, secrets and all."""
        return {
            **self.who.environment,
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PANCODE_HOME": str(self.home / ".pancode"),
            "XDG_RUNTIME_DIR": str(self.base / "runtime"),
            "TMUX": f"{self.base}/tmux/s,1,0",
            "SSH_AUTH_SOCK": str(self.base / "runtime" / "agent"),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.base}/runtime/bus",
            "GITHUB_TOKEN": f"SECRET-{self.mark}-github",
            "AWS_SECRET_ACCESS_KEY": f"SECRET-{self.mark}-aws",
            "ANTHROPIC_API_KEY": f"SECRET-{self.mark}-model",
        }

    def token(self, attempt: Attempt) -> str:
        """Give the word that is this attempt's trace."""
        return f"T{self.mark}{zlib.crc32(attempt.name.encode()):08x}"

    def place(self, where: Literal["out", "open"], attempt: Attempt) -> Path:
        """Give one of the two directories outside that are the attempt's own."""
        return (self.home if where == "out" else self.base) / where / self.token(attempt)

    def prepare(self, attempts: Sequence[Attempt], *, inside: bool) -> Path:
        """Write the attempts into the tree, and give the program that makes them one after the other."""
        folder = self.tree / "attempts"
        folder.mkdir(exist_ok=True)
        made = []
        for number, attempt in enumerate(attempts):
            self._victims_of(attempt)
            file = folder / f"{number}.{'py' if attempt.python else 'sh'}"
            file.write_text(attempt.text)
            own = {
                "P_NAME": attempt.name,
                "P_TOKEN": self.token(attempt),
                "P_OUT": str(self.place("out", attempt)),
                "P_OPEN": str(self.place("open", attempt)),
                "P_VICTIM": str(self.victims[attempt.name].pid) if attempt.victim else "999999",
                "P_VICTIM_NAME": self.token(attempt),
            }
            made.append([str(file), str(folder / f"{self.token(attempt)}.out"), own])
        shared = {**self.variables, "P_INSIDE": "1" if inside else ""}
        program = folder / "all.py"
        program.write_text(f"SHARED = {shared!r}\nTREE = {str(self.tree)!r}\nMADE = {made!r}\n{DRIVER}")
        self.who.owns(self.base)
        return program

    def _victims_of(self, attempt: Attempt) -> None:
        for place in (self.place("out", attempt), self.place("open", attempt)):
            (place / "dir").mkdir(parents=True, exist_ok=True)
            (place / "file").write_text("original\n")
            (place / "dir" / "file").write_text("original\n")
        if attempt.victim:
            with open(self.base / "held-by-others") as held:
                self.victims[attempt.name] = subprocess.Popen(
                    [*self.who.prefix, "bash", "-c", f"exec -a {self.mark}-{self.token(attempt)} sleep 600"],
                    env={"PATH": "/usr/bin:/bin", "KEY": f"SECRET-{self.mark}-victim"},
                    pass_fds=[held.fileno()],
                    start_new_session=True,
                )

    def output(self, attempt: Attempt) -> str:
        """Give what the attempt said."""
        file = self.tree / "attempts" / f"{self.token(attempt)}.out"
        return file.read_text(errors="replace") if file.is_file() else ""

    def git(
        self, *words: str, at: Path | None = None, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run git as the operator does; in the worker's tree if `at` isn't given."""
        return subprocess.run(
            [*self.who.prefix, "git", "-C", str(at or self.tree), *words],
            env={**self.environment, "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            timeout=30,
            check=check,
        )


def repositories(stage: Stage) -> None:
    """Make the operator's repository and the worker's tree, in place of those that are there."""
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for folder in (stage.main, stage.home / "project", stage.home / "sibling", stage.base / "trusted"):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(stage.home / ".config" / "git", ignore_errors=True)
    (stage.home / ".gitconfig").write_text("[user]\n\tname = x\n\temail = x@example.com\n")
    stage.main.mkdir()
    stage.who.owns(stage.base)
    stage.git("init", "-q", "-b", "trunk", at=stage.main, check=True)
    (stage.main / "README").write_text("hello\n")
    (stage.main / ".gitignore").write_text("attempts/\n")
    stage.who.owns(stage.base)
    stage.git("add", "-A", at=stage.main, check=True)
    stage.git(*identity, "commit", "-qm", "first", at=stage.main, check=True)
    stage.git("branch", "keep", at=stage.main, check=True)
    (stage.main / "README").write_text("stashed\n")
    stage.git(*identity, "stash", at=stage.main, check=True)
    project = str(stage.home / "project")
    match stage.layout:
        case "worktree":
            sibling = str(stage.home / "sibling")
            stage.git("worktree", "add", "-q", "--detach", sibling, at=stage.main, check=True)
            stage.git("worktree", "add", "-q", "-b", "work", project, at=stage.main, check=True)
        case "shared":
            stage.git("clone", "-q", "--shared", str(stage.main), project, at=stage.home, check=True)
        case "none":
            os.mkdir(project)
        case "plain" | "folder":
            stage.git("clone", "-q", "--no-local", str(stage.main), project, at=stage.home, check=True)
    stage.tree.mkdir(exist_ok=True)
    stage.who.owns(stage.base)


def _listen(stage: Stage) -> dict[str, str]:
    listeners, stream = stage.listeners, socket.SOCK_STREAM
    tcp = listeners.add(socket.AF_INET, stream, ("", 0)).getsockname()[1]
    with contextlib.suppress(OSError):
        listeners.add(socket.AF_INET6, stream, ("::1", tcp))
    udp = listeners.add(socket.AF_INET, socket.SOCK_DGRAM, ("", 0)).getsockname()[1]
    memory = Path("/dev/shm") / f"pan-{stage.mark}"
    paths = {
        "P_UNIX": stage.home / "s",
        "P_AGENT": stage.base / "runtime" / "agent",
        "P_CONTROLLER": stage.base / "runtime" / "controller",
        "": stage.base / "open" / "s",
        "-": memory / "s",
    }
    for path in paths.values():
        listeners.add(socket.AF_UNIX, stream, str(path))
    listeners.add(socket.AF_UNIX, socket.SOCK_DGRAM, f"{paths['P_UNIX']}.dgram")
    listeners.add(socket.AF_UNIX, stream, f"\0{stage.mark}-abstract")
    return {
        **{name: str(path) for name, path in paths.items() if name.startswith("P")},
        "P_ABSTRACT": f"{stage.mark}-abstract",
        "P_TCP": str(tcp),
        "P_UDP": str(udp),
        "P_ADDRESS": own_address(),
    }


def rules(stage: Stage, *, unix: bool = False) -> str:
    """Give the operator's rules; `unix` says whether workers may make sockets that have a path."""
    port = stage.variables["P_TCP"]
    name = socket.gethostname()
    return RULES.format(open=stage.base / "open", port=port, name=name, unix=str(unix).lower())


def _furnish(stage: Stage, memory: Path, scratch: Path) -> None:
    for folder in (stage.home / "out", stage.base / "open", stage.base / "runtime", stage.base / "tmux"):
        folder.mkdir(parents=True)
    for name in SECRETS:
        file = stage.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"SECRET-{stage.mark}-{file.name}\n")
    (stage.home / "other" / "main.py").write_text("print()\n")
    (stage.base / "held-by-others").write_text(f"SECRET-{stage.mark}-held\n")
    (stage.base / "held-folder").mkdir()
    memory.mkdir()
    (memory / "secret").write_text(f"SECRET-{stage.mark}-memory\n")
    for shared in (stage.base, memory, scratch):
        shared.chmod(0o755)
    stage.who.owns(memory)
    stage.who.owns(scratch)


@contextlib.contextmanager
def stage(who: Who, layout: Layout) -> Iterator[Stage]:
    """Build the machine, and take it down with every process and file of it."""
    mark = f"pe{os.urandom(4).hex()}"
    base = Path(tempfile.mkdtemp(prefix="pan-", dir="/srv" if os.access("/srv", os.W_OK) else "/var/tmp"))
    memory = Path("/dev/shm") / f"pan-{mark}"
    scratch = Path(tempfile.mkdtemp(prefix="pan-"))
    one = Stage(base, who, layout, mark, Listeners())
    master, slave = os.openpty()
    secret = f"SECRET-{mark}"
    with contextlib.ExitStack() as stack:
        stack.callback(_clear, one, memory, scratch, (master, slave))
        _furnish(one, memory, scratch)
        one.variables.update(_listen(one))
        one.who.owns(one.base)
        repositories(one)
        os.set_blocking(master, False)
        os.chmod(os.ttyname(slave), 0o666)  # noqa: S103 - only the sandbox is to keep writers off
        one.pts = master
        put_key(mark, f"{secret}-key")
        plain = {"PATH": "/usr/bin:/bin", "HOME": str(one.home)}
        stack.enter_context(tmux_server(who.prefix, base / "tmux" / "s", plain))
        one.variables.update(
            P_MARK=mark,
            P_BASE=str(base),
            P_HOME=str(one.home),
            P_WT=str(one.tree),
            P_MAIN=str(one.main),
            P_PANHOME=str(one.home / ".pancode"),
            P_CODE=os.path.dirname(pancode.__file__),
            P_TMUX=str(base / "tmux" / "s"),
            P_TMP=str(scratch),
            P_SHM=memory.name,
            P_PTS=os.ttyname(slave),
            P_KEY=mark,
            P_SYSV=str(stack.enter_context(shared_memory(f"{secret}-sysv"))),
            P_MQ=stack.enter_context(message_queue(f"/{mark}", f"{secret}-queue")),
            P_HANDLE=handle_of(base / "held-by-others"),
        )
        (one.home / ".pancode" / "pansafety.yaml").write_text(rules(one))
        one.who.owns(one.home / ".pancode")
        yield one


def _clear(one: Stage, memory: Path, scratch: Path, terminal: tuple[int, int]) -> None:
    for victim in one.victims.values():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(victim.pid, signal.SIGKILL)
        victim.wait()
    one.listeners.close()
    for fd in terminal:
        os.close(fd)
    for folder in (one.base, memory, scratch):
        shutil.rmtree(folder, ignore_errors=True)
