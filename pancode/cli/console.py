"""The command pane as a program: the prompt of the ui domain, given the verbs of the command line."""

from __future__ import annotations

from pancode.domains.ui.console import Hands, main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def known_verbs() -> list[str]:
    """Give the names of all verbs, sorted."""
    import click

    from pancode.cli.main import cli

    return sorted(cli.list_commands(click.Context(cli)))


def carry_out(words: Sequence[str]) -> None:
    """Run one verb in this process; it tells on the terminal how that went."""
    import contextlib
    import sys

    from pancode.cli.folding import Folding
    from pancode.cli.main import run

    out: Any = Folding(sys.stdout) if sys.stdout.isatty() else sys.stdout
    try:
        with contextlib.redirect_stdout(out):
            run(words)
    except SystemExit:
        return  # A verb that ends the program ends here: the prompt outlives it.


def talk(text: str) -> None:
    """Say something to Panos; what he answers is heard by the listener."""
    carry_out(("ask", "--detach", "--", text))


def context() -> Mapping[str, Any] | None:
    """Give the context meter of the conversation; None where nobody tells."""
    from pancode.cli.client import request
    from pancode.core.errors import PanError
    from pancode.engine import places

    try:
        told = request("conversation", places=places.find())["context"]
    except (PanError, KeyError):
        return None
    return told if isinstance(told, dict) else None


if __name__ == "__main__":
    main(Hands(known_verbs, carry_out, talk, context))
