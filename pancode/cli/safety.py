"""`pancode safety`: show or set the level; classify, explain and prove what the policy says."""

from __future__ import annotations

import importlib
import json
import os
from typing import TYPE_CHECKING

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.mode import operators_only
from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level, Mode, parse_level
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.domains.safety.explain import Explanation

_LATER = {"prove": "pancode.cli.prove:prove"}
_LEVELS = "[" + "|".join(Level) + "]"


class _Safety(click.Group):
    """A group whose first word may be a level instead of a verb."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs, those that are imported when they are called among them."""
        return sorted([*super().list_commands(ctx), *_LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give the verb; import it if need be."""
        if cmd_name in _LATER:
            module, _, name = _LATER[cmd_name].partition(":")
            found = getattr(importlib.import_module(module), name)
            return found if isinstance(found, click.Command) else None
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a word that is no verb for a level."""
        if args and args[0] not in self.list_commands(ctx):
            return "level", _level, args
        return super().resolve_command(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show the level beside the verbs."""
        return [f"[OPTIONS] {_LEVELS}", *super().collect_usage_pieces(ctx)[1:]]


@click.group(cls=_Safety, invoke_without_command=True, subcommand_metavar="| COMMAND [ARGS]...")
@session_option
@json_option
@click.pass_context
def safety(context: click.Context, session: str | None, *, as_json: bool) -> None:
    """Show or set the safety level: how much workers may do on their own. Ctrl+Y does the same.

    The verbs below tell, without a session, what the policy says about a command. Rules of your own:
    pansafety.yaml.
    """
    context.obj = (session, as_json)
    if context.invoked_subcommand is None:
        _switch(None, session, as_json=as_json)


@click.command(name="safety")
@click.argument("value", metavar=_LEVELS)
@session_option
@json_option
@click.pass_context
def _level(context: click.Context, value: str, session: str | None, *, as_json: bool) -> None:
    """Set the level."""
    before, json_before = context.obj
    _switch(value, session or before, as_json=as_json or json_before)


def _switch(value: str | None, session: str | None, *, as_json: bool) -> None:
    if value is not None:
        parse_level(value)
        operators_only("the safety level")
    told = request("safety", {"value": value}, places=places.find(session))
    text = told.pop("text")
    click.echo(json.dumps(told) if as_json else text)


@safety.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--jsonl", is_flag=True, help='Read {"command": …} lines and write one JSON object for each.')
@click.option("--cwd", metavar="DIR", help="Where the commands would run.  [default: here]")
def classify(file: str | None, cwd: str | None, *, jsonl: bool) -> int:
    """Say of each command in FILE (or standard input) what it is and what each level decides.

    One command a line, or with --jsonl one JSON object a line. A line that isn't one gives an error in
    its place, and exit status 2 at the end.
    """
    import sys

    from pancode.domains.safety.classify import Classifier

    classifier = Classifier(_directory(cwd))
    lines = open(file, "rb") if file else sys.stdin.buffer  # noqa: SIM115 -- read to the end of the process
    answer = classifier.answer_json if jsonl else classifier.answer_text
    all_good = True
    for line in lines:
        if not line.strip():
            continue
        text, good = answer(line)
        all_good = all_good and good
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    return int(ExitCode.DONE if all_good else ExitCode.USAGE)


@safety.command()
@click.argument("command", nargs=-1, required=True)
@click.option("--level", "level", type=click.Choice([one.value for one in Level]), help="Only this level.")
@click.option(
    "--mode",
    "mode",
    type=click.Choice([one.value for one in Mode]),
    default=Mode.BUILD.value,
    show_default=True,
)
@click.option("--cwd", metavar="DIR", help="Where the command would run.  [default: here]")
@json_option
def explain(command: tuple[str, ...], level: str | None, mode: str, cwd: str | None, *, as_json: bool) -> int:
    """Say what decides about COMMAND: each part, its class, the rule with file and line, each level.

    Put -- before COMMAND. One word is taken as a line of shell, more words as a program with arguments.
    """
    from pancode.domains.safety.explain import explained

    levels = tuple(Level) if level is None else (Level(level),)
    found = explained(command, _directory(cwd), Mode(mode), levels)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        _show(found)
    return int(ExitCode.CONFIG if found.mistakes else ExitCode.DONE)


def _directory(cwd: str | None) -> str:
    directory = os.path.realpath(cwd or os.getcwd())
    if not os.path.isdir(directory):
        raise PanError(
            f'there is no directory "{cwd}"', remedy="--cwd DIR of one that is", code=ExitCode.NOT_FOUND
        )
    return directory


def _show(found: Explanation) -> None:
    from pancode.cli.tables import printable, show

    click.echo(printable(found.command))
    click.echo(f"{found.kind.value}: {found.kind.meaning}; {found.mode} mode, in {found.cwd}\n")
    parts = [
        (f"{number}", part.text, part.kind.value, f"{part.rule} ({part.source})", part.why)
        for number, part in enumerate(found.parts, 1)
    ]
    if parts:
        show(("", "part", "class", "rule", "why"), parts, [None] * len(parts), wrap=True)
        click.echo()
    rows: list[tuple[str, ...]] = []
    for level, verdict in found.verdicts.items():
        rows.append((level.value, verdict.decision.value, f"{verdict.rule} ({verdict.source})", verdict.why))
    colour: dict[str, str | None] = {"allow": "green", "ask": "yellow", "block": "red"}
    heads = ("level", "decision", "rule", "why")
    show(heads, rows, [colour[row[1]] for row in rows], wrap=True, drop=("rule", "why"))
    for mistake in (*found.mistakes, *found.notes):
        click.echo(f"\n{mistake}\n  try: {mistake.remedy}", err=True)
