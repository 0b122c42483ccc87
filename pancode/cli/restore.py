"""`pancode restore`: files as they were before a run, or before an action that was approved."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from pancode.cli.client import json_option, session_option

if TYPE_CHECKING:
    from pancode.domains.isolation.api import Difference

_SHOWN = 20


@click.command()
@click.argument("run")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "--before", metavar="ID", help="As before the question ID, such as a1.  [default: before the run]"
)
@click.option("--list", "only_list", is_flag=True, help="Change nothing; tell what differs.")
@click.option("--overwrite", is_flag=True, help="Also put back files that are there, and different now.")
@session_option
@json_option
def restore(
    run: str,
    paths: tuple[str, ...],
    session: str | None,
    *,
    before: str | None,
    only_list: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Bring back the files that were there before RUN began and are gone; of them PATHs, if any are named.

    Files that are different now, and those that are new, are left as they are. Needs no session.
    """
    from pancode.cli.merge import note
    from pancode.domains.isolation.api import Restorer, Work
    from pancode.engine import places

    where = places.find(session)
    restorer = Restorer(Work(where), os.environ, note)
    name = None if before is None else before.rpartition(".")[2]
    found = restorer.compare(run, name, [_inside(path, where.project) for path in paths])
    brought = [] if only_list else restorer.restore(found, overwrite=overwrite)
    left = [one.path for one in found.other if one.path not in brought]
    if as_json:
        told = {
            "run_id": found.run,
            "checkpoint": found.name,
            "gone": [one.path for one in found.gone],
            "other": [one.path for one in found.other],
            "new": [one.path for one in found.new],
            "restored": brought,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    elif only_list:
        _list(found)
    else:
        click.echo(f" ✓ {_count(brought)} brought back{_named(brought)}")
        if left:
            click.echo(f"   {_count(left)} different now, and left: --overwrite puts back{_named(left)}")


def _inside(path: str, root: str) -> str:
    return os.path.relpath(os.path.abspath(path), root)


def _count(paths: list[str]) -> str:
    return f"{len(paths)} file{'' if len(paths) == 1 else 's'}"


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f": {', '.join(paths[:_SHOWN])}{more}" if paths else ""


def _list(found: Difference) -> None:
    for word, steps in (("gone", found.gone), ("different", found.other), ("new", found.new)):
        for one in steps:
            click.echo(f"{word:<9} {one.path}")
    if not (found.gone or found.other or found.new):
        click.echo("nothing differs")
