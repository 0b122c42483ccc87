"""`pancode conversation`: branches, names, checkpoints, and what was said as a file or for the clipboard."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option, request, session_option
from pancode.cli.say_how import tell
from pancode.core.errors import ExitCode, PanError
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.domains.panos.thread import Said
    from pancode.engine.places import Places

LONGEST_LINE = 70
NONE = "pancode ask TEXT begins one, /resume goes on with an earlier one"


@click.group()
def conversation() -> None:
    """The conversation with Panos: its branches, its checkpoints, and what was said."""


@conversation.command()
@session_option
@json_option
def tree(session: str | None, *, as_json: bool) -> None:
    """Show every conversation with its branches and checkpoints, and the turns of the current one."""
    told = _told(places.find(session))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    roots = [one for one in told["conversations"] if _parent(one, told) is None]
    lines = [row for one in roots for row in _branch(one, told, "")]
    for row in lines or ["no conversations yet; pancode ask TEXT begins one"]:
        click.echo(row)
    for number, turn in enumerate(told["turns"], told["first"]):
        click.echo(f"{number:>5} {turn['run']}  {_short(turn['said'])}")


@conversation.command()
@click.argument("run", required=False)
@session_option
@json_option
def fork(run: str | None, session: str | None, *, as_json: bool) -> None:
    """Go on in a branch: from where the conversation stands, or from its turn RUN. The other one stays."""
    told = _do(session, {"do": "fork", "run": run})
    _say(told, as_json=as_json, words=_where(told) + f"; /resume {told['conversation']['forked']} goes back")


@conversation.command()
@click.argument("title", nargs=-1, required=True)
@session_option
@json_option
def name(title: tuple[str, ...], session: str | None, *, as_json: bool) -> None:
    """Give the conversation a title."""
    told = _do(session, {"do": "name", "title": " ".join(title)})
    now = told["conversation"]
    _say(told, as_json=as_json, words=f"{now['id']} is called: {now['title']}")


@conversation.command()
@click.argument("label", nargs=-1)
@session_option
@json_option
def checkpoint(label: tuple[str, ...], session: str | None, *, as_json: bool) -> None:
    """Keep where the conversation stands under LABEL, for `restore`; without LABEL list the checkpoints."""
    if not label:
        told = _told(places.find(session))
        rows = [_marked(one) for one in told["checkpoints"]]
        none = "there is no checkpoint; pancode conversation checkpoint LABEL makes one"
        _say({"checkpoints": told["checkpoints"]}, as_json=as_json, words="\n".join(rows) or none)
        return
    told = _do(session, {"do": "checkpoint", "label": " ".join(label)})
    _say(told, as_json=as_json, words=f"kept: {_marked(told['checkpoints'][0])}")


@conversation.command()
@click.argument("label", nargs=-1, required=True)
@session_option
@json_option
def restore(label: tuple[str, ...], session: str | None, *, as_json: bool) -> None:
    """Go on from the checkpoint LABEL. What was said since stays, as a conversation of its own."""
    told = _do(session, {"do": "restore", "label": " ".join(label)})
    _say(told, as_json=as_json, words=_where(told))


@conversation.command()
@click.argument("file", required=False)
@click.option("--of", metavar="ID", help="Another conversation than the current one.")
@session_option
@json_option
def export(file: str | None, of: str | None, session: str | None, *, as_json: bool) -> None:
    """Write what was said into FILE: as JSON where its name ends so, else as Markdown.

    Without FILE a new one is made in this directory. A file that is there is never written over.
    """
    from pancode.domains.panos.thread import as_json as whole
    from pancode.domains.panos.thread import as_markdown

    about, turns = _thread(places.find(session), of, calls=True)
    names = [file] if file else [f"panos-{about['id']}{more}.md" for more in ("", *_numbers())]
    text = whole(about, turns) if names[0].endswith(".json") else as_markdown(about, turns)
    path = _written(names, text)
    count = f"{len(turns)} turn{'' if len(turns) == 1 else 's'}"
    _say({"file": path, "turns": len(turns)}, as_json=as_json, words=f"{path}: {count}")


@conversation.command()
@session_option
@json_option
def copy(session: str | None, *, as_json: bool) -> None:
    """Put Panos's last answer into the terminal's clipboard, and into tmux's buffer where there is one."""
    from pancode.engine import clipboard

    _, turns = _thread(places.find(session), None)
    answer = next((one.answer for one in reversed(turns) if one.answer), None)
    if answer is None:
        raise PanError("he has said nothing yet in this conversation", code=ExitCode.NOT_FOUND)
    text = "".join(one for one in answer if one.isprintable() or one in "\n\t")
    where = clipboard.put(text)
    _say({"copied": text, "to": where}, as_json=as_json, words=f"{len(text)} characters are in {where}")


