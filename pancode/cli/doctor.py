"""`pancode doctor`: whether what a session needs is there and whole, and what mends it where it isn't."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from pancode.cli.client import json_option, session_option
from pancode.core.errors import ExitCode
from pancode.engine import places

MARKS = {"ok": "✓", "look": "!", "bad": "✗"}
COLOURS = {"ok": None, "look": "yellow", "bad": "red"}


@click.command()
@session_option
@json_option
def doctor(session: str | None, *, as_json: bool) -> int:
    """Look at session, programs, sandbox, models, settings, runs, journals, audit log and disk.

    Nothing is changed. Exit status 1 if something is wrong (✗); what is worth a look (!) is told.
    """
    from pancode.cli.checkups import findings
    from pancode.cli.tables import show

    found = findings(places.find(session))
    if as_json:
        click.echo(json.dumps({"findings": [asdict(one) for one in found]}, ensure_ascii=False))
    else:
        rows = [
            (MARKS[one.state], one.about, one.words + (f"; try: {one.remedy}" if one.remedy else ""))
            for one in found
        ]
        show(("", "what", "how it is"), rows, [COLOURS[one.state] for one in found], wrap=True)
    return int(ExitCode.FAILED if any(one.state == "bad" for one in found) else ExitCode.DONE)
