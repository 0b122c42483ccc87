"""`pancode approvals`, `approve` and `deny`: what workers wait for a person's yes for, and the answers."""

from __future__ import annotations

import json
import os
import shutil
import sys

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode, PanError
from pancode.engine import clock, places


@click.command()
@click.argument("what", required=False, metavar="[RUN|ID]")
@session_option
@json_option
def approvals(what: str | None, session: str | None, *, as_json: bool) -> None:
    """List the questions that wait for an answer, the oldest first.

    RUN narrows the list to a run, ID, such as k3f.a1, to one question.
    """
    told = request("approvals", {"what": what}, places=places.find(session))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    from pancode.domains.ui.question import question_lines
    from pancode.domains.ui.theme import paint, wants_colour

    if not told["questions"]:
        click.echo("nobody waits for an answer")
        return
    now, width = clock.now(), max(40, shutil.get_terminal_size().columns - 1)
    colour = sys.stdout.isatty() and wants_colour(os.environ)
    for question in told["questions"]:
        for line, style in question_lines(question, width=width, now=now):
            click.echo(" " + paint(line, style, colour=colour), color=colour)
        click.echo(f" answer            pancode approve {question['id']} · pancode deny {question['id']}\n")


@click.command()
@click.argument("what", metavar="RUN|ID")
@click.option(
    "--always-for-this-run", "always", is_flag=True, help="Allow this very action until the run ends."
)
@click.option("--all", "every", is_flag=True, help="Answer all questions of the run.")
@session_option
@json_option
def approve(what: str, session: str | None, *, always: bool, every: bool, as_json: bool) -> None:
    """Allow the action that RUN, or the question ID, waits for: this one, once."""
    _answer({"what": what, "allow": True, "always": always, "all": every}, session, as_json=as_json)


@click.command()
@click.argument("what", metavar="RUN|ID")
@click.option("--because", "why", metavar="TEXT", help="A reason, which the agent is told.")
@click.option("--all", "every", is_flag=True, help="Answer all questions of the run.")
@session_option
@json_option
def deny(what: str, session: str | None, *, why: str | None, every: bool, as_json: bool) -> None:
    """Refuse the action that RUN, or the question ID, waits for; the run goes on without it."""
    _answer({"what": what, "allow": False, "why": why or "", "all": every}, session, as_json=as_json)


def _answer(args: dict[str, object], session: str | None, *, as_json: bool) -> None:
    if os.environ.get("PANCODE_RUN_ID"):
        raise PanError(
            "a worker can't answer, neither for itself nor for another",
            remedy="answer from a terminal of yours",
            code=ExitCode.REFUSED,
        )
    told = request("answer", args, places=places.find(session))
    word = "approved" if told["allow"] else "denied"
    click.echo(json.dumps(told) if as_json else f"{word} {' '.join(told['answered'])}")
