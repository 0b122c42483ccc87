"""`pancode runtimes`: which agent CLIs are installed, in which version, and whether that one is tested."""

from __future__ import annotations

import json

import click

from pancode.cli.client import json_option

COLOURS = {"available": None, "missing": "dim", "broken": "red", "unchecked": "yellow"}


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def runtimes(context: click.Context, *, as_json: bool) -> None:
    """List the programs that can run agents; asks those that are new for their version.

    Needs no session. The answers are kept in PANCODE_HOME/runtimes.json until a program changes.
    """
    if context.invoked_subcommand is not None:
        return
    from pancode.cli.agents import here
    from pancode.cli.tables import show
    from pancode.domains.agents import view

    service = here()
    service.probe()
    found = view.runtimes(service)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    rows = [_row(info) for info in found["runtimes"]]
    show(
        ("runtime", "status", "version", ""),
        rows,
        [COLOURS[info["status"]] for info in found["runtimes"]],
        wrap=True,
    )


@runtimes.command()
@click.argument("name")
def install(name: str) -> None:
    """Install what runtime NAME needs of npm, at the versions that PanCode was tested with: mastra.

    They go to PANCODE_HOME/runtimes/NAME. No package runs a program while it is installed.
    """
    from pancode.cli.agents import here

    click.echo(f"installed into {here().install(name)}")


def _row(info: dict[str, object]) -> tuple[str, str, str, str]:
    note = info["note"] or ("tested" if info["tested"] else "")
    if info["status"] == "missing":
        note = f"install: {info['install']}"
    return str(info["id"]), str(info["status"]), str(info["version"] or "–"), str(note)
