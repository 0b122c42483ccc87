"""`pancode race`: one task, several agents; the first whose work passes the check wins."""

from __future__ import annotations

from typing import Any

import click

from pancode.cli.flowing import asked, run_options, started
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places


@click.command()
@click.argument("task", nargs=-1, required=True)
@click.option("--agents", "-a", metavar="A,B,C", required=True, help="Who runs, each in a clone of its own.")
@click.option("--verify", metavar="CMD", help="A shell command that the winner's work must pass.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="End each run after this long.",
)
@run_options
def race(
    task: tuple[str, ...], *, agents: str, verify: str | None, timeout: float | None,
    session: str | None, **given: Any,  # noqa: ANN401
) -> int:  # fmt: skip
    """Give TASK to several agents at once; the first whose work passes the check wins.

    The others are stopped, and what they have done is kept. `pancode merge RUN` takes the winner's work over.
    """
    from pancode.domains.dispatch.flow.definition import Flow, Node

    names = [name.strip() for name in agents.split(",") if name.strip()]
    if len(names) < 2:  # noqa: PLR2004 -- a race has at least two
        raise PanError("a race needs two agents", remedy="--agents A,B", code=ExitCode.USAGE)
    terms = {} if timeout is None else {"timeout": timeout}
    text = " ".join(task)
    nodes = tuple(
        Node(name=f"r{place}", task=text, agent=name, isolate=True, verify=verify, terms=terms)
        for place, name in enumerate(names, 1)
    )
    flow = Flow(kind="race", name=text[:60], original=text, nodes=nodes, first=True)
    return started(asked(flow, given), places.find(session), given)
