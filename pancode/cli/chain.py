"""`pancode chain`: steps one after the other, each given what the one before has said."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import click

from pancode.cli.batch import texts
from pancode.cli.flowing import asked, run_options, started
from pancode.engine import places


@click.command()
@click.argument("steps", nargs=-1)
@click.option(
    "--file", "-f", "file", metavar="FILE", help="Read steps from FILE: lines, JSON lines, or *.yaml."
)
@click.option("--task", "-t", metavar="TEXT", help="What $ORIGINAL stands for.  [default: the first step]")
@click.option("--agent", "-a", metavar="NAME", help="The agent of every step that names none.")
@click.option("--model", "-m", metavar="MODEL", help="The model of every step that names no agent or model.")
@run_options
def chain(
    steps: tuple[str, ...], *, file: str | None, task: str | None, agent: str | None, model: str | None,
    session: str | None, **given: Any,  # noqa: ANN401
) -> int:  # fmt: skip
    """Run STEPS one after the other, each with what the one before has said; stop at the first failure.

    In a step $INPUT stands for the output of the step before and $ORIGINAL for the first task. A step that
    doesn't name $INPUT gets that output added at its end. A step that begins with `@NAME` is for that agent.
    Prints what the last step has said; the exit status is that of the step that failed.
    """
    from pancode.domains.dispatch.flow.definition import Flow
    from pancode.domains.dispatch.flow.tasks import nodes

    where = places.find(session)
    found = nodes(texts(steps, file, where), agent, model, prefix="s")
    linked = tuple(replace(node, needs=(before.name,)) for before, node in itertools.pairwise(found))
    original = found[0].task if task is None else task
    flow = Flow(kind="chain", name=original[:60], original=original, nodes=(found[0], *linked))
    return started(asked(flow, given), where, given)
