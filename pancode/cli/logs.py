"""`pancode logs`: what a run's pane showed, or the agent's stream as it came."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import IO

import click

from pancode.cli.client import session_option
from pancode.core.errors import ExitCode, PanError
from pancode.core.ids import resolve
from pancode.engine import places
from pancode.engine.places import Places

LOOK_AGAIN = 0.1
"""Seconds between two looks at a file that may have grown."""


@click.command()
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="Go on printing until the run has ended.")
@click.option("--raw", is_flag=True, help="Print the agent's own stream, byte for byte.")
@session_option
def logs(run: str, session: str | None, *, follow: bool, raw: bool) -> None:
    """Print the transcript of RUN. Colours are kept on a terminal and left out elsewhere."""
    folder = _folder(run, places.find(session))
    pieces = _grown(os.path.join(folder, "stream.raw" if raw else "terminal.cast"), folder, follow=follow)
    if raw:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        return
    from pancode.domains.ui.text import without_escapes

    is_seen = sys.stdout.isatty()
    for text in _shown(pieces):
        click.echo(text if is_seen else without_escapes(text), nl=False)


def _folder(run: str, where: Places) -> str:
    try:
        known = os.listdir(where.runs)
    except OSError:
        known = []
    folder = os.path.join(where.runs, resolve(run, known))
    if not os.path.isdir(folder):
        raise PanError(f'there is no run "{run}"', remedy="pancode runs", code=ExitCode.NOT_FOUND)
    return folder


def _grown(path: str, folder: str, *, follow: bool) -> Iterator[bytes]:
    """Give the file's bytes; with `follow`, what is added until the run has its result."""
    file: IO[bytes] | None = None
    while True:
        ended = os.path.exists(os.path.join(folder, "result.json"))
        if file is None and os.path.exists(path):
            file = open(path, "rb")  # noqa: SIM115 -- lives as long as this generator
        if file is not None:
            while piece := file.read(65536):
                yield piece
        if ended or not follow:
            break
        time.sleep(LOOK_AGAIN)
    if file is not None:
        file.close()


def _shown(pieces: Iterator[bytes]) -> Iterator[str]:
    """Give the output events of an asciicast as terminal text."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, list) and len(event) == 3 and event[1] == "o":  # noqa: PLR2004 -- asciicast v2
                yield str(event[2]).replace("\r\n", "\n")
