"""Waiting for a run in the foreground: progress on a terminal, Ctrl-C stops, a new controller is found."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from pancode.cli.client import request, stream
from pancode.cli.say_how import money, span, tokens
from pancode.core.errors import ExitCode, PanError
from pancode.engine import clock, files
from pancode.engine.places import Places

CONTROLLER_BACK = 15.0
"""Seconds to wait for a controller that was killed; it restarts within one."""
RETRY = 0.1


def wait(run_id: str, places: Places, *, quiet: bool) -> dict[str, Any]:
    """Give the run's result when it has ended. Ctrl-C asks it to stop, a second one kills it."""
    interrupts = 0
    while True:
        try:
            if interrupts:
                _stop(run_id, places, force=interrupts > 1)
            return _patiently(run_id, places, lambda: _follow(run_id, places, quiet=quiet))
        except KeyboardInterrupt:
            interrupts += 1
            if not quiet:
                sys.stderr.write(f"\r\x1b[K stopping {run_id}; Ctrl-C again to kill it\n")


def _stop(run_id: str, places: Places, *, force: bool) -> None:
    args = {"run": run_id, "force": force, "by": "operator", "why": "Ctrl-C"}
    _patiently(run_id, places, lambda: request("stop", args, places=places))


def _patiently(run_id: str, places: Places, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask until there is an answer, over the death of a controller; or give the result that is on disk."""
    reached = clock.monotonic()
    while True:
        began = clock.monotonic()
        try:
            return ask()
        except PanError as error:
            if error.code is not ExitCode.UNREACHABLE:
                raise
            if (result := _written(run_id, places)) is not None:
                return result
            if clock.monotonic() - began > RETRY:
                reached = clock.monotonic()  # It was there, and has just gone.
            if clock.monotonic() - reached > CONTROLLER_BACK:
                raise
            time.sleep(RETRY)


def _written(run_id: str, places: Places) -> dict[str, Any] | None:
    """Give the result that a worker has left on the disk, where no controller tells it."""
    return files.read_json(os.path.join(places.runs, run_id, "result.json"))


def _follow(run_id: str, places: Places, *, quiet: bool) -> dict[str, Any]:
    drawn = False
    try:
        for line in stream("wait", {"run": run_id}, places=places):
            if "result" in line:
                result: dict[str, Any] = line["result"]["result"]
                return result
            if not quiet and sys.stderr.isatty():
                sys.stderr.write(f"\r\x1b[K{_progress(line['event']['row'])}")
                sys.stderr.flush()
                drawn = True
    finally:
        if drawn:
            sys.stderr.write("\r\x1b[K")
    raise PanError("the controller ended the answer early", code=ExitCode.UNREACHABLE)


def _progress(row: Mapping[str, Any]) -> str:
    elapsed = span(clock.now() - (row["started"] or row["queued"]))
    doing = (row["doing"] or row["retrying"] or row["waits"] or row["state"]).splitlines()[0]
    return f"  {elapsed}  {doing[:48]:<48}  {money(row['cost'])}  {tokens(row['usage'])}"
