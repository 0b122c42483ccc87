"""A loop's process, from the fork to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from collections.abc import Sequence

from pancode.native import job as jobs
from pancode.native import warm
from pancode.native.acting import Acting
from pancode.native.asked import Asked, receive
from pancode.native.control import Control
from pancode.native.ending import End
from pancode.native.journal import Journal, UnkeptError
from pancode.native.lines import LONGEST, GoneError, Lines
from pancode.native.loop import Loop
from pancode.native.model import UnknownWireError, Wire, build
from pancode.native.records import Records
from pancode.native.toolbox import Toolbox

PASSED = 2
"""Descriptors that come with a request: the line to the tools, the pipe for records."""

log = logging.getLogger("pancode.native")


def stand_by(line: socket.socket, context: ssl.SSLContext) -> int:
    """Practise, then be the loop that is asked for by `line`, with the line to its shim; give the status."""
    warm.practise(context)
    _call_oneself("spare loop")
    asked, fds = receive(line, 1 + PASSED)
    line.close()
    if asked is None:
        return 0  # Nobody has asked, and nobody will.
    return work(asked, socket.socket(fileno=fds[0]), fds[1:], context)


def work(asked: Asked, line: socket.socket, fds: Sequence[int], context: ssl.SSLContext) -> int:
    """Be the loop that is asked for; give the exit status.

    `line` goes to the shim, `fds` are the line to the tools and the pipe for records.
    """
    tools, records = fds
    _call_oneself(f"loop {os.path.basename(asked.folder)}")
    try:
        job = jobs.read(asked.folder, asked.generation, asked.key)
        asyncio.run(_live(job, line, socket.socket(fileno=tools), Records(records), context))
    except (OSError, GoneError):
        return 0  # The shim or the tools have gone, and with them the run.
    except Exception:
        log.exception("the loop of %s failed", asked.folder)
        return 1
    return 0


async def _live(
    job: jobs.Job, line: socket.socket, tools: socket.socket, records: Records, context: ssl.SSLContext
) -> None:
    control = Control(await _lines(line))
    hearing = asyncio.ensure_future(control.live())
    working = asyncio.ensure_future(_run(job, control, tools, records, context))
    await asyncio.wait((hearing, working), return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
    hearing.cancel()
    if not working.cancelled():
        working.result()


async def _run(
    job: jobs.Job, control: Control, tools: socket.socket, records: Records, context: ssl.SSLContext
) -> None:
    try:
        made = build(Wire.of(job.native, job.key), context)
    except UnknownWireError as error:
        records.say(End("agent-error", str(error)).record(0))
        return
    journal = Journal(job.folder)
    toolbox = Toolbox(await _lines(tools), job.generation)
    acting = Acting(job, journal, records, control, toolbox)
    try:
        await Loop(job, made, journal, records, control, acting).work()
    except UnkeptError as error:
        records.say(End("agent-error", str(error)).record(0))
    except ValueError as error:
        records.say(End("agent-error", f"the conversation can't be read: {error}").record(0))
    finally:
        await made.client.aclose()


async def _lines(line: socket.socket) -> Lines:
    line.setblocking(False)
    return Lines(*await asyncio.open_unix_connection(sock=line, limit=LONGEST))


def _call_oneself(name: str) -> None:
    """Have a list of processes say what this one is."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="utf-8") as file:
        file.write(name)


def end(status: int) -> None:
    """Leave at once: what a parent has set up to run at its end is not a child's to run."""
    logging.shutdown()
    os._exit(status)
