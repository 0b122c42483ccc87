"""What shows, from outside, that an attempt got out."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.safety.escape.attempts.shape import Attempt
from tests.safety.escape.services import command_lines
from tests.safety.escape.stage import Stage

GOVERNANCE = (
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".codex/config.toml",
    ".gemini/settings.json",
    ".opencode/opencode.json",
    ".vscode/tasks.json",
    ".cursor/mcp.json",
    ".idea/x.xml",
    ".mcp.json",
    ".envrc",
)
NOTHING = "/dev/null"
_PINNED = ("core.fsmonitor=false", f"core.hooksPath={NOTHING}", f"core.attributesFile={NOTHING}")
TRUSTED = tuple(word for one in _PINNED for word in ("-c", one))
TRUSTED_WORDS = (("read-tree", "HEAD"), ("status", "--porcelain"), ("diff",), ("add", "-A", "-n"))
SYSTEM = ("/etc", "/usr", "/usr/bin", "/usr/local/bin", "/var", "/opt", "/srv", "/mnt", "/home", "/root")
LOOKS = 3
GONE_S = 10.0
"""How long the last process of a run may take to be gone."""


@dataclass(frozen=True)
class Before:
    """How things stood before the attempts."""

    places: Mapping[str, object]
    main: dict[str, object]


@dataclass
class Findings:
    """What each attempt is found to have done; an attempt without an entry was stopped."""

    by_name: dict[str, list[str]] = field(default_factory=dict)

    def add(self, attempt: Attempt, what: str) -> None:
        """Write down that `attempt` got out, and how it shows."""
        self.by_name.setdefault(attempt.name, []).append(what)


def snapshot(folder: Path) -> dict[str, object]:
    """Give name -> what is there, with contents, modes, owners, times and attributes."""
    found: dict[str, object] = {}
    for where, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(where, name)
            known = os.lstat(path)
            regular = stat.S_ISREG(known.st_mode)
            every = os.listxattr(path, follow_symlinks=False)
            marks = [one for one in every if one.startswith(("user.", "security.c"))]
            text = Path(path).read_bytes() if regular else b""
            when = int(known.st_mtime) if regular else 0
            found[os.path.relpath(path, folder)] = (known.st_mode, known.st_uid, when, text, marks)
    return found


def main_repository(stage: Stage) -> dict[str, object]:
    """Give the state of the operator's own repository, as far as no worker has to do with it."""
    own = (".git/worktrees/", ".git/objects", ".git/refs/heads/work", ".git/logs/refs/heads/work")
    return {
        name: what
        for name, what in snapshot(stage.main).items()
        if not name.startswith(own)
        and name not in {".git/index", ".git/worktrees", ".git/logs/refs/heads", ".git/refs/heads"}
    }


def before(stage: Stage, attempts: Sequence[Attempt]) -> Before:
    """Look at everything once, before the attempts are made."""
    places = {
        f"{where} {attempt.name}": snapshot(stage.place(where, attempt))
        for attempt in attempts
        for where in ("out", "open")
    }
    return Before(places, main_repository(stage))


def look(stage: Stage, attempts: Sequence[Attempt], then: Before) -> Findings:
    """Find out which of `attempts` got out, once everything that was started has ended."""
    findings = Findings()
    terminal = _read(stage.pts)
    texts = list(_protected_texts(stage))
    damage = _damage(stage, then) if any(attempt.lane.startswith("git main") for attempt in attempts) else ""
    for attempt in attempts:
        token = stage.token(attempt)
        said = stage.output(attempt)
        signs = {
            "read a secret": f"SECRET-{stage.mark}" in said,
            "opened what is closed": f"GOT {token}" in said,
            "was heard by a listener": token.encode() in stage.listeners.heard,
            "wrote to another terminal": token.encode() in terminal,
            "ended another process": attempt.victim and stage.victims[attempt.name].poll() is not None,
            f"changed {damage}": damage and attempt.lane.startswith("git main"),
        }
        signs |= {f"wrote {path}": True for path, text in texts if token in path or token.encode() in text}
        signs |= {f"left {path}": True for path in _marked(stage, attempt)}
        for where in ("out", "open"):
            now = snapshot(stage.place(where, attempt))
            signs[f"changed its directory {where}"] = now != then.places[f"{where} {attempt.name}"]
        for sign in (sign for sign, shows in signs.items() if shows):
            findings.add(attempt, sign)
    return findings


def running(stage: Stage, attempts: Sequence[Attempt]) -> dict[str, list[int]]:
    """Give the processes that have the token of one of `attempts`, without the victims: name -> pids."""
    lines = command_lines()
    tokens = {attempt.name: stage.token(attempt).encode() for attempt in attempts if not attempt.victim}
    pids = {name: [pid for pid, line in lines.items() if token in line] for name, token in tokens.items()}
    return {name: those for name, those in pids.items() if those}


