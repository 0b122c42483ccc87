"""Removes what a session kept: its runs, its index, its settings."""

from __future__ import annotations

import os
import shutil

from pancode.core.errors import ExitCode, PanError
from pancode.domains.session import locks
from pancode.domains.session.ask import controller_pid
from pancode.domains.session.naming import typed
from pancode.domains.session.start import clear_runtime
from pancode.engine.files import unusable
from pancode.engine.places import Places
from pancode.engine.tmux.server import look


def kept_runs(places: Places) -> int:
    """Count the runs that the session has kept."""
    return len(os.listdir(places.runs)) if os.path.isdir(places.runs) else 0


def wipe(places: Places) -> None:
    """Remove the session's state directory; PanError (CONFLICT) while the session is up."""
    with locks.only_one(places):
        if look(places.tmux_socket).state in ("alive", "hung") or controller_pid(places.socket) is not None:
            raise PanError(
                f'session "{places.session}" is up',
                remedy=f"{typed(places, 'down')} first",
                code=ExitCode.CONFLICT,
            )
        try:
            shutil.rmtree(places.state)
        except OSError as error:
            remedy = "make it writable and run pancode reset again"
            raise unusable(f"can't remove {error.filename}", error, remedy) from None
        clear_runtime(places)
