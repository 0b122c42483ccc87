"""`pancode chaos`: kills parts of a session on purpose, and counts what was lost by it."""

from __future__ import annotations

import json
import secrets

import click

from pancode.cli.client import json_option


@click.command()
@click.option("--runs", "-n", default=60, show_default=True, help="How many runs are asked for.")
@click.option("--kills", "-k", default=100, show_default=True, help="How often something is killed.")
@click.option("--seed", type=int, help="Which kills at which moments.  [default: by chance]")
@json_option
def chaos(runs: int, kills: int, seed: int | None, *, as_json: bool) -> int:
    """Kill controllers, shims, agents, gateways and tmux servers, and count what was lost by it.

    In a session of its own that is gone afterwards; yours is not touched. The exit status is 1 if any
    counter is not zero.
    """
    from pancode.bench.chaos.account import COUNTERS
    from pancode.bench.chaos.trial import trial

    found = trial(runs, kills, secrets.randbelow(1 << 31) if seed is None else seed)
    if as_json:
        click.echo(json.dumps(found))
    else:
        hit = ", ".join(f"{count} {kind}" for kind, count in found["killed"].items())
        click.echo(f"{found['runs']} runs, {found['kills']} kills ({hit}) in {found['seconds']} s")
        click.echo(f"seed {found['seed']}; the runs ended: {json.dumps(found['statuses'])}")
        for name in COUNTERS:
            click.echo(f"{name.replace('_', ' '):<20}{found[name]}")
        for fault in found["faults"]:
            click.echo(f"  {fault}")
    return int(any(found[name] for name in COUNTERS))
