"""The command pane as a program: the prompt of the ui domain, given the verbs of the command line."""

from __future__ import annotations

from collections.abc import Sequence

from pancode.domains.ui.console import main


def known_verbs() -> list[str]:
    """Give the names of all verbs, sorted."""
    import click

    from pancode.cli.main import cli

    return sorted(cli.list_commands(click.Context(cli)))


def carry_out(words: Sequence[str]) -> None:
    """Run one verb in this process; it tells on the terminal how that went."""
    from pancode.cli.main import run

    try:
        run(words)
    except SystemExit:
        return  # A verb that ends the program ends here: the prompt outlives it.


if __name__ == "__main__":
    main(known_verbs, carry_out)
