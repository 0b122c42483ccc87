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
    from pancode.engine.store import Store

    where = places.find(session)
    where.make()
    with only_one(where):
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(where.database + suffix)
        store = Store(where.database)
        count = rebuild(Folders(where), store)
        store.close()
    click.echo(f"{count} runs indexed")
