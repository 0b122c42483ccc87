"""Profiles for tests of the sandbox itself: small, without what the safety domain adds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pancode.worker.seccomp import program
from tests.worker.sandboxes import python_for

EXEC_BOOT = Path(__file__).parents[2] / "pancode" / "worker" / "exec_boot.py"
BWRAP = shutil.which("bwrap")
UID = 1001
"""Of a user who needs no account here."""
NO_LIMITS: dict[str, Any] = dict.fromkeys(("memory_bytes", "processes", "cpu_cores", "file_bytes", "cpu_s"))

needs_bwrap = pytest.mark.skipif(BWRAP is None, reason="needs bubblewrap")
as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")


def options(tree: Path, *, git: bool = False) -> list[str]:
    """Give bwrap's options for a worker in `tree`; with `git`, its hooks are read-only."""
    found = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    found += ["--unshare-cgroup-try", "--disable-userns", "--cap-drop", "ALL"]
    found += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/run"]
    found += ["--bind", str(tree), str(tree)]
    if git:
        hooks = str(tree / ".git" / "hooks")
        found += ["--bind", str(tree / ".git"), str(tree / ".git"), "--ro-bind", hooks, hooks]
    return found


def profile(tree: Path, **changes: Any) -> dict[str, Any]:
    """Give a profile for a worker in `tree`; `limits` and `network` add to theirs."""
    limits, network = changes.pop("limits", {}), changes.pop("network", {})
    return {
        "kind": "bwrap",
        "program": BWRAP,
        "options": options(tree),
        "readable": ["/"],
        "writable": [str(tree), "/dev"],
        "landlock": False,
        "unix": False,
        "filter": program(unix=False).hex(),
        "worktree": str(tree),
        "masks": [],
        "stubs": {},
        "home": None,
        "network": {"forwards": [], "hosts": [], "proxy_port": None, "hook_port": None, **network},
        "logins": [],
        "resources": {**NO_LIMITS, **limits},
        "grade": {"sandbox": "full", "net": "off", "accepted": []},
        "ask_s": 60.0,
        "policy": "",
        **changes,
    }


def landlocked(tree: Path, **changes: Any) -> dict[str, Any]:
    """Give a profile without bwrap: the wall is Landlock's."""
    return profile(tree, kind="landlock", program=None, options=[], **changes)


class Boot:
    """Runs commands in the foreground, as `pancode sandbox exec` does."""

    def __init__(self, tree: Path, uid: int | None = None) -> None:
        self.tree = tree
        self.number = 0
        self.log = tree.parent / "log"
        self.before: list[str] = []
        self.interpreter = sys.executable
        if uid is not None:
            words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
            self.before = [*words, "--inh-caps=-all", "--bounding-set=-all"]
            self.interpreter = python_for(uid) or pytest.skip("needs a Python that others may start")
            os.chown(tree.parent, uid, uid)
            for place in (tree, *tree.rglob("*")):
                os.chown(place, uid, uid)

    def words(self, argv: Sequence[str], sandbox: Mapping[str, Any], **changes: Any) -> list[str]:
        self.number += 1
        path = self.tree.parent / f"exec-{self.number}.json"
        env = {"PATH": os.environ["PATH"], "HOME": str(self.tree), "LANG": "C.UTF-8"}
        spec = {"argv": argv, "cwd": str(self.tree), "env": env, "sandbox": sandbox, "log": str(self.log)}
        path.write_text(json.dumps({**spec, **changes}))
        return [*self.before, self.interpreter, "-I", "-S", str(EXEC_BOOT), str(path)]

    def run(
        self, *argv: str, sandbox: Mapping[str, Any] | None = None, **changes: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end, within 30 s."""
        return subprocess.run(
            self.words(argv, sandbox or profile(self.tree), **changes),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            stdin=subprocess.DEVNULL,
            env={"SECRET_OF_THE_OPERATOR": "hunter2"},
        )

    def python(self, code: str, **changes: Any) -> str:
        """Run Python code; give what it prints, or fails with."""
        done = self.run("/usr/bin/python3", "-I", "-S", "-c", code, **changes)
        return (done.stdout + done.stderr).strip()

    def shell(self, code: str, **changes: Any) -> str:
        """Run shell code; give what it says."""
        done = self.run("sh", "-c", code, **changes)
        return (done.stdout + done.stderr).strip()

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]
