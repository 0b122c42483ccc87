"""One whole trial: a session of its own, the riot in it, the reckoning after it."""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import subprocess
from collections import Counter
from typing import Any

from pancode.bench.bed import Bed, bed
from pancode.bench.chaos.account import Account, Seen, look_at, reckon
from pancode.bench.chaos.actor import MODEL, furnish
from pancode.bench.chaos.prey import hunt, kill, remaining
from pancode.bench.chaos.riot import Riot, wait
from pancode.domains.session.ask import ask
from pancode.engine import clock, files
from pancode.scripted.server import serve_in_thread

GONE = 10.0
"""Seconds that the last processes of a session get to go after `pancode down`."""


def trial(runs: int, kills: int, seed: int) -> dict[str, Any]:
    """Riot, reckon, and give the figures; `faults` has a sentence for each thing that was counted."""
    began = clock.monotonic()
    account = Account()
    with bed() as made, serve_in_thread(MODEL) as model:
        furnish(made.places.home, made.places.project)
        riot = Riot(made, random.Random(seed), model.url)  # noqa: S311 -- no secret: the same riot again
        try:
            riot.rage(runs, kills)
            statuses = _reckon_all(made, riot, account)
        finally:
            riot.ear.close()
            _end(made, account)
    return {
        "seed": seed,
        "runs": len(riot.asked),
        "kills": sum(riot.kills.values()),
        "killed": riot.kills,
        **account.counts,
        "statuses": statuses,
        "controller_back_ms": _spread(riot.back_ms),
        "seconds": round(clock.monotonic() - began, 1),
        "faults": account.faults,
    }


def _reckon_all(made: Bed, riot: Riot, account: Account) -> dict[str, int]:
    """Charge what is wrong with any run; give how many ended in which way."""
    places = made.places
    kept = set(os.listdir(places.runs))
    keys = Counter((files.read_json(f"{places.runs}/{run}/spec.json") or {}).get("key") for run in kept)
    for key, count in keys.items():
        if key is not None and count > 1:
            account.charge("double_runs", f"the request {key} has led to {count} runs")
    statuses: Counter[str] = Counter()
    for asked in riot.asked:
        run = str(asked.run)
        if run not in kept:
            account.charge("lost_results", f"run {run} was admitted, and has no folder")
            continue
        told = riot.ear.told(run)
        shown = ask(places.socket, "runs_show", {"run": run})
        seen = Seen(
            run=run,
            hit=bool({run, asked.key} & riot.hit),
            stopped=asked.stopped,
            told=told,
            indexed_status=shown.get("status"),
            indexed=sum(shown.get("events", {}).values()),
            metered=(shown.get("meter") or {}).get("calls"),
            **look_at(run, f"{places.runs}/{run}", places.project),
        )
        reckon(account, seen)
        statuses[str(shown.get("status"))] += 1
    for prey in hunt(places):
        if prey.run is not None:
            account.charge("leftover_processes", f"{prey.kind} {prey.pid} of the ended run {prey.run}")
    return dict(statuses)


def _end(made: Bed, account: Account) -> None:
    """Take the session down, and charge every process that outlives it; none stays."""
    with contextlib.suppress(subprocess.SubprocessError):
        made.pancode("down")
    until = clock.monotonic() + GONE
    while (left := remaining(made.places)) and clock.monotonic() < until:
        wait(0.05)
    for pid in left:
        account.charge("leftover_processes", f"process {pid} lives after pancode down")
    for prey in hunt(made.places):
        kill(prey, made.places)


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"p50": round(statistics.median(values), 1), "max": round(max(values), 1), "n": len(values)}