def _do(session: str | None, args: Mapping[str, Any]) -> dict[str, Any]:
    return request("conversation", args, places=places.find(session))


def _told(where: Places) -> dict[str, Any]:
    """Give all conversations, with the turns of the current one; from the disk, with no controller."""
    from dataclasses import asdict

    from pancode.domains.panos.book import Book
    from pancode.domains.panos.thread import thread

    book = Book(where.state)
    now = book.current
    turns = [] if now is None else thread(where.runs, now.run)
    return {
        "conversation": None if now is None else asdict(now),
        "conversations": [asdict(one) for one in book.all],
        "checkpoints": [asdict(one) for one in book.checkpoints],
        "turns": [{"run": one.run, "at": one.at, "said": one.said} for one in turns],
        "first": 1 if now is None else max(now.turns - len(turns), 0) + 1,
    }


def _thread(where: Places, of: str | None, *, calls: bool = False) -> tuple[dict[str, Any], list[Said]]:
    from dataclasses import asdict

    from pancode.domains.panos.book import Book
    from pancode.domains.panos.thread import thread

    book = Book(where.state)
    about = book.current if of is None else book.find(of)
    if about is None:
        raise PanError("no conversation is going on", remedy=NONE, code=ExitCode.NOT_FOUND)
    return asdict(about), thread(where.runs, about.run, calls=calls)


def _branch(one: Mapping[str, Any], told: Mapping[str, Any], indent: str) -> Iterator[str]:
    current = (told["conversation"] or {}).get("id")
    turns = f"{one['turns']} turn{'' if one['turns'] == 1 else 's'}"
    since = f", from {one['base']}" if one["base"] else ""
    here = "*" if one["id"] == current else " "
    yield f"{here} {indent}{one['id']}  {turns}{since}  {_short(one['title'])}"
    for mark in told["checkpoints"]:
        if mark["conversation"] == one["id"]:
            yield f"  {indent}  ⚑ {mark['label']}, after {mark['turns']}"
    for branch in reversed(told["conversations"]):
        if _parent(branch, told) == one["id"]:
            yield from _branch(branch, told, indent + "  ")


def _parent(one: Mapping[str, Any], told: Mapping[str, Any]) -> str | None:
    known = {other["id"] for other in told["conversations"]}
    return one["forked"] if one["forked"] in known else None


def _where(told: Mapping[str, Any]) -> str:
    now = told["conversation"]
    turns = f"{now['turns']} turn{'' if now['turns'] == 1 else 's'}"
    return f"the next message goes on in {now['id']}, after {turns}"


def _marked(one: Mapping[str, Any]) -> str:
    when = datetime.fromtimestamp(one["at"]).astimezone().strftime("%m-%d %H:%M")
    return f"{one['label']}  {when}  {one['conversation']}, after {one['turns']} ({one['run']})"


def _short(text: str) -> str:
    from pancode.cli.tables import printable

    line = printable(text)
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"


def _numbers() -> list[str]:
    return [f"-{number}" for number in range(2, 1000)]


def _written(names: list[str], text: str) -> str:
    """Write into the first of these files that isn't there yet, and give its path."""
    for path in names:
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError as error:
            raise PanError(f"can't write {path}: {error.strerror}", code=ExitCode.ENVIRONMENT) from None
        return os.path.abspath(path)
    raise PanError(
        f"{names[0]} is there already, and nothing is written over",
        remedy="give another name",
        code=ExitCode.CONFLICT,
    )


def _say(told: Mapping[str, Any], *, as_json: bool, words: str) -> None:
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        tell(words)
