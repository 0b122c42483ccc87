"""The composition root: builds the controller of one session out of its domains, and runs it.

`python -m pancode.app --session NAME --project DIR` is the controller of one session. tmux starts it
and keeps it; `pancode up` starts tmux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Iterator
from typing import IO

from pancode.core.errors import ExitCode, PanError
from pancode.core.redact import redact
from pancode.engine.files import unusable
from pancode.engine.places import Places
from pancode.version import __version__

log = logging.getLogger("pancode")


async def run(places: Places) -> ExitCode:
    """Be the controller until somebody says `shutdown` or the tmux server ends."""
    from pancode.controller import Life
    from pancode.hosting import Controller

    controller = Controller(places)
    await Life(controller).live()
    return ExitCode.DONE if controller.leave.for_good else ExitCode.FAILED


def _opened(path: str) -> IO[str]:
    try:
        return open(path, "a", encoding="utf-8")
    except OSError as error:
        remedy = "make it writable, or point PANCODE_HOME somewhere else"
        raise unusable(f"can't write {path}", error, remedy) from None


@contextlib.contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Hold the session's lock; raise PanError CONFLICT if another controller holds it."""
    with _opened(places.lock) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PanError(
                f'session "{places.session}" has a controller already',
                remedy="pancode attach, or pancode down first",
                code=ExitCode.CONFLICT,
            ) from None
        yield


class _Formatter(logging.Formatter):
    """Writes what is logged, and tracebacks, without their secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the lines of one record."""
        return redact(super().format(record))


def _log_to(path: str) -> None:
    _opened(path).close()
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=1_000_000, backupCount=2)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def main() -> int:
    """Read the two arguments and run; the exit status tells tmux's loop whether to start it again."""
    parser = argparse.ArgumentParser(prog="pancode.app", description="The controller of one session.")
    parser.add_argument("--session", required=True)
    parser.add_argument("--project", required=True)
    args = parser.parse_args()
    os.environ["PANCODE_PROJECT"] = args.project
    os.umask(0o077)  # What the controller writes is its user's alone; workers get theirs from tmux.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    from pancode.engine import places as all_places

    try:
        places = all_places.find(args.session)
        places.make()
        _log_to(places.log)
        log.info("controller %s of %s begins, pid %d", __version__, places.project, os.getpid())
        with only_one(places):
            return int(asyncio.run(run(places)))
    except PanError as error:
        log.error("%s", error)  # noqa: TRY400 -- an expected failure: the sentence is all there is
        sys.stderr.write(f"pancode: {error}\n")
        return int(error.code)
    except Exception:
        log.exception("the controller failed")
        raise


if __name__ == "__main__":
    sys.exit(main())