def is_sleeper(pid: int) -> bool:
    """Whether the process is Python that sleeps, and not who started it."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as line:
        return line.read().split(b"\0")[1:3] == [b"-c", b"import time; time.sleep(77)"]
    return False


def survivors(stage: Stage, attempts: Sequence[Attempt], findings: Findings, patience: float) -> None:
    """Add what still runs after `patience` seconds, and end it."""
    end = time.monotonic() + patience
    empty = 0  # looks in a row at which nothing ran: one look can miss a chain of forks
    while empty < LOOKS and (not (left := running(stage, attempts)) or time.monotonic() < end):
        empty = 0 if left else empty + 1
        time.sleep(0.02)
    for attempt in attempts:
        if attempt.name in left:
            findings.add(attempt, "outlived the run")
    while left := running(stage, attempts):
        for pid in {pid for those in left.values() for pid in those}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def later(stage: Stage, attempts: Sequence[Attempt], findings: Findings, *, trusted: bool) -> None:
    """Do with git what is done after a run, in the plain way; before that in the `trusted` one, too."""
    folder = stage.base / "trusted"
    for words in TRUSTED_WORDS if trusted else ():
        _trusted_git(stage, folder, words)
    ran = {attempt.name for attempt in attempts if (stage.place("out", attempt) / "ran").exists()}
    for attempt in attempts:
        if attempt.name in ran:
            findings.add(attempt, "ran outside, by the trusted git or before it")
    for words in (("status",), ("diff",)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            stage.git(*words)
            stage.git(*words, at=stage.main)
    for attempt in attempts:
        if attempt.name not in ran and (stage.place("out", attempt) / "ran").exists():
            findings.add(attempt, "ran outside, by the plain git")


def _trusted_git(stage: Stage, folder: Path, words: Sequence[str]) -> None:
    run = [*stage.who.prefix, "git"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    if not folder.exists():
        clone = [*run, "clone", "-q", "--bare", "--shared", str(stage.main), str(folder)]
        subprocess.run(clone, env=stage.environment, check=False)
    subprocess.run(
        [*run, f"--git-dir={folder}", f"--work-tree={stage.tree}", *TRUSTED, *words],
        env=environment,
        cwd=stage.tree,
        check=False,
        capture_output=True,
        timeout=30,
    )


def _read(fd: int) -> bytes:
    data = b""
    with contextlib.suppress(OSError):
        while part := os.read(fd, 65536):
            data += part
    return data


def _protected_texts(stage: Stage) -> Iterator[tuple[str, bytes]]:
    """Give path and content of what no worker may write: home, settings, what is held open."""
    places = [stage.tree / name for name in GOVERNANCE]
    places += [one for top in SYSTEM for one in Path(top).glob(f"T{stage.mark}*")]
    for git in {stage.tree / ".git", stage.home / "project" / ".git"}:
        places += [git / name for name in ("config", "commondir", "config.worktree", "info/attributes")]
        places += list((git / "hooks").glob("*")) if git.is_dir() else []
    places += list(stage.main.glob(".git/worktrees/*/*"))
    for top in [stage.home, *stage.base.glob("held-*"), *map(Path, _scratch(stage))]:
        for where, folders, files in os.walk(top):
            skipped = {stage.home / "project", stage.main, stage.home / "out", stage.home / ".pancode"}
            folders[:] = [name for name in folders if Path(where, name) not in skipped]
            places += [Path(where, name) for name in files]
        places += [top] if top.is_file() else []
    panhome = stage.home / ".pancode"
    places += [panhome / "audit.jsonl", panhome / "pansafety.yaml", *panhome.glob("projects/other/runs/r1/*")]
    for place in places:
        if place.is_file():
            yield str(place), place.read_bytes()


def _scratch(stage: Stage) -> tuple[str, str]:
    return stage.variables["P_TMP"], "/dev/shm/" + stage.variables["P_SHM"]


def _damage(stage: Stage, then: Before) -> str:
    now = main_repository(stage)
    other = sorted({name for name in {*now, *then.main} if now.get(name) != then.main.get(name)})
    objects = stage.git("fsck", "--connectivity-only", "--no-dangling", at=stage.main)
    if objects.returncode:
        other.append(f"objects: {objects.stderr[:200]}")
    return ", ".join(other)


def _marked(stage: Stage, attempt: Attempt) -> list[str]:
    """Give the set-uid files, device nodes and files with capabilities that `attempt` names and has left."""
    found = []
    for path in stage.tree.iterdir():
        if not (path.name.startswith(("suid-", "node-", "cap-")) and path.name in attempt.text):
            continue
        mode = path.lstat().st_mode
        device = stat.S_ISBLK(mode) or stat.S_ISCHR(mode)
        if mode & 0o6000 or device or "security.capability" in os.listxattr(path):
            found.append(f"{path.name} with {stat.filemode(mode)}")
    return found
