"""`pancode receipt`: what a run was, what it has cost and how it ended, sealed when it ended."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.say_how import in_red
from pancode.core.errors import ExitCode, PanError
from pancode.core.grades import weaker
from pancode.core.ids import resolve
from pancode.engine import files, places
from pancode.engine.places import Places


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--verify", "check", is_flag=True, help="Check it against its seal, its files and the session's list."
)
@session_option
@json_option
def receipt(run: str, session: str | None, *, check: bool, as_json: bool) -> int:
    """Show the receipt of an ended run. Needs no session.

    With --verify the exit status is 1 if anything is not as it was when the run ended.
    """
    from pancode.domains.scheduling.receipts import verify

    where = places.find(session)
    name = _ended(run, where)
    found, wrong = verify(where, name)
    if as_json:
        click.echo(json.dumps({"receipt": found, "wrong": wrong} if check else found, ensure_ascii=False))
    elif check:
        click.echo("\n".join(wrong) or f"the receipt of {name} is as it was sealed, and so are its files")
    else:
        for label, text in _lines(found):
            click.echo(f"{label:<12}{text}")
    return int(ExitCode.FAILED if check and wrong else ExitCode.DONE)


def _ended(run: str, where: Places) -> str:
    """Give the id of the run, whose receipt is written by now if it is going to be."""
    names = set(os.listdir(where.runs)) if os.path.isdir(where.runs) else set()
    name = resolve(run, names)
    if files.read_json(os.path.join(where.runs, name, "receipt.json")) is None:
        with contextlib.suppress(PanError):
            request("receipts_written", places=where)
    return name


def _lines(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from pancode.cli.tables import printable

    agent, end, spent = told["agent"], told["end"], told["spent"]
    grant, sandbox, journal = told["grant"] or {}, told["sandbox"], told["journal"]
    yield "run", f"{told['run']}, number {told['seq']} of session {told['session']}, {told['project']}"
    yield "agent", " ".join(str(part) for part in (agent["name"], agent["runtime"], agent["version"]) if part)
    yield "model", str(told["model"] or "the agent's own choice")
    yield "task", printable(told["task"]["beginning"])
    yield (
        "grant",
        f"{grant.get('mode')}, {grant.get('level')}" + (", read-only" if grant.get("read_only") else ""),
    )
    named = weaker(told)
    yield "sandbox", (sandbox["sandbox"] or "not started") + (f", {in_red(named)}" if named else "")
    if told["base"]:
        yield "base", told["base"]
    usd = "unknown" if spent["usd"] is None else f"${spent['usd']:.4g} ({spent['source']})"
    yield "spent", f"{usd}, tokens {spent['tokens']} (counted by {spent['counted_by']})"
    meter = told.get("meter") or {}
    if meter.get("by") == "end":
        yield "", f"metered at the end: {meter.get('why')}"
    if told["comparison"] is not None and told["comparison"]["agree"] is False:
        yield "", "the gateway and the agent don't agree: --json has both"
    yield "end", f"{end['status']}: {end['reason']} after {told['times']['wall_s']} s"
    yield "journal", f"{journal['records']} records, {journal['hash']}"
    yield "seal", f"{told['hash']} after {told['prev'][:12]}…"
