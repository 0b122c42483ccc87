"""The checkout as the tests about the project see it."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def path(*parts: str) -> str:
    return os.path.join(ROOT, *parts)


def read(name: str) -> str:
    with open(path(name), encoding="utf-8") as file:
        return file.read()


def python_files(*folders: str) -> list[str]:
    """Give every Python file below these folders, as paths from the root."""
    found = []
    for folder in folders:
        for directory, _, names in os.walk(path(folder)):
            found += [os.path.join(directory, name) for name in names if name.endswith(".py")]
    return sorted(os.path.relpath(name, ROOT) for name in found)


def parse(name: str) -> ast.Module:
    return ast.parse(read(name), name)


def own_files() -> list[str]:
    """Give every file that is in git or would go into it; skip where there is no git to ask."""
    if shutil.which("git") is None or not os.path.exists(path(".git")):
        pytest.skip("this is no git checkout")
    # In CI the checkout may belong to somebody else, which git distrusts.
    git = ["git", "-c", f"safe.directory={ROOT}", "-C", ROOT]
    command = [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in set(listed) if name and os.path.isfile(path(name)))
