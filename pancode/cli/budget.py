"""`pancode budget`: what may be spent, what is spent, promised and left, and what happens at a limit."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.say_how import tell
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places
from pancode.engine.places import Places

SCOPES = ("run", "session", "day", "project")
_POLICIES = ("at-limit", "unknown", "estimate")


@click.group(invoke_without_command=True)
@session_option
@json_option
@click.pass_context
def budget(context: click.Context, session: str | None, *, as_json: bool) -> None:
    """Show every limit: what is spent, what live runs are promised, what is left, and where it is set."""
    context.obj = session
    if context.invoked_subcommand is None:
        told = request("budget", places=places.find(session))
        click.echo(json.dumps(told)) if as_json else _show(told)


@budget.command("set")
@click.argument("what", type=click.Choice([*SCOPES, *_POLICIES]), metavar="WHAT")
@click.argument("amount", nargs=-1, required=True)
@session_option
@json_option
@click.pass_obj
def set_(
    above: str | None, what: str, amount: tuple[str, ...], session: str | None, *, as_json: bool
) -> None:
    """Set a limit, or what happens at one.

    WHAT is a limit of each run, of this session, of a day or of this project: pancode budget set session
    10usd, 200k tokens, 30 turns, or several. Or at-limit: pause-and-ask or stop; unknown: block, allow or
    count-as AMOUNT (for each model request of unknown cost); estimate: what a run of an agent without a
    past reserves.
    """
    text = " ".join(amount)
    args = _limit(what, text) if what in SCOPES else _policy(what, text)
    _changed(args, session or above, as_json=as_json)


@budget.command()
@click.argument("scope", type=click.Choice(SCOPES), metavar="SCOPE")
@session_option
@json_option
@click.pass_obj
def unset(above: str | None, scope: str, session: str | None, *, as_json: bool) -> None:
    """Take a limit away: of each run, of this session, of a day or of this project."""
    _changed({"scope": scope, "limit": None}, session or above, as_json=as_json)


def _limit(scope: str, text: str) -> dict[str, Any]:
    from pancode.domains.scheduling.amounts import parse_limit, to_json

    return {"scope": scope, "limit": to_json(parse_limit(text))}


def _policy(what: str, text: str) -> dict[str, Any]:
    from pancode.domains.scheduling.amounts import parse_limit, to_json

    if what == "estimate":
        return {"estimate": to_json(parse_limit(text))}
    if what == "at-limit":
        return {"at_limit": text}
    word, _, rest = text.partition(" ")
    if word != "count-as":
        return {"unknown": text}
    usd = to_json(parse_limit(rest))["usd"]
    if usd is None:
        raise PanError("count-as needs dollars", remedy="count-as 0.02usd", code=ExitCode.USAGE)
    return {"unknown": word, "count_as_usd": usd}


def _changed(args: Mapping[str, Any], session: str | None, *, as_json: bool) -> None:
    """Have it changed by the controller; where none is up, in the files that it will read."""
    if os.environ.get("PANCODE_RUN_ID"):
        raise PanError(
            "a worker can't change a budget", remedy="do it from a terminal of yours", code=ExitCode.REFUSED
        )
    where = places.find(session)
    try:
        told = request("budget_set", args, places=where)
    except PanError as error:
        if error.code is not ExitCode.UNREACHABLE:
            raise
        _written(where, args)
        click.echo(
            json.dumps({"changed": True}) if as_json else "set; it holds from the next `pancode up` on"
        )
        return
    click.echo(json.dumps(told)) if as_json else _show(told)


def _written(where: Places, args: Mapping[str, Any]) -> None:
    from pancode.domains.scheduling.budgetfile import BudgetFiles
    from pancode.domains.scheduling.moneyverbs import apply

    where.make()
    apply(BudgetFiles(where.home, where.state, where.project), args)


def _show(told: Mapping[str, Any]) -> None:
    from pancode.cli.tables import show

    rows = [_row(one["scope"], one) for one in told["limits"]]
    each = told["each_run"]
    rows.append(("each run", _words(each["limit"], "-"), "", "", "", each["source"] or "not set"))
    rows += [_row(f"run {one['run_id']}", {**one, "source": one["agent"]}) for one in told["runs"]]
    colours = [_colour(one.get("used")) for one in told["limits"]] + [None] * (1 + len(told["runs"]))
    heads = ("what", "limit", "spent", "promised", "left", "set in")
    show(heads, rows, colours, drop=("set in", "promised"))
    unknown = told["unknown"] if told["count_as_usd"] is None else f"count-as ${told['count_as_usd']:g}"
    tell(
        f"\nat a limit: {told['at_limit']} · unknown cost: {unknown} ·"
        f" first estimate: {_words(told['estimate'], 'nothing')}"
    )
    if told["unknown_runs"]:
        runs = "1 ended run" if told["unknown_runs"] == 1 else f"{told['unknown_runs']} ended runs"
        tell(f"{runs} of this session told no cost: pancode cost --by run")


def _row(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    left = one.get("left")
    return (
        name,
        _words(one["limit"], "-"),
        _words(one["spent"], "nothing"),
        _words(one["reserved"], "-"),
        "-" if left is None or not _words(one["limit"], "") else _words(left, "nothing", empty=True),
        one["source"] or "not set",
    )


def _words(figures: Mapping[str, Any], none: str, *, empty: bool = False) -> str:
    """Give dollars, tokens and turns in one cell; figures of 0 only where `empty` says so."""
    from pancode.domains.scheduling.amounts import FIGURES, figure_words, nano_of

    usd = figures["usd"]
    counts = dict(
        zip(
            FIGURES, (None if usd is None else nano_of(usd), figures["tokens"], figures["turns"]), strict=True
        )
    )
    shown = [figure_words(one, n) for one, n in counts.items() if n or (empty and n == 0)]
    return ", ".join(shown) or none


def _colour(used: float | None) -> str | None:
    if used is None or used < 0.8:  # noqa: PLR2004 -- as pancode.domains.scheduling.told.WARN_AT
        return None
    return "red" if used >= 1 else "yellow"
