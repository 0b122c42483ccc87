"""`pancode ask`: a message to Panos, and what there is to say about the conversation with him."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import (
    LOOK_AGAIN,
    json_option,
    operator_environment,
    request,
    request_or_start,
    session_option,
)
from pancode.cli.say_how import tell
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.engine.places import Places

NEXT_TURN_S = 10.0
"""How long a message that waited for a summary may take to be sent."""

LONGEST_BAR, BAR_FROM = 30, 22
"""Columns of the bar of a part that is all of the context, and the column at which bars begin."""


@click.command()
@click.argument("text", nargs=-1)
@click.option("--new", is_flag=True, help="Begin a new conversation; without TEXT, the next message does.")
@click.option("--resume", metavar="ID", help="Go on with an earlier conversation.")
@click.option("--compact", is_flag=True, help="Put a summary in the place of the conversation so far.")
@click.option("--context", is_flag=True, help="Show what fills the context, by category.")
@click.option("--conversations", is_flag=True, help="List the conversations.")
@click.option("--model", "-m", metavar="MODEL", help="The model of a conversation that begins.")
@click.option("--endpoint", metavar="URL", help="Where the model calls of a conversation that begins go.")
@click.option("--detach/--wait", help="Come back at once, or when he has answered.  [default: wait]")
@session_option
@json_option
def ask(  # noqa: PLR0913 -- each is an option of the verb
    text: tuple[str, ...],
    *,
    new: bool,
    resume: str | None,
    compact: bool,
    context: bool,
    conversations: bool,
    model: str | None,
    endpoint: str | None,
    detach: bool,
    session: str | None,
    as_json: bool,
) -> int:
    """Say TEXT to Panos, the orchestrator; it goes on with the conversation of the session.

    He answers when his turn has ended; while one is under way, TEXT waits and is the next one.
    """
    where = places.find(session)
    said = " ".join(text).strip()
    if resume is not None:
        request("conversation", {"do": "resume", "conversation": resume}, places=where)
    if said:
        args = {
            "text": said, "new": new, "model": model, "endpoint": endpoint, "cwd": os.getcwd(),
            "env": operator_environment(),
        }  # fmt: skip
        return _answered(request_or_start("ask", args, places=where), where, detach=detach, as_json=as_json)
    if compact:
        hint = {"do": "compact", "env": operator_environment()}
        return _answered(request("conversation", hint, places=where), where, detach=detach, as_json=as_json)
    if not (new or resume or context or conversations):
        raise PanError("there is nothing to say", remedy="pancode ask TEXT", code=ExitCode.USAGE)
    told = request("conversation", {"do": "new"} if new else {}, places=where)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    elif conversations:
        _list(told)
    else:
        _tell(told)
    return int(ExitCode.DONE)


def _answered(told: Mapping[str, Any], where: Places, *, detach: bool, as_json: bool) -> int:
    """Wait for the answer, show it as it comes, and give the exit status of the turn."""
    from pancode.cli.say_how import STATUS_CODE, public

    run, refused = told["run_id"], told.get("result")
    if refused is not None:
        raise _refusal(refused)
    if told.get("compacting") and not as_json:
        click.echo("a summary takes the place of the conversation so far", err=True)
    if run is None or detach:
        if as_json:
            click.echo(json.dumps({"run_id": run, "after": told.get("after"), "status": None}))
        elif run is None:
            tell(f"this is said to Panos after {told['after']}, which is under way")
        return int(ExitCode.DONE)
    from pancode.cli.answering import shown

    result = shown(str(run), where, quiet=as_json)
    if told.get("then"):
        result = shown(_next_turn(str(run), where), where, quiet=as_json)
    if as_json:
        meter = request("conversation", places=where)["context"]
        click.echo(json.dumps({**public(result), "context": meter}, ensure_ascii=False))
    return int(STATUS_CODE.get(str(result.get("status")), ExitCode.FAILED))


def _next_turn(run: str, where: Places) -> str:
    """Give the turn that goes on from `run`, which is there as soon as that one has ended."""
    import time

    until = time.monotonic() + NEXT_TURN_S
    while time.monotonic() < until:
        rows = request("status", places=where)["workers"]
        found = next((row["run_id"] for row in rows if row["continues"] == run), None)
        if found is not None:
            return str(found)
        time.sleep(LOOK_AGAIN)
    raise PanError(
        "the conversation is compacted, but the message was not sent",
        remedy="say it once more",
        code=ExitCode.FAILED,
    )


def _refusal(result: Mapping[str, Any]) -> PanError:
    record = (result.get("evidence") or {}).get("record") or {}
    problem, _, remedy = str(record.get("problem") or result.get("reason")).partition("\n  try: ")
    return PanError(problem, remedy=remedy or None, code=ExitCode.REFUSED)


def _tell(told: Mapping[str, Any]) -> None:
    import shutil

    now, meter = told["conversation"], told["context"]
    if now is None:
        click.echo("no conversation is going on; the next message begins one")
        return
    turns = f"{now['turns']} turn{'' if now['turns'] == 1 else 's'}"
    click.echo(f"{now['id']}  {turns}  {now['title']}")
    if meter:
        used, mark = int(meter["used"]), "~" if meter["estimated"] else ""
        of = f" of {meter['window']:,}" if meter["window"] else ""
        click.echo(f"context {mark}{used:,} tokens{of}")
        room = max(0, min(LONGEST_BAR, shutil.get_terminal_size().columns - BAR_FROM))
        for name, part in meter["parts"].items():
            share = part / used if used else 0.0
            click.echo(f"  {name:<9}{f'≈{part:,}':>9}  {'█' * round(share * room)}")


def _list(told: Mapping[str, Any]) -> None:
    current = (told["conversation"] or {}).get("id")
    if not told["conversations"]:
        click.echo("no conversations yet; pancode ask TEXT begins one")
    for one in told["conversations"]:
        when = datetime.fromtimestamp(one["at"]).astimezone().strftime("%m-%d %H:%M")
        mark = "*" if one["id"] == current else " "
        click.echo(f"{mark} {one['id']:<5} {when}  {one['turns']:>3} turns  {one['title']}")
