"""`pancode runs` and `pancode runs show`: what went on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.say_how import kept_in_colour, money, reason, span, tokens
from pancode.core.given import own_words
from pancode.engine import places


@click.group(invoke_without_command=True)
@click.option("--limit", "-n", default=20, show_default=True, help="How many, newest first (500 at most).")
@session_option
@json_option
@click.pass_context
def runs(context: click.Context, limit: int, session: str | None, *, as_json: bool) -> None:
    """List runs, newest first."""
    if context.invoked_subcommand is not None:
        return
    found = _ask("runs", {"limit": limit}, session)["runs"]
    if as_json:
        click.echo(json.dumps({"runs": found}, ensure_ascii=False))
        return
    if not found:
        click.echo("no runs yet; start one: pancode run TASK")
    for row in found:
        click.echo(_line(row))


@runs.command()
@click.argument("run")
@session_option
@json_option
def show(run: str, session: str | None, *, as_json: bool) -> None:
    """Show everything that is known about RUN."""
    found = _ask("runs_show", {"run": run}, session)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, value in _facts(found):
        # A text of several lines, such as a task or a result, stays in its column.
        click.echo(f"{name:<9} " + "\n          ".join(value.splitlines() or [""]))


def _ask(verb: str, args: dict[str, Any], session: str | None) -> dict[str, Any]:
    from pancode.cli.offline import request_or_read

    where = places.find(session)
    return request_or_read(verb, args, where, request)


def _line(row: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(row["queued"]).astimezone().strftime("%H:%M:%S")
    took = span(row["ended"] - row["queued"]) if row["ended"] else "–"
    task = " ".join(own_words(str(row["task"])).split())
    state = row["state"] or "–"
    state = state if state == "done" or not row["reason"] else f"{state} {row['reason']}"
    start = f"{row['run_id']:<5} {when}  {row['agent']:<12} {state:<22}"
    return f"{start} {took:>7}  {money(row['cost']):>8}  {task[:60]}"


def _changes(told: dict[str, Any]) -> str:
    if told["fate"] == "none":
        return "none"
    figures = f"{told['files']} file{'' if told['files'] == 1 else 's'} +{told['added']} -{told['removed']}"
    lines = [f"{figures}, {told['fate']}"]
    lines += [f"conflicts: {', '.join(told['conflicts'])}"] if told["conflicts"] else []
    lines += [f"look at: {', '.join(told['review'])}"] if told["review"] else []
    lines += [f"besides: {', '.join(told['branches'])}"] if told["branches"] else []
    return "\n".join([*lines, *told["problems"]])


def _meter(told: dict[str, Any]) -> str:
    if told["by"] == "end":
        return f"metered at the end: {told['why']}"
    if told["by"] != "gateway":
        return str(told["why"])
    refused = f", {told['refused']} refused" if told["refused"] else ""
    guessed = ", in part estimated" if told["estimated"] else ""
    words = f"by the gateway: {told['calls']} calls{refused}, {tokens(told['usage'])}{guessed}"
    more = ", ".join(f"{count:+} {name}" for name, count in (told["difference"] or {}).items())
    return f"{words}\nthe agent says otherwise: {more}" if more else words


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    usage = found.get("usage") or {}
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(found["events"].items()))
    unknown = found.get("unknown") or {}
    facts = [
        ("run", found["run_id"]),
        ("agent", f"{found['agent']} {found.get('agent_version') or ''} {found.get('model') or ''}".strip()),
        ("task", str(found["task"])),
        ("where", str(found["cwd"])),
        ("grade", "\n".join([kept_in_colour(found["sandbox"]), *(found["sandbox"] or {}).get("lost", [])])),
        ("state", found["status"] or found.get("state") or "–"),
        *([("waits", found["waits"])] if found.get("waits") else []),
        ("reason", reason(found) if found["reason"] else "–"),
        ("evidence", json.dumps(found["evidence"], ensure_ascii=False) if found["evidence"] else "–"),
        ("tokens", tokens(usage)),
        ("turns", f"{usage.get('turns') or '–'}, tool calls {usage.get('tool_calls') or '–'}"),
        ("cost", f"{money(found['cost'])} ({found['cost']['source']})"),
        ("events", counts or "–"),
        ("folder", found["folder"]),
    ]
    if found.get("meter"):
        facts.append(("meter", _meter(found["meter"])))
    if found.get("remarks"):
        facts.append(("remarks", "\n".join(found["remarks"])))
    if found.get("changes"):
        facts.append(("changes", _changes(found["changes"])))
    if unknown:
        kinds = ", ".join(f"{count} x {kind}" for kind, count in sorted(unknown.items()))
        facts.append(("unknown", f"{kinds}: records this adapter doesn't know; they are kept in stream.raw"))
    if found["result"]:
        facts.append(("result", str(found["result"])))
    return facts
