"""`pancode sessions`: lists this user's sessions."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sessions(as_json: bool) -> None:
    """List the sessions of all projects: since when they are up, who looks on, how many work."""
    import json

    from pancode.domains.session.listing import all_sessions

    rows = [_row(listed) for listed in all_sessions()]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    elif not rows:
        click.echo("no session is up; pancode up opens one")
    else:
        _show(rows)
    if not as_json:
        _say_what_is_left()


def _say_what_is_left() -> None:
    from pancode.domains.session.leftovers import leftovers

    if left := leftovers():
        what = "1 thing is" if len(left) == 1 else f"{len(left)} things are"
        click.echo(f"{what} left behind by killed sessions: pancode clean --dry-run", err=True)


def _row(listed: Any) -> dict[str, Any]:  # noqa: ANN401 -- its module is imported only when the verb runs
    from pancode.domains.session.ask import controller_pid
    from pancode.engine.tmux.inspect import census

    counted = census(listed.places.tmux_socket)
    state = listed.server if not listed.is_up else "up" if counted is not None else "hung"
    return {
        "session": listed.places.session,
        "project": listed.places.project,
        "state": {"absent": "down", "stale": "down"}.get(state, state),
        "since": counted.started if counted else None,
        "clients": counted.clients if counted else 0,
        "workers": counted.workers if counted else 0,
        "controller": {"pid": controller_pid(listed.places.socket, seconds=1.0) if counted else None},
        "layout": listed.layout,
        "preset": listed.preset,
        "socket": listed.places.tmux_socket,
    }


def _show(rows: list[dict[str, Any]]) -> None:
    import time

    from pancode.cli.tables import show

    lines = []
    for row in rows:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["since"])) if row["since"] else "–"
        people, workers = str(row["clients"]), str(row["workers"])
        lines.append((row["session"], row["state"], since, people, workers, row["project"]))
    show(("session", "state", "since", "people", "workers", "project"), lines, [None] * len(lines), wrap=True)
