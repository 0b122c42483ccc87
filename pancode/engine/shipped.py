"""Where the files that ship with PanCode are: in a wheel inside the package, in a checkout beside it."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _find(folder: str) -> str:
    inside = os.path.join(_PACKAGE, "_shipped", folder)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_PACKAGE), folder)


def adapters_dir() -> str:
    """Give the absolute path of the shipped adapters."""
    return _find("adapters")


def layouts_dir() -> str:
    """Give the absolute path of the shipped layouts."""
    return _find("layouts")


def npm_dir() -> str:
    """Give the absolute path of what runtimes need of npm: a folder for each, with its lock."""
    return os.path.join(_PACKAGE, "bridges", "npm")


def judge_file() -> str:
    """Give the absolute path of the program that judges a result."""
    return os.path.join(_PACKAGE, "engine", "schemas.py")


def boot_file() -> str:
    """Give the absolute path of the worker's start file."""
    return os.path.join(_PACKAGE, "worker", "boot.py")


def holder_file() -> str:
    """Give the absolute path of the program that holds the pane of a forked worker."""
    return os.path.join(_PACKAGE, "worker", "holder.sh")
