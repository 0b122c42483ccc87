"""Short ways to write what the scheduler decides about."""

from __future__ import annotations

from typing import Any

from pancode.domains.scheduling.view import Live, View, Waiting


def waiting(run: str, **more: Any) -> Waiting:
    return Waiting(**{"run": run, "agent": "shell", "since": 0.0, **more})


def live(run: str, **more: Any) -> Live:
    return Live(**{"run": run, "agent": "shell", "began": -1000.0, **more})


def view(*runs: Waiting | Live, **more: Any) -> View:
    return View(
        waiting=tuple(run for run in runs if isinstance(run, Waiting)),
        live=tuple(run for run in runs if isinstance(run, Live)),
        **more,
    )
