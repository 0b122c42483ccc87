"""Who the operator is in a test: whoever runs it, or an unprivileged user if that is root."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.worker.sandboxes import PACKAGES, become, python_for
from tests.worker.sandboxes import USER as OTHER


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
    python = python_for(OTHER)
    if python is None:
        return []
    environment = {"PYTHONPATH": PACKAGES, "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    return [Who("user", become(OTHER), python, environment)]
