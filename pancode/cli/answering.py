"""A turn of Panos's in the foreground: his words as they come, then how it ended. Ctrl-C stops the turn."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from typing import Any

import click

from pancode.cli.waiting import wait
from pancode.engine.places import Places

LOOK_AGAIN_S = 0.05
LAST_WORDS_S = 2.0
"""How long the end of an answer may be behind the end of its run."""


def shown(run: str, where: Places, *, quiet: bool) -> dict[str, Any]:
    """Wait for the turn and give its result; unless `quiet`, show what is said meanwhile."""
    if quiet:
        return wait(run, where, quiet=True)
    ended = threading.Event()
    told: list[str] = []
    listener = threading.Thread(target=_listen, args=(run, where, ended, told), daemon=True)
    listener.start()
    result = wait(run, where, quiet=True)
    ended.set()
    listener.join(LAST_WORDS_S)
    from pancode.cli.say_how import ending

    words = str(result.get("result") or "").strip()
    if words and not told:
        click.echo(words)
    click.echo(ending(result), err=True)
    return result


def _listen(run: str, where: Places, ended: threading.Event, told: list[str]) -> None:
    """Print what the journal of the run gets, from its beginning."""
    from pancode.domains.ui.answers import Answers
    from pancode.domains.ui.theme import wants_colour
    from pancode.engine import files

    answers, seq = Answers(), 0
    colour = sys.stdout.isatty() and wants_colour(os.environ)
    answers.live = run
    journal = os.path.join(where.runs, run, "events.jsonl")
    while True:
        last = ended.is_set()
        width = shutil.get_terminal_size().columns
        for record in files.read_journal(journal, seq):
            seq = int(record["seq"])
            event = {"topic": "event", "run": run, "record": record}
            _print(answers.hear(event, width, colour=colour), told)
        if last:
            row = {"agent": "panos", "run_id": run, "state": "done", "parent": None}
            _print(answers.hear({"topic": "worker", "worker": row}, width, colour=colour), told)
            return
        ended.wait(LOOK_AGAIN_S)


def _print(lines: list[str], told: list[str]) -> None:
    for line in lines:
        told.append(line)
        click.echo(line)
