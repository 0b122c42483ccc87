"""`pancode config`: the settings in force, where each comes from, and changing yours."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.mode import operators_only
from pancode.cli.plain import plain
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places as where
from pancode.engine.places import Places

if TYPE_CHECKING:
    from pancode.domains.panconfigure.changing import Change
    from pancode.domains.panconfigure.inforce import InForce
    from pancode.domains.panconfigure.key import Key


@click.group(invoke_without_command=True)
@session_option
@json_option
@click.pass_context
def config(context: click.Context, session: str | None, *, as_json: bool) -> None:
    """Show the settings in force, and change yours in ~/.pancode/config.yaml. Needs no session."""
    context.obj = session
    if context.invoked_subcommand is None:
        _list(where.find(session), None, as_json=as_json)


@config.command("list")
@click.argument("group", required=False)
@session_option
@json_option
@click.pass_obj
def list_(above: str | None, group: str | None, session: str | None, *, as_json: bool) -> None:
    """List every setting in force and the layer that sets it, or those of GROUP, such as models."""
    _list(where.find(session or above), group, as_json=as_json)


@config.command()
@click.argument("key")
@session_option
@json_option
@click.pass_obj
def get(above: str | None, key: str, session: str | None, *, as_json: bool) -> None:
    """Print the value of KEY that is in force."""
    from pancode.domains.panconfigure.changing import key_of
    from pancode.domains.panconfigure.rows import row

    setting, configuration = key_of(key), _in_force(where.find(session or above))
    told = row(configuration.resolved(os.environ)[setting.name])
    click.echo(json.dumps(told) if as_json else plain(told["text"]))
    _warn(configuration)


@config.command()
@click.argument("key")
@session_option
@json_option
@click.pass_obj
def explain(above: str | None, key: str, session: str | None, *, as_json: bool) -> None:
    """Say what sets KEY, what it would be without that, when a change counts and who may make it."""
    from pancode.domains.panconfigure.changing import key_of
    from pancode.domains.panconfigure.rows import explained

    setting, places = key_of(key), where.find(session or above)
    configuration = _in_force(places)
    told = explained(configuration.resolved(os.environ)[setting.name])
    told["session"] = _in_session(setting, places)
    if as_json:
        click.echo(json.dumps(told))
    else:
        _explain(told)
    _warn(configuration)


@config.command("set")
@click.argument("key")
@click.argument("value")
@session_option
@json_option
@click.pass_obj
def set_(above: str | None, key: str, value: str, session: str | None, *, as_json: bool) -> None:
    """Set KEY to VALUE in your own file. A session that is up takes it over at once, where it can."""
    from pancode.domains.panconfigure.changing import change, check, key_of

    setting = key_of(key)
    check(setting, value)
    _in_force(where.find(session or above)).check_preset(setting.name, value)
    _change(
        "config_set",
        {"key": setting.name, "value": value},
        (where.find(session or above), f"set {setting.name} {value}"),
        lambda places: change(places.home, setting, value, "operator"),
        as_json=as_json,
    )


@config.command()
@click.argument("key")
@session_option
@json_option
@click.pass_obj
def unset(above: str | None, key: str, session: str | None, *, as_json: bool) -> None:
    """Take KEY out of your own file: what the other layers say holds then."""
    from pancode.domains.panconfigure.changing import change, key_of

    setting = key_of(key)
    _change(
        "config_set",
        {"key": setting.name, "value": None},
        (where.find(session or above), f"unset {setting.name}"),
        lambda places: change(places.home, setting, None, "operator"),
        as_json=as_json,
    )


@config.command()
@session_option
@json_option
@click.pass_obj
def undo(above: str | None, session: str | None, *, as_json: bool) -> None:
    """Take the last change by set or unset back; once more, and the one before it."""
    from pancode.domains.panconfigure.changing import undo as take_back

    _change(
        "config_undo",
        {},
        (where.find(session or above), "undo"),
        lambda places: take_back(places.home, "operator"),
        as_json=as_json,
    )


def _warn(configuration: InForce) -> None:
    """Name every mistake: what is wrong says nothing, and what it should have said is not in force."""
    for one in configuration.mistakes():
        click.echo(plain(f"pancode: {one}"), err=True)


def _in_force(places: Places) -> InForce:
    from pancode.domains.panconfigure.inforce import InForce

    return InForce(places, os.environ)


def _list(places: Places, group: str | None, *, as_json: bool) -> None:
    from pancode.domains.panconfigure.fromyaml import GROUPS
    from pancode.domains.panconfigure.rows import listed
    from pancode.domains.panconfigure.schema import KEYS
    from pancode.engine.documents import suggestion

    groups = dict.fromkeys([*GROUPS, *(key.name.partition(".")[0] for key in KEYS)])
    if group is not None and group not in groups:
        raise PanError(
            f'there is no group "{group}"', remedy=suggestion(group, groups), code=ExitCode.NOT_FOUND
        )
    found = listed(_in_force(places), os.environ, group)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    _show(found)


def _show(found: Mapping[str, Any]) -> None:
    from pancode.cli.tables import printable, show

    rows = [(one["key"], one["text"], one["layer"], one["meaning"]) for one in found["settings"]]
    colours = ["dim" if one["layer"] == "default" else None for one in found["settings"]]
    heads = ("key", "in force", "set by", "meaning")
    show(heads, rows, colours, wrap=True, drop=("meaning", "set by"))
    for one in found["mistakes"]:
        click.echo(printable(f"{one['file']}:{one['line']}: {one['problem']}"), err=True)
    for one in found["left_out"]:
        click.echo(printable(f"{one['where']}: left out: {one['why']}"), err=True)


def _explain(told: Mapping[str, Any]) -> None:
    from pancode.cli.tables import show

    click.echo(f"{told['key']}: {told['meaning']}\n")
    rows = [(one["layer"], one["text"], one["where"] or "") for one in told["said"]]
    colours = [None, *["dim"] * (len(rows) - 1)]
    show(("layer", "says", "where"), rows, colours, wrap=True, drop=("where",))
    for one in told["left_out"]:
        click.echo(plain(f"left out: {one['text']} ({one['where']}): {one['why']}"))
    if (other := told["otherwise"]) is not None:
        click.echo(plain(f"without {told['where']} it would be {other['text']} ({_from(other)})"))
    if told["session"] is not None:
        click.echo(f"\nthe session that is up is at {told['session']}")
    rest = [f"variable: {told['variable']}"]
    rest += [f"option: {told['flag']}"] if told["flag"] else []
    rest += [f"a change counts {told['effect']}" + (", in admin mode only" if told["admin_only"] else "")]
    click.echo("\n" + "\n".join(rest))


def _from(said: Mapping[str, Any]) -> str:
    return "the default" if said["layer"] == "default" else str(said["where"])


def _in_session(key: Key, places: Places) -> str | None:
    """Give the mode or the level of the session, if one is up: they are chosen in it, too."""
    if key.field not in ("mode", "safety") or not os.path.exists(places.socket):
        return None
    try:
        return str(request(key.field, {"value": None}, places=places)[key.field])
    except PanError:
        return None


def _change(
    verb: str,
    args: Mapping[str, Any],
    at: tuple[Places, str],
    alone: Callable[[Places], Change],
    *,
    as_json: bool,
) -> None:
    """Have it changed by the controller; where none is up, in the file that it will read."""
    operators_only("a setting")
    places, command = at
    environment = {name: text for name, text in os.environ.items() if name.startswith("PANCODE_")}
    try:
        told = request(verb, {**args, "env": environment}, places=places)
    except PanError as error:
        if error.code is not ExitCode.UNREACHABLE:
            raise
        told = _changed_alone(places, command, alone)
    if as_json:
        click.echo(json.dumps(told))
        return
    click.echo(_sentence(told))
    for note in told["notes"]:
        click.echo(f"pancode: {note}", err=True)


def _changed_alone(places: Places, command: str, alone: Callable[[Places], Change]) -> dict[str, Any]:
    from pancode.domains.panconfigure.changes import decided
    from pancode.domains.panconfigure.rows import text_of
    from pancode.domains.safety.audit import Audit, Word, audit_path

    configuration = _in_force(places)
    places.make()
    record = decided(places.session, f"config {command}", "no session was up", Word.ALLOWED, "operator")
    Audit(audit_path()).append(record)
    before = configuration.before_a_change(os.environ)
    made = alone(places)
    after = configuration.before_a_change(os.environ)[made.key]
    is_stronger = made.after is not None and after.winner.layer not in ("user", "default")
    return {
        "key": made.key,
        "before": text_of(before[made.key]),
        "after": text_of(after),
        "effect": "with the next up",
        "notes": [f"{after.winner.where} is stronger and says {after.winner.text}"] if is_stronger else [],
    }


def _sentence(told: Mapping[str, Any]) -> str:
    if told["before"] == told["after"]:
        return f"{told['key']} is {told['after']}, as it was"
    return f"{told['key']} is {told['after']} {told['effect']}; it was {told['before']}"
