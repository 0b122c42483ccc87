"""Packages of npm that a runtime needs: as our lock has them, in a folder below PANCODE_HOME."""

from __future__ import annotations

import json
import os

from pancode.engine.shipped import npm_dir

FILES = ("package.json", "package-lock.json")


def folder(home: str, name: str) -> str:
    """Give where the packages of runtime `name` are, installed or not."""
    return os.path.join(home, "runtimes", name)


def version(home: str, name: str) -> str | None:
    """Give the version of the runtime's package; None if it isn't installed as our lock has it."""
    where, ours = folder(home, name), os.path.join(npm_dir(), name)
    if _text(os.path.join(where, FILES[1])) != _text(os.path.join(ours, FILES[1])):
        return None
    ((package, wanted),) = json.loads(_text(os.path.join(ours, FILES[0])))["dependencies"].items()
    return str(wanted) if os.path.isdir(os.path.join(where, "node_modules", package)) else None


def below(found: str | None, least: str | None) -> bool:
    """Whether a version is below the least one that will do.

    >>> below("20.20.2", "22.13"), below("22.13.0", "22.13"), below("24.1.0", None)
    (True, False, False)
    """
    return found is not None and least is not None and _numbers(found) < _numbers(least)


def too_old(program: str, least: str | None, found: str | None) -> str:
    """Say that a program is too old.

    >>> too_old("node", "22.13", "20.20.2")
    'it needs node 22.13 or later, and this is 20.20.2'
    """
    return f"it needs {program} {least} or later, and this is {found}"


def remedy(runtime: str) -> str:
    """Give the command that installs a runtime's packages."""
    return f"pancode runtimes install {runtime}"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split("-", maxsplit=1)[0].split(".") if part.isdecimal()]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
