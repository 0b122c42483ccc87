"""The command line: verbs are found through the domains' manifests and imported when they are called."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

import click

from pancode.cli.plain import plain
from pancode.core.errors import ExitCode, PanError
from pancode.version import __version__


class _Verbs(click.Group):
    """Loads a verb's module when the verb is named; `--help` lists them from the manifests."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Give every verb's name."""
        return sorted(self._verbs())

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 -- click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import the verb, or give None for a word that is none."""
        where = self._verbs().get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{where} is not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which verb may have been meant."""
        name = args[0] if args else ""
        if not name.startswith("-") and name not in self._verbs():
            from difflib import get_close_matches

            near = get_close_matches(name, self._verbs(), n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise PanError(f'there is no verb "{name}"{hint}', remedy="pancode --help", code=ExitCode.USAGE)
        return super().resolve_command(ctx, args)

    @staticmethod
    def _verbs() -> dict[str, str]:
        from pancode.finding import manifests

        return {verb: where for manifest in manifests() for verb, where in manifest.verbs.items()}


@click.command(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(__version__, prog_name="pancode")
def cli() -> None:
    """Run many coding agents at once: one live tmux pane each, one policy, one ledger.

    `pancode up` opens the session of the repository you are in.
    """


def run(words: Sequence[str]) -> int:
    """Run one command line; give its exit status. Every expected failure becomes a sentence."""
    _print_anything()
    try:
        result: Any = cli.main(list(words), prog_name="pancode", standalone_mode=False)
        sys.stdout.flush()
    except PanError as error:
        _say(f"pancode: {error}")
        return int(error.code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return int(ExitCode.USAGE)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = f"{context.command_path} --help" if context else "pancode --help"
        _say(f"pancode: {_lowered(error.format_message())}\n  try: {where}")
        return int(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # Who read it has seen enough; Python's own flush at the end must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except Exception:  # noqa: BLE001 -- a fault of ours: keep the traceback, but not on the screen
        _say(f"pancode: a fault in PanCode itself; the traceback is in {_keep_traceback()}")
        return int(ExitCode.BUG)
    return result if isinstance(result, int) else int(ExitCode.DONE)


def _print_anything() -> None:
    """Let a letter that the terminal's encoding lacks cost a question mark, and not the whole answer."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _say(text: str) -> None:
    from pancode.cli.say_how import say

    say(plain(text))


def _lowered(text: str) -> str:
    return (text[:1].lower() + text[1:]).rstrip(".")


def _keep_traceback() -> str:
    import tempfile
    import traceback

    try:
        descriptor, path = tempfile.mkstemp(prefix="pancode-fault-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            traceback.print_exc(file=file)
    except OSError:
        return f"no file, as none can be written: {sys.exc_info()[1]}"
    return path


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
