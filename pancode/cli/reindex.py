"""`pancode reindex`: build the index anew from the run folders."""

from __future__ import annotations

import contextlib
import os

import click

from pancode.cli.client import session_option
from pancode.engine import places


@click.command()
@session_option
def reindex(session: str | None) -> None:
    """Build the session's index anew. The session must be down; the runs themselves are not touched."""
    from pancode.app import only_one
    from pancode.domains.dispatch.folders import Folders
    from pancode.domains.dispatch.recovery import reindex as rebuild
    from pancode.domains.session.start import clear_runtime
    from pancode.engine.files import unusable
    from pancode.engine.store import Store
    from pancode.engine.tmux.server import look

    where = places.find(session)
    where.make()
    with only_one(where):
        try:
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(where.database + suffix)
        except OSError as error:
            remedy = "make it writable and run pancode reindex again"
            raise unusable(f"can't replace {error.filename}", error, remedy) from None
        store = Store(where.database)
        count, damaged = rebuild(Folders(where), store)
        store.close()
        if look(where.tmux_socket).state not in ("alive", "hung"):  # Workers may be there still.
            clear_runtime(where)
    click.echo(f"{count} runs indexed")
    for name in damaged:
        click.echo(f"run {name} is left out: {where.runs}/{name}/spec.json can't be read", err=True)
