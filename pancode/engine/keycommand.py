"""Runs the program that prints a key; what it says is given to the caller alone, and never logged."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from pancode.core.errors import ExitCode, PanError

SECONDS = 5.0
"""How long it may take: a password store that must ask a person first can be unlocked beforehand."""
_LONGEST = 10_000


def printed_key(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run the command outside of every sandbox and give the first line of what it prints.

    PanError CONFIG says why there is none; neither its output nor its arguments are repeated in it.
    """
    name = os.path.basename(command[0])
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise _failed(name, f"can't be started: {reason}") from None
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise _failed(name, f"has printed no key within {SECONDS:.0f} seconds") from None
    if process.returncode != 0:
        raise _failed(name, f"ended with {process.returncode}")
    key = output[:_LONGEST].decode("utf-8", "replace").strip().partition("\n")[0].strip()
    if not key or not key.isprintable():
        raise _failed(name, "has printed no key")
    return key


def _failed(name: str, what: str) -> PanError:
    return PanError(
        f'the key command "{name}" {what}',
        remedy="run it in a terminal; its words are in panproviders.yaml",
        code=ExitCode.CONFIG,
    )
