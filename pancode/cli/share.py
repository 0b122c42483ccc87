"""`pancode share`: values that people and workers of a session share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places
from pancode.engine.places import Places

_namespace = click.option(
    "--namespace", "-n", metavar="NAME", default="context", show_default=True, help="Where the key belongs."
)
_ttl = click.option("--ttl", type=float, metavar="SECONDS", help="Gone after this; without it, it stays.")
_BEGINS = 60


@click.group()
def share() -> None:
    """What is known: values under names that people, the orchestrator and workers share."""


@share.command("list")
@click.argument("namespace", required=False)
@session_option
@json_option
def list_(namespace: str | None, session: str | None, *, as_json: bool) -> None:
    """List what is shared, in all namespaces or in one."""
    found = _ask("list", {"namespace": namespace}, session)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    if not found["entries"]:
        click.echo("nothing is shared; pancode share set KEY TEXT shares something")
        return
    from pancode.cli.tables import show as show_table

    head = ("namespace", "key", "value", "from", "until")
    rows = [
        (one["namespace"], one["key"], _line(one["value"]), _who(one["parts"][-1]), _until(one))
        for one in found["entries"]
    ]
    show_table(head, rows, [None] * len(rows), wrap=True, drop=("until", "from", "namespace"))


@share.command()
@click.argument("key")
@_namespace
@session_option
@json_option
def get(key: str, namespace: str, session: str | None, *, as_json: bool) -> None:
    """Print a value."""
    found = _ask("get", {"key": key, "namespace": namespace}, session)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else found["value"])


@share.command("set")
@click.argument("key")
@click.argument("text", nargs=-1, required=True)
@_namespace
@_ttl
@session_option
@json_option
def set_(
    key: str, text: tuple[str, ...], namespace: str, ttl: float | None, session: str | None, *, as_json: bool
) -> None:
    """Share a value in the place of what was there. `-` reads it from standard input."""
    _written("set", key, text, namespace, ttl, session, as_json=as_json)


@share.command()
@click.argument("key")
@click.argument("text", nargs=-1, required=True)
@_namespace
@_ttl
@session_option
@json_option
def append(
    key: str, text: tuple[str, ...], namespace: str, ttl: float | None, session: str | None, *, as_json: bool
) -> None:
    """Add to a value; what others have said stays. `-` reads it from standard input."""
    _written("append", key, text, namespace, ttl, session, as_json=as_json)


@share.command()
@click.argument("key")
@_namespace
@session_option
@json_option
def remove(key: str, namespace: str, session: str | None, *, as_json: bool) -> None:
    """Take a value away."""
    found = _ask("remove", {"key": key, "namespace": namespace}, session)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else f"{namespace}/{key} is gone")


@share.command()
@click.argument("key")
@_namespace
@session_option
@json_option
def history(key: str, namespace: str, session: str | None, *, as_json: bool) -> None:
    """Show who changed a value, and when."""
    found = _ask("history", {"key": key, "namespace": namespace}, session)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for change in found["history"]:
        click.echo(f"{_when(change['at'])}  {_who(change)}: {change['what']}, {change['size']} characters")


@share.command()
@click.argument("name", required=False)
@click.option("--remove", "gone", is_flag=True, help="Take the checkpoint away.")
@session_option
@json_option
def checkpoint(name: str | None, session: str | None, *, gone: bool, as_json: bool) -> None:
    """Keep everything as it is under NAME, for `restore`; without NAME list the checkpoints."""
    if name is None:
        if gone:
            raise click.UsageError("which one? pancode share checkpoint --remove NAME")
        _listed(_ask("checkpoints", {}, session), as_json=as_json)
        return
    found = _ask("drop" if gone else "checkpoint", {"name": name}, session)
    words = f'the checkpoint "{name}" is gone' if gone else f'{found["entries"]} kept as "{name}"'
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else words)


@share.command()
@click.argument("name")
@session_option
@json_option
def restore(name: str, session: str | None, *, as_json: bool) -> None:
    """Have exactly what the checkpoint NAME holds; what was there is kept as `before-restore`."""
    found = _ask("restore", {"name": name}, session)
    words = f'{found["entries"]} restored from "{name}"; pancode share restore before-restore takes it back'
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else words)


def _listed(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found["checkpoints"]:
        click.echo(f"{one['name']}  {_when(one['at'])}  {one['entries']} entries, by {one['by']}")
    if not found["checkpoints"]:
        click.echo("there is no checkpoint; pancode share checkpoint NAME makes one")


def _written(
    verb: str,
    key: str,
    text: tuple[str, ...],
    namespace: str,
    ttl: float | None,
    session: str | None,
    *,
    as_json: bool,
) -> None:
    value = sys.stdin.read() if text == ("-",) else " ".join(text)
    found = _ask(verb, {"key": key, "namespace": namespace, "value": value, "ttl": ttl}, session)
    words = f"{namespace}/{key}: {len(found['value'])} characters"
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else words)


def _ask(verb: str, args: dict[str, Any], session: str | None) -> dict[str, Any]:
    where = places.find(session)
    try:
        return request(f"share_{verb}", args, places=where)
    except PanError as error:
        if error.code is not ExitCode.UNREACHABLE or verb not in ("list", "get", "history", "checkpoints"):
            raise
    return dict(_read_only(where)(verb, args, "nobody"))


def _read_only(where: Places) -> Callable[..., Any]:
    from pancode.domains.sharing.journal import Journal
    from pancode.domains.sharing.sharing import Store

    return Store(Journal(where.state)).answer


def _line(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= _BEGINS else f"{line[:_BEGINS]}…"


def _who(said: dict[str, Any]) -> str:
    return f"{said['by']} ({said['agent']})" if said["agent"] else str(said["by"])


def _until(entry: dict[str, Any]) -> str:
    return "" if entry["expires"] is None else _when(entry["expires"])


def _when(at: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
