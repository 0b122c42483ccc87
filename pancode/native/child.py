"""A loop's process, from the fork to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from pancode.native import job as jobs
from pancode.native.acting import Acting
from pancode.native.control import Control
from pancode.native.ending import End
from pancode.native.journal import Journal, UnkeptError
from pancode.native.lines import LONGEST, GoneError, Lines
from pancode.native.loop import Loop
from pancode.native.model import UnknownWireError, Wire, build
from pancode.native.records import Records
from pancode.native.toolbox import Toolbox

log = logging.getLogger("pancode.native")


def work(request: dict[str, Any], line: socket.socket, fds: Sequence[int], context: ssl.SSLContext) -> int:
    """Be the loop that `request` asks for; give the exit status.

    `line` goes to the shim, `fds` are the line to the tools and the pipe for records.
    """
    tools, records = fds
    try:
        job = jobs.read(str(request["folder"]), int(request["generation"]), str(request["key"]))
        asyncio.run(_live(job, line, socket.socket(fileno=tools), Records(records), context))
    except (OSError, GoneError):
        return 0  # The shim or the tools have gone, and with them the run.
    except Exception:
        log.exception("the loop of %s failed", request.get("folder"))
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


def end(status: int) -> None:
    """Leave at once: what a parent has set up to run at its end is not a child's to run."""
    logging.shutdown()
    os._exit(status)
