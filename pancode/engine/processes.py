"""The only door to other processes: whether one lives, which belong to a run, and ending them."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

_DEEPEST = 200
"""Levels of processes that are followed up: more than any shell nests."""
_ROUNDS = 5
"""Rounds of SIGKILL for a run's processes: each finds what was forked during the one before."""


def boot_id() -> str:
    """Give what names this start of the machine: a pid from before it means nothing any more."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def state(pid: int) -> str | None:
    """Give the kernel's letter for what a process does (R, S, D, T, …); None if it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            letter = file.read().rpartition(b") ")[2][:1].decode()
    except OSError:
        return None
    return None if letter in ("Z", "X", "") else letter


def is_shim_of(pid: int | None, run_dir: str) -> bool:
    """Whether `pid` is alive and is the shim of this run: a pid alone may have been given out again.

    A shim has the run's journal open for as long as it lives.
    """
    if not pid or state(pid) is None:
        return False
    journal = os.path.join(os.path.realpath(run_dir), "events.jsonl")
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                # One that was removed has words behind its name.
                if os.readlink(f"/proc/{pid}/fd/{name}").startswith(journal):
                    return True
    return False


def ancestors(pid: int) -> list[int] | None:
    """Give the processes above `pid`, the nearest first; None if it is gone, or can't be followed up."""
    try:
        return [parent.pid for parent in psutil.Process(pid).parents()]
    except (psutil.Error, ValueError):
        return None


def above(pid: int) -> list[int]:
    """Give the processes above `pid`, the nearest first, as far as the kernel tells."""
    found: list[int] = []
    while pid > 1 and len(found) < _DEEPEST:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        found.append(pid)
    return found


def of_run(run: str, state: str) -> list[int]:
    """Give the processes that carry this run's marks in their environment.

    `PANCODE_RUN_ID` alone is not enough, as two projects may use the same id at the same time:
    `PANCODE_RUN_DIR` must lie under `state`.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            environment = process.environ()
            mine = environment.get("PANCODE_RUN_ID") == run
            if mine and environment.get("PANCODE_RUN_DIR", "").startswith(state):
                found.append(process.pid)
    return [pid for pid in found if pid != os.getpid()]


def end_run(run: str, state: str) -> None:
    """SIGKILL every process of a run, also those that are born meanwhile."""
    for _ in range(_ROUNDS):
        found = of_run(run, state)
        if not found:
            return
        kill(found)


def kill(pids: list[int]) -> None:
    """SIGKILL each of them; those already gone don't matter."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def cpu_seconds(pid: int) -> float:
    """Give the processor seconds that a process has used, its own and the kernel's for it."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def memory(pid: int) -> tuple[int, int]:
    """Give a process's resident set and its proportional share of it, in bytes."""
    info = psutil.Process(pid).memory_full_info()
    return int(info.rss), int(info.pss)


def share(pid: int) -> int:
    """Give the proportional share of the memory of a process in bytes; 0 if it has gone."""
    with contextlib.suppress(psutil.Error):
        return memory(pid)[1]
    return 0


def free_memory() -> int:
    """Give the bytes of memory that could be taken without anything being swapped out."""
    return int(psutil.virtual_memory().available)
