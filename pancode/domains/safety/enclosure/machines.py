"""Remembers what the probe found, for as long as nothing has changed that it depends on."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from pancode.domains.safety.enclosure.asks import Canary, Machine
from pancode.domains.safety.enclosure.probe import bubblewrap, look
from pancode.engine.files import read_json, stamp, write_json
from pancode.engine.places import private_directory
from pancode.version import __version__

BAD_NEWS_S = 60.0
"""How long a machine without the sandbox is taken for one."""
_FORMAT = 1


def known_machine(pancode_home: str, environment: Mapping[str, str] | None = None) -> Machine:
    """Give what this machine can enforce; looks (some tenths of a second) unless it is known since the boot.

    PanError ENVIRONMENT where PANCODE_HOME can't be used.
    """
    kept = remembered(pancode_home)
    return fresh_machine(pancode_home, environment) if kept is None else kept


def fresh_machine(pancode_home: str, environment: Mapping[str, str] | None = None) -> Machine:
    """Look at this machine, and remember what was found."""
    machine = look(pancode_home, os.environ if environment is None else environment)
    path = _path(pancode_home)
    private_directory(os.path.dirname(path), "PANCODE_HOME")
    write_json(path, {"key": _key(), "machine": asdict(machine)})
    return machine


def remembered(pancode_home: str) -> Machine | None:
    """Give what is known, None if nothing is or something has changed; costs a few file reads."""
    path = _path(pancode_home)
    key, machine = _kept(path, stamp(path))
    if machine is None or key != _key():
        return None
    try:
        # What is missing may have been mended meanwhile, and nothing tells of that.
        return machine if machine.sandbox == "full" or _age(pancode_home) < BAD_NEWS_S else None
    except OSError:
        return None


@lru_cache(maxsize=1)
def _kept(path: str, _stamp: object) -> tuple[Any, Machine | None]:
    """Read the file, once for as long as it stays as it is: every run asks for the machine."""
    kept = read_json(path) or {}
    try:
        return kept["key"], _machine(kept["machine"])
    except (KeyError, TypeError):
        return None, None


def _age(pancode_home: str) -> float:
    return time.time() - os.stat(_path(pancode_home)).st_mtime


def _machine(fields: dict[str, Any]) -> Machine:
    canaries = tuple(Canary(**each) for each in fields["canaries"])
    return Machine(**{**fields, "hidden": tuple(fields["hidden"]), "canaries": canaries})


def _path(pancode_home: str) -> str:
    return os.path.join(pancode_home, "cache", "machine.json")


def _key() -> list[Any]:
    """Give what the answer depends on: boot, kernel, user, bubblewrap's file, /etc's files, PanCode."""
    program = bubblewrap()
    about = os.stat(program) if program else None
    as_it_is = [about.st_mtime_ns, about.st_size, about.st_mode] if about else None
    system = [_boot(), os.uname().release, os.geteuid(), os.stat("/etc").st_mtime_ns]
    return [_FORMAT, __version__, *system, program, as_it_is]


@lru_cache(maxsize=1)
def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
