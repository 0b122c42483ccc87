"""Who a sandbox is tried as, and whether one can be made here at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

PACKAGES = os.pathsep.join([str(Path(__file__).parents[2]), sysconfig.get_path("purelib")])
"""Where PanCode and what it needs lie, for an interpreter of the system's."""
USER = 1001
"""The uid of an unprivileged user; nobody needs to have it."""


def become(uid: int) -> list[str]:
    """Give the words before a command that make it run as `uid`; none if that is who we are.

    What setpriv itself starts may still lie where only root looks, so it starts `env`, which starts the rest.
    """
    if uid == os.getuid():
        return []
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--", "env"]


@cache
def python_for(uid: int) -> str | None:
    """Give an interpreter that `uid` can run and that finds PanCode; None if there is none."""
    if uid != os.getuid() and shutil.which("setpriv") is None:
        return None
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    environment = {"PATH": os.environ["PATH"], "HOME": "/", "PYTHONPATH": PACKAGES}
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        tried = [*become(uid), python, "-c", "import pancode.cli.main, pancode.domains.safety.typed"]
        if not subprocess.run(tried, cwd="/", capture_output=True, check=False, env=environment).returncode:
            return python
    return None


@cache
def works() -> bool:
    """Whether bubblewrap can make namespaces here."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    command = [program, "--unshare-user", "--unshare-net", "--ro-bind", "/", "/", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
