"""Who a sandbox is tried as, and whether one can be made here at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache

USER = 1001
"""The uid of an unprivileged user; nobody needs to have it."""


def become(uid: int) -> list[str]:
    """Give the words before a command that make it run as `uid`; none if that is who we are."""
    if uid == os.getuid():
        return []
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]


@cache
def python_for(uid: int) -> str | None:
    """Give an interpreter that `uid` can run and that finds PanCode; None if there is none."""
    if uid != os.getuid() and shutil.which("setpriv") is None:
        return None
    done = subprocess.run(
        [*become(uid), sys.executable, "-c", "import pancode.cli.main"],
        cwd="/", capture_output=True, check=False, env={"PATH": os.environ["PATH"], "HOME": "/"},
    )  # fmt: skip
    return sys.executable if done.returncode == 0 else None


@cache
def works() -> bool:
    """Whether bubblewrap can make namespaces here."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    command = [program, "--unshare-user", "--unshare-net", "--ro-bind", "/", "/", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
