"""`pancode batch`: many tasks at once, each a worker of its own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.flowing import asked, hold, run_options, started
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.tasks import TaskText


@click.command()
@click.argument("tasks", nargs=-1)
@click.option(
    "--file", "-f", "file", metavar="FILE", help="Read tasks from FILE: lines, JSON lines, or *.yaml."
)
@click.option("--agent", "-a", metavar="NAME", help="The agent of every task that names none.")
@click.option("--model", "-m", metavar="MODEL", help="The model of every task that names no agent or model.")
@click.option("--concurrency", "-c", type=click.IntRange(min=1), metavar="N", help="At most N runs at once.")
@click.option(
    "--isolate/--no-isolate",
    default=None,
    help="Each in a clone of its own, or all here.  [default: a clone where another may write here]",
)
@run_options
def batch(
    tasks: tuple[str, ...], *, file: str | None, agent: str | None, model: str | None,
    concurrency: int | None, isolate: bool | None, session: str | None, **given: Any,  # noqa: ANN401
) -> int:  # fmt: skip
    """Run each of TASKS with a worker of its own, and print a table of how they ended.

    A task that begins with `@NAME` is for that agent. Without TASKS and --file they are read from
    standard input. The exit status is 0 if every task ended `done`; else that of the others if they all
    ended alike, and 1 if they didn't.
    """
    from pancode.domains.dispatch.flow.definition import Flow
    from pancode.domains.dispatch.flow.tasks import nodes

    where = places.find(session)
    found = nodes(texts(tasks, file, where), agent, model, prefix="t", isolate=isolate)
    flow = Flow(kind="batch", name=f"{len(found)} tasks", nodes=found, concurrency=concurrency)
    return started(asked(flow, given), where, given)


def texts(words: tuple[str, ...], file: str | None, where: places.Places) -> list[TaskText]:
    """Give the tasks of the command line, of a file, or of standard input; those of a file are held."""
    from pancode.domains.dispatch.flow.tasks import from_text, from_words
    from pancode.engine.documents import read_text

    if words and file:
        raise PanError(
            "tasks were given both as words and by --file", remedy="take one of them out", code=ExitCode.USAGE
        )
    if words and words != ("-",):
        return from_words(words)
    if file is None or file == "-":
        if sys.stdin.isatty() and not words:
            return []
        return from_text(sys.stdin.read(), "standard input")
    if not os.path.exists(file):
        raise PanError(f"there is no file {file}", code=ExitCode.NOT_FOUND)
    try:
        found = from_text(read_text(file), file)
    except (OSError, ValueError) as error:
        raise PanError(f"{file}: can't be read: {error}", code=ExitCode.CONFIG) from None
    hold(file, (each.model for each in found), where)
    return found
