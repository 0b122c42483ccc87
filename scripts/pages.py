"""Markdown made from the code, for the marked parts of the pages in docs/."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from pancode.cli.main import cli
from pancode.core.errors import ExitCode
from pancode.core.gates import PLACES
from pancode.core.manifest import load_order
from pancode.finding import manifests
from scripts.diagram import state_diagram

__all__ = ["domains", "exit_codes", "gates", "state_diagram", "table", "verbs"]

HELP_WIDTH = 90


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    r"""Give a Markdown table; a bar inside a cell is kept a bar.

    >>> print(table(("a", "b"), [("1", "x|y")]))
    | a | b |
    | --- | --- |
    | 1 | x\|y |
    """
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def exit_codes() -> str:
    """Give the table of every exit status of `pancode`."""
    rows = [(str(code.value), code.name, code.meaning) for code in ExitCode]
    return table(("code", "name", "what it says"), rows)


def gates() -> str:
    """Give the admission gates in the order in which they are asked."""
    rows = [(str(place.order), f"`{name}`", place.refuses) for name, place in PLACES.items()]
    return table(("order", "gate", "what it refuses"), rows)


def domains() -> str:
    """Give the domains in the order in which they are loaded, and the graph of their needs."""
    order = load_order(manifests())
    rows = [
        (str(place), manifest.name, manifest.summary, ", ".join(manifest.needs) or "-")
        for place, manifest in enumerate(order, 1)
    ]
    edges = [f"    {manifest.name} --> {need}" for manifest in order for need in manifest.needs]
    graph = "\n".join(["```mermaid", "graph TD", *edges, "```"])
    return f"{table(('', 'domain', 'what it is for', 'needs'), rows)}\n\n{graph}"


def verbs() -> str:
    """Give every verb with the text of its `--help`."""
    names = cli.context_settings["help_option_names"]
    top = click.Context(cli, info_name="pancode", terminal_width=HELP_WIDTH, help_option_names=names)
    return "\n\n".join(f"## {name}\n\n```\n{text}\n```" for name, text in _helps(cli, top))


def _helps(group: click.Group, above: click.Context) -> Iterator[tuple[str, str]]:
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        if command is None or command.hidden:
            continue
        context = click.Context(command, parent=above, info_name=name, terminal_width=HELP_WIDTH)
        yield context.command_path, command.get_help(context)
        if isinstance(command, click.Group):
            yield from _helps(command, context)
