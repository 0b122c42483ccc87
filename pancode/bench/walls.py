"""What the sandbox adds to a worker's start: the same worker with it and without it, in turn."""

from __future__ import annotations

import os
import pty
import select
import signal
import statistics
import sys
from typing import Any

from pancode.bench.bed import DRAWN, Bed
from pancode.core.errors import PanError
from pancode.engine import clock, files
from pancode.engine.shipped import boot_file


def sandbox(made: Bed, spec: dict[str, Any], times: int) -> dict[str, float]:
    """Milliseconds from a shim's first record until its agent's exec, by the spec of an ended run."""
    # No controller is to hear of it.
    walled = {**spec, "socket": os.path.join(made.places.home, "none")}
    forms = {"enclosed": walled, "bare": {**walled, "sandbox": {"kind": "none"}}}
    spans: dict[str, list[float]] = {name: [] for name in forms}
    for number in range(times):
        for name, form in forms.items():
            folder = os.path.join(made.places.home, f"{name}-{number}")
            os.mkdir(folder, 0o700)
            files.write_json(os.path.join(folder, "spec.json"), form)
            spans[name].append(_start(folder) * 1000)
    enclosed, bare = (statistics.median(spans[name]) for name in forms)
    return {
        "enclosed_p50": round(enclosed, 1),
        "bare_p50": round(bare, 1),
        "added": round(enclosed - bare, 1),
        "n": times,
    }


def _start(folder: str) -> float:
    """Give the seconds that one start takes; the worker is ended before this returns."""
    pid, terminal = pty.fork()
    if pid == 0:
        words = [sys.executable, "-I", "-S", boot_file(), folder]
        os.execv(words[0], words)  # noqa: S606 -- our own program, our own words
    try:
        return _marked(folder, terminal)
    finally:
        os.kill(pid, signal.SIGTERM)
        until = clock.monotonic() + DRAWN
        while _read(terminal, until - clock.monotonic()):
            pass
        os.kill(pid, signal.SIGKILL)  # It has ended, unless it hangs.
        os.close(terminal)
        os.waitpid(pid, 0)


def _marked(folder: str, terminal: int) -> float:
    until = clock.monotonic() + DRAWN
    while clock.monotonic() < until:
        marks = {each["kind"]: each["m"] for each in files.read_journal(os.path.join(folder, "events.jsonl"))}
        if "exec" in marks:
            return float(marks["exec"] - marks["started"])
        if "ended" in marks:
            break
        select.select([], [], [], 0.001)
    raise PanError(f"a worker didn't start: {_read(terminal, 0.0)!r}")


def _read(terminal: int, wait_s: float) -> bytes:
    """Give what is on the terminal; nothing if nothing comes, or nobody is left who writes there."""
    try:
        there = select.select([terminal], [], [], max(0.0, wait_s))[0]
        return os.read(terminal, 65536) if there else b""
    except OSError:
        return b""
