"""A loop's process, from the fork to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from dataclasses import dataclass, field

from pancode.native import job as jobs
from pancode.native import warm
from pancode.native.acting import Acting
from pancode.native.asked import Announced, Asked, receive
from pancode.native.control import Control
from pancode.native.ending import End
from pancode.native.job import Job
from pancode.native.journal import Journal, UnkeptError
from pancode.native.lines import LONGEST, GoneError, Lines
from pancode.native.loop import Loop, opened
from pancode.native.messages import Messages
from pancode.native.model import Made, UnknownWireError, Wire, build
from pancode.native.records import Records
from pancode.native.toolbox import Toolbox

PASSED = 2
"""Descriptors that come with a request: the line to the tools, the pipe for records."""

log = logging.getLogger("pancode.native")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a loop can have before its shim asks for it; `problem` is why there is no model or no history."""

    job: Job
    journal: Journal
    made: Made | None = None
    messages: Messages | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Hands:
    """What reaches out of a loop; there is nothing at their other ends before the shim has asked."""

    records: Records = field(default_factory=Records)
    control: Control = field(default_factory=Control)
    toolbox: Toolbox = field(default_factory=Toolbox)


def stand_by(line: socket.socket, context: ssl.SSLContext, *, has_time: bool) -> int:
    """Be the loop that is announced, then asked for, by `line`, with the line to its shim; give the status.

    One that `has_time` practises first.
    """
    if has_time:
        warm.practise(context)
    _call_oneself("spare loop")
    announced, _ = receive(line, 0)
    if not isinstance(announced, Announced):
        return 0  # Nobody has asked, and nobody will.
    (folder,) = announced.folders
    try:
        prepared = prepare(folder, context)
    except (OSError, ValueError, KeyError):
        log.exception("the run in %s can't be read", folder)
        return 1
    try:
        asyncio.run(stand(line, prepared))
    except (OSError, GoneError):
        return 0  # The shim or the tools have gone, and with them the run.
    except Exception:
        log.exception("the loop of %s failed", folder)
        return 1
    return 0


def prepare(folder: str, context: ssl.SSLContext) -> Prepared:
    """Read the run in `folder`, and get ready to ask its model; raise OSError, ValueError, KeyError."""
    job = jobs.read(folder)
    journal = Journal(folder)
    try:
        return Prepared(job, journal, build(Wire.of(job.native), context), opened(job, journal))
    except UnknownWireError as error:
        return Prepared(job, journal, problem=str(error))
    except ValueError as error:
        return Prepared(job, journal, problem=f"the conversation can't be read: {error}")


async def stand(line: socket.socket, prepared: Prepared) -> None:
    """Go as far as a loop can without its shim, then with it to the end; None comes if nobody asks."""
    hands, now = Hands(), prepared.job.now
    working = asyncio.ensure_future(_run(prepared, hands))
    asked, fds = await _asked(line)
    line.close()
    if not isinstance(asked, Asked):
        return
    if prepared.job.now != now:
        # What the request would offer is of another mode or level than that of this moment.
        working.cancel()
        hands = Hands()
        working = asyncio.ensure_future(_run(prepared, hands))
    _call_oneself(f"loop {os.path.basename(asked.folder)}")
    shim, tools, records = await _lines(fds[0]), await _lines(fds[1]), fds[2]
    hands.toolbox.attach(tools, asked.generation)
    hands.records.attach(records)
    hearing = asyncio.ensure_future(hands.control.live(shim))
    if prepared.made is not None:
        prepared.made.gate.open(asked.key)
    await asyncio.wait((hearing, working), return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
    hearing.cancel()
    for each in (shim, tools):
        each.close()
    if prepared.made is not None:
        await prepared.made.client.aclose()
    if not working.cancelled():
        working.result()


async def _asked(line: socket.socket) -> tuple[Asked | Announced | None, list[int]]:
    """Wait for the request, while the loop gets ready."""
    loop = asyncio.get_running_loop()
    here = asyncio.Event()
    loop.add_reader(line, here.set)
    await here.wait()
    loop.remove_reader(line)
    return receive(line, 1 + PASSED)


async def _run(prepared: Prepared, hands: Hands) -> None:
    job, journal, made, messages = prepared.job, prepared.journal, prepared.made, prepared.messages
    records = hands.records
    if made is None or messages is None:
        records.say(End("agent-error", prepared.problem).record(0))
        return
    acting = Acting(job, journal, records, hands.control, hands.toolbox)
    try:
        await Loop(job, made, journal, records, hands.control, acting).work(messages)
    except UnkeptError as error:
        records.say(End("agent-error", str(error)).record(0))


async def _lines(fd: int) -> Lines:
    line = socket.socket(fileno=fd)
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
