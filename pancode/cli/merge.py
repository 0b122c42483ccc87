"""`pancode merge`, `pancode discard`, `pancode undo`: what becomes of an isolated run's changes."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from pancode.cli.client import json_option, session_option
from pancode.core.errors import ExitCode, PanError

if TYPE_CHECKING:
    from pancode.domains.isolation.api import Changes, Merges, Work
    from pancode.engine.places import Places

_INTO = {"patch": "into your work tree, uncommitted", "commits": "as commits on your branch"}


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--as",
    "how",
    type=click.Choice(["patch", "branch", "commits"]),
    default="patch",
    show_default=True,
    help="Uncommitted in your work tree; as the branch pancode/RUN; or as commits on your branch.",
)
@click.option(
    "--verify",
    metavar="CMD",
    help="First run this in a clone with the result, as a worker; merge only if it ends with 0.",
)
@click.option("--yes", is_flag=True, help="Don't ask about files that others execute or obey later.")
@session_option
@json_option
def merge(
    runs: tuple[str, ...], how: str, verify: str | None, session: str | None, *, yes: bool, as_json: bool
) -> int:
    """Put what isolated runs have left into your repository, one after the other.

    Your uncommitted changes stay. A conflict changes nothing: the run is marked needs-merge, the files are
    named, and the runs behind it are left for later.
    """
    from pancode.domains.isolation.api import How

    merges, work, where = _merges(session)
    lefts = [work.changes(run) for run in runs]
    _look_through(lefts, yes=yes)
    done: list[Changes] = []
    for left in lefts:
        check = None if verify is None else _Check(verify, where, quiet=as_json)
        done.append(merges.merge(left.run, How(how), check))
        if not as_json:
            _say(done[-1], "patch" if how == "branch" else "branch")
        if done[-1].conflicts:
            break
    if as_json:
        click.echo(json.dumps({"runs": [_told(left) for left in done]}, ensure_ascii=False))
    return int(ExitCode.CONFLICT if done[-1].conflicts else ExitCode.DONE)


@click.command()
@click.argument("run")
@session_option
@json_option
def discard(run: str, session: str | None, *, as_json: bool) -> None:
    """Put aside what an isolated RUN has left; `pancode undo RUN` brings it back."""
    _decided(_merges(session)[0].discard(run), as_json=as_json)


@click.command()
@click.argument("run")
@session_option
@json_option
def undo(run: str, session: str | None, *, as_json: bool) -> None:
    """Take back the merge or the discarding of what RUN has left, if nothing has changed there since."""
    _decided(_merges(session)[0].undo(run), as_json=as_json)


def _merges(session: str | None) -> tuple[Merges, Work, Places]:
    from pancode.domains.isolation.api import Merges, Work
    from pancode.engine import places

    where = places.find(session)
    work = Work(where)
    return Merges(work, os.environ, note), work, where


def note(words: str) -> None:
    """Say what was found cut off, and is settled now."""
    click.echo(f"pancode: {words}", err=True)


def _decided(left: Changes, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_told(left), ensure_ascii=False))
    else:
        _say(left)


def _told(left: Changes) -> dict[str, object]:
    branch = (left.merge or {}).get("branch")
    return {"run_id": left.run, **left.told, **({"branch": branch} if branch else {})}


def _say(left: Changes, other: str = "branch") -> None:
    """Say what became of the changes; after a conflict, as what `other` they may be taken."""
    if left.fate == "needs-merge":
        click.echo(f" ✗ {left.run} needs-merge: {left.counts}; both sides changed", err=True)
        for path in left.conflicts:
            click.echo(f"     {path}", err=True)
        click.echo(f"   pancode diff {left.run} · pancode merge {left.run} --as {other}", err=True)
        return
    how = (left.merge or {}).get("how")
    where = f": branch {(left.merge or {})['branch']}" if how == "branch" else ""
    where = f" {_INTO[str(how)]}" if how in _INTO else where
    click.echo(f" ✓ {left.run} {left.words}{where}")


def _look_through(lefts: list[Changes], *, yes: bool) -> None:
    """Show the changed files that others execute or obey later, and ask about them."""
    waiting = ("open", "needs-merge")
    named = [f"{left.run}: {path}" for left in lefts for path in left.review if left.fate in waiting]
    if not named or yes:
        return
    click.echo("others execute or obey these files later:", err=True)
    for line in named:
        click.echo(f"  {line}", err=True)
    if not sys.stdin.isatty():
        raise PanError(
            f"changes to {len(named)} such file{'' if len(named) == 1 else 's'} need your yes",
            remedy=f"look at them with pancode diff {lefts[0].run}, then merge with --yes",
            code=ExitCode.REFUSED,
        )
    click.confirm("merge them?", abort=True, err=True)


class _Check:
    """A check of a merge's result: a command, run by the shell agent in a clone that is only for it."""

    def __init__(self, command: str, where: Places, *, quiet: bool) -> None:
        self._command = command
        self._where = where
        self._quiet = quiet

    def __call__(self, commit: str, root: str) -> None:
        from pancode.cli.run import start, waited

        asked = {"agent": "shell", "task": self._command, "cwd": root, "isolate": True, "start_from": commit}
        told = start(asked, self._where)
        result = told["result"] or waited(told, self._where, as_json=self._quiet)
        if result["status"] != "done":
            raise PanError(
                f"the check ended {result['status']}: nothing is merged",
                remedy=f"pancode logs {result['run_id']}",
                code=ExitCode.FAILED,
            )
