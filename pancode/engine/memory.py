"""How much of the machine's memory is free for something new."""

from __future__ import annotations

import contextlib

from pancode.engine import processes

_GROUP = "/sys/fs/cgroup"


def free() -> int:
    """Give the bytes that something new could take without anything being swapped out or killed.

    Inside a container with a limit of its own that is what the limit leaves, if it is less.
    """
    machine = processes.free_memory()
    group = _free_in_group(_GROUP)
    return machine if group is None else min(machine, group)


def _free_in_group(directory: str) -> int | None:
    """Give what the limit of a version 2 control group leaves; None where there is no limit."""
    with contextlib.suppress(OSError, ValueError):
        most = int(_read(f"{directory}/memory.max"))
        taken = int(_read(f"{directory}/memory.current"))
        counts = dict(line.split(" ", 1) for line in _read(f"{directory}/memory.stat").splitlines())
        return most - taken + int(counts.get("inactive_file", 0))
    return None


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
