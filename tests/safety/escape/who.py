"""Who the operator is in a test: whoever runs it, or an unprivileged user if that is root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import pancode

OTHER = 1001
"""The uid of the unprivileged user; nobody needs to have it."""


@dataclass(frozen=True)
class Who:
    """A user, and how to start programs as that user."""

    name: str
    prefix: list[str] = field(default_factory=list)
    python: str = sys.executable
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> bool:
        """Whether this is root."""
        return self.name == "root"

    def owns(self, folder: Path) -> None:
        """Make the user the owner of all of `folder`."""
        if not self.prefix:
            return
        for where, folders, files in os.walk(folder):
            for name in ["", *folders, *files]:
                os.chown(os.path.join(where, name), OTHER, OTHER, follow_symlinks=False)

    @property
    def pancode(self) -> list[str]:
        """The words that start pancode as this user."""
        return [*self.prefix, self.python, "-m", "pancode"]


def everybody() -> list[Who]:
    """Give the users of this machine that can be tried."""
    if os.geteuid() != 0:
        return [Who("user")]
    return [Who("root"), *_unprivileged()]


def _unprivileged() -> list[Who]:
    if shutil.which("setpriv") is None:
        return []
    who = [f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups"]
    prefix = ["setpriv", *who, "--", "env"]  # the second start is without what root may
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    parts = [os.path.dirname(os.path.dirname(pancode.__file__)), sysconfig.get_path("purelib")]
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        environment = {"PYTHONPATH": os.pathsep.join(parts), "PYTHONDONTWRITEBYTECODE": "1"}
        environment["PATH"] = "/usr/bin:/bin"
        tried = subprocess.run(
            [*prefix, python, "-m", "pancode", "--version"],
            env=environment,
            cwd="/",
            check=False,
            capture_output=True,
        )
        if tried.returncode == 0:
            return [Who("user", prefix, python, environment)]
    return []
