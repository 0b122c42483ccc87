"""`pancode sandbox`: run something in a worker's sandbox, or try out what that sandbox stops here."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pancode.cli.client import json_option
from pancode.core.errors import ExitCode
from pancode.core.grants import Level, Mode

if TYPE_CHECKING:
    from pancode.domains.safety.api import Machine


@click.group()
def sandbox() -> None:
    """The sandbox that every worker runs in: try it, or use it yourself."""


@sandbox.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--mode", type=click.Choice([mode.value for mode in Mode]), default="build", help="As if in this mode."
)
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default="auto-edit",
    help="As if at this level.",
)
@click.option("--cwd", metavar="DIR", help="Where to run it.  [default: here]")
@click.option(
    "--accept-weaker",
    metavar="NAME",
    multiple=True,
    help="Run it although a promise can't be kept; a refusal names what to give.",
)
@click.option("--allow-host", metavar="HOST:PORT", multiple=True, help="Let it reach this host by TLS.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD…")
def exec_(
    command: tuple[str, ...],
    mode: str,
    level: str,
    cwd: str | None,
    accept_weaker: tuple[str, ...],
    allow_host: tuple[str, ...],
) -> int:
    """Run CMD in the sandbox of a worker, and give its exit status (128 and the number for a signal).

    Needs no session. CMD gets this terminal, the network of the level, and a private home that is gone
    afterwards.
    """
    from pancode.core.grants import Grant
    from pancode.domains.safety.api import Command, EnclosureAsk, execute, known_machine, ruled
    from pancode.domains.safety.explain import rules_at
    from pancode.engine import places

    where = os.path.abspath(cwd or os.getcwd())
    home = places.home()
    ask = EnclosureAsk(
        grant=Grant(Mode(mode), Level(level)),
        cwd=where,
        run_dir="",
        pancode_home=home,
        environment=os.environ,
        machine=known_machine(home),
        accept=frozenset(accept_weaker),
        allow_hosts=allow_host,
    )
    return execute(ruled(ask, rules_at(where)), Command(command, os.environ))


@sandbox.command()
@json_option
def probe(*, as_json: bool) -> int:
    """Try to break out of a sandbox here, and print what stopped each attempt; exit status 1 if one wasn't.

    What is found counts for the runs that follow.
    """
    from pancode.domains.safety.api import fresh_machine
    from pancode.engine import places

    machine = fresh_machine(places.home())
    if as_json:
        click.echo(json.dumps(asdict(machine)))
    else:
        _print_machine(machine)
    return int(ExitCode.DONE if machine.sandbox == "full" else ExitCode.FAILED)


def _print_machine(machine: Machine) -> None:
    program = f"bubblewrap {machine.bwrap_version}" if machine.bwrap_version else "no bubblewrap"
    landlock = f"Landlock {machine.landlock_abi}" if machine.landlock_abi else "no Landlock"
    user = " · as root" if machine.root else ""
    click.echo(f"sandbox: {machine.sandbox} · limits: {machine.limits} · {program} · {landlock}{user}")
    if machine.why:
        click.echo(f"  not full: {machine.why}")
    for canary in machine.canaries:
        mark = {True: "✓ stopped", False: "✗ NOT STOPPED", None: "– not tried"}[canary.stopped]
        click.echo(f"  {mark:<14} {canary.what}" + (f" ({canary.note.lower()})" if canary.note else ""))
