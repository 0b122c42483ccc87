"""`pancode perf`: what is measured anyway, and what can be measured at once, each figure with its source."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import Link, json_option, session_option
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.engine.places import Places

ASKED = 20
"""Requests by which the controller's answer is measured."""
NEWEST = 100
"""Runs of the session whose journals are read, the newest."""
MEGABYTE = 1_000_000
SIGNS = frozenset({"text", "tool_started", "thinking"})
"""Records that show that an agent has begun to work."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured `n` times: its middle, its worst, and by what it is known."""

    what: str
    unit: str
    middle: float
    worst: float
    n: int
    source: str


@click.command()
@session_option
@json_option
def perf(session: str | None, *, as_json: bool) -> None:
    """Show how quickly controller, agents and models answer in this session, and what memory they take.

    Nothing is started for it. `pancode bench` measures a session of its own.
    """
    where = places.find(session)
    found = [one for one in _figures(where) if one is not None]
    if as_json:
        click.echo(json.dumps({"figures": [asdict(one) for one in found]}, ensure_ascii=False))
        return
    from pancode.cli.tables import show

    rows = [
        (one.what, f"{one.middle:,.1f} {one.unit}", f"{one.worst:,.1f}", str(one.n), one.source)
        for one in found
    ]
    show(("what", "middle", "worst", "of", "by"), rows, [None] * len(rows), wrap=True, drop=("by", "of"))


def _figures(where: Places) -> Iterator[Figure | None]:
    link = Link(where)
    try:
        spans, status = _asked(link)
    finally:
        link.close()
    yield _figure("controller answers", "ms", spans, f"{ASKED} requests for the status, made now")
    pid = int(status["controller"]["pid"])
    yield from _process("controller", pid, time.time() - status["controller"]["started"])
    live = [row for row in status["workers"] if row["shim_pid"] and row["ended"] is None]
    yield _figure("memory of a live run", "MB", _memories(live), "proportional share of its processes, now")
    newest = sorted(status["workers"], key=lambda row: -row["queued"])[:NEWEST]
    yield from _runs(where, newest)
    yield from _calls(where, newest)


def _asked(link: Link) -> tuple[list[float], dict[str, Any]]:
    spans, status = [], {}
    for _ in range(ASKED):
        began = time.perf_counter()
        status = link.request("status")
        spans.append((time.perf_counter() - began) * 1000)
    return spans, status


def _process(name: str, pid: int, up: float) -> Iterator[Figure | None]:
    from pancode.engine import processes

    source = f"the kernel's word on process {pid}"
    yield _figure(f"{name}: memory", "MB", [processes.share(pid) / MEGABYTE], f"{source}, its share")
    used = 100 * processes.cpu_seconds(pid) / max(up, 1)
    yield _figure(f"{name}: processor since its start", "%", [used], source)


def _memories(rows: Iterable[Mapping[str, Any]]) -> Iterator[float]:
    from pancode.engine import processes
    from pancode.engine.tmux.family import descendants

    for row in rows:
        pids = [int(row["shim_pid"]), *(one.pid for one in descendants(int(row["shim_pid"])))]
        yield sum(processes.share(pid) for pid in pids) / MEGABYTE


def _runs(where: Places, rows: Iterable[Mapping[str, Any]]) -> Iterator[Figure | None]:
    """Tell how long runs wait, start, and take until they do something, by their runtime."""
    waits: list[float] = []
    firsts: dict[str, list[float]] = {}
    for row in rows:
        if row["started"] is None:
            continue
        waits.append((row["started"] - row["queued"]) * 1000)
        first = _first_sign(os.path.join(where.runs, row["run_id"], "events.jsonl"))
        if first is not None:
            firsts.setdefault(row["runtime"], []).append((first - row["started"]) * 1000)
    yield _figure("run asked for -> its agent starts", "ms", waits, "the runs' journals")
    for runtime, spans in sorted(firsts.items()):
        yield _figure(f"{runtime}: start -> first word or tool", "ms", spans, "the runs' journals")


def _first_sign(journal: str) -> float | None:
    from pancode.engine import files

    return next((one["t"] for one in files.read_journal(journal) if one.get("kind") in SIGNS), None)


def _calls(where: Places, rows: Iterable[Mapping[str, Any]]) -> Iterator[Figure | None]:
    """Tell how long models take until the first byte, and in all, as the gateway has timed them."""
    from pancode.engine import files

    firsts: dict[str, list[float]] = {}
    wholes: dict[str, list[float]] = {}
    for row in rows:
        begun: dict[str, tuple[float, str]] = {}
        for record in files.read_journal(os.path.join(where.runs, row["run_id"], "calls.jsonl")):
            call, kind = str(record.get("call")), record.get("kind")
            if kind == "call_started":
                begun[call] = record["t"], str(row["model"] or record.get("model"))
            elif call in begun and kind in ("call_first_byte", "call_ended"):
                at, model = begun[call]
                spans = firsts if kind == "call_first_byte" else wholes
                spans.setdefault(model, []).append((record["t"] - at) * 1000)
    for model in sorted(wholes):
        yield _figure(f"{model}: first byte", "ms", firsts.get(model, ()), "the gateway, each model call")
        yield _figure(f"{model}: whole answer", "ms", wholes[model], "the gateway, each model call")


def _figure(what: str, unit: str, values: Iterable[float], source: str) -> Figure | None:
    """Sum up; None where nothing was measured."""
    every = list(values)
    if not every:
        return None
    middle, worst = statistics.median(every), max(every)
    return Figure(what, unit, round(middle, 1), round(worst, 1), len(every), source)
