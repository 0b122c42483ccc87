"""`pancode bench`: measures this machine against the bars of the design."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from pancode.cli.client import json_option

BARS = {
    "up_ms": "up until drawn, p50 < 150",
    "verb_ms": "pancode mode plan, p50 < 20",
    "key_ms": "key until drawn, p50 < 30",
    "dispatch_ms": "request until exec, p50 < 25, p99 < 60",
    "sandbox_ms": "what the sandbox adds to a shim's start, added < 15",
    "burst_ms": "N at once, last exec, max < 800 for 50, none failed",
    "memory": "controller < 60 MB and < 1 %, shim < 10 MB RSS and < 3.5 MB PSS",
    "adoption": "kill -9 until adopted < 1000 ms, none lost",
    "events": "1,000 a second under 8 %, p99 < 5 ms, none lost",
}
NATIVE_BARS = {
    "ready_ms": "order until the loop is ready for its first model request, p50 < 40",
    "first_request_ms": "until that request is there, through the gateway",
    "cold_ms": "the same of the first run of a session that knew no model: host and gateway start for it",
    "crowds": "so many at once: each loop < 30 MB",
    "host_pss_mb": "the parent that they are forked from",
}


@click.group()
def bench() -> None:
    """Measure this machine against the bars of the design."""


@bench.command()
@click.option("--workers", "-w", default=50, show_default=True, help="How many workers at once.")
@click.option("--times", "-t", default=20, show_default=True, help="How often the single steps are repeated.")
@json_option
def dispatch(workers: int, times: int, *, as_json: bool) -> None:
    """Measure start, verbs, keys, dispatch, memory, adoption and events, in a session of its own."""
    from pancode.bench import measures
    from pancode.bench.bed import bed
    from pancode.bench.walls import sandbox

    load = [round(value, 2) for value in os.getloadavg()]
    found: dict[str, Any] = {"machine": {"cores": os.cpu_count(), "load_before": load}, "workers": workers}
    with bed() as made:
        found["up_ms"] = measures.up(made, max(3, times // 4))
        found["verb_ms"] = measures.verb(made, times)
        found["key_ms"] = measures.key(made, times)
        found["dispatch_ms"] = measures.dispatch_one(made, times)
        found["sandbox_ms"] = sandbox(made, measures.a_spec(made), times)
        runs, found["burst_ms"] = measures.dispatch_many(made, workers)
        found["memory"] = measures.memory(made, seconds=10.0)
        found["adoption"] = measures.adoption(made, runs)
    with bed() as made:
        made.pancode("up", "--detach")
        found["events"] = measures.events(made, talkers=10, each=500)
    found["machine"]["load_after"] = [round(value, 2) for value in os.getloadavg()]
    if as_json:
        click.echo(json.dumps(found))
        return
    _tell(found, f"{workers} workers", BARS)


@bench.command()
@click.option("--times", "-t", default=20, show_default=True, help="How often one is started alone.")
@json_option
def native(times: int, *, as_json: bool) -> None:
    """Measure native agents alone, ten at once and twenty at once: the first model request, and memory."""
    from pancode.bench.bed import bed
    from pancode.bench.native import CROWDS
    from pancode.bench.native import native as measured

    load = [round(value, 2) for value in os.getloadavg()]
    found: dict[str, Any] = {"machine": {"cores": os.cpu_count(), "load_before": load}}
    with bed() as made:
        made.pancode("up", "--detach")
        found |= measured(made, times, CROWDS)
    found["machine"]["load_after"] = [round(value, 2) for value in os.getloadavg()]
    if as_json:
        click.echo(json.dumps(found))
    else:
        _tell(found, "native agents", NATIVE_BARS)


def _tell(found: dict[str, Any], what: str, bars: dict[str, str]) -> None:
    machine = found["machine"]
    click.echo(f"{machine['cores']} cores, load {machine['load_before'][0]} before, {what}")
    for name, bar in bars.items():
        click.echo(f"{name:<12} {json.dumps(found[name])}\n{'':<12} bar: {bar}")
