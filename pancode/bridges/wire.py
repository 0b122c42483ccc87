"""What all bridges share: the job they are given, the records they print, the questions they ask."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from pancode.worker.kernel import keep_to_oneself
from pancode.worker.lean_json import dumps, loads

if TYPE_CHECKING:
    from pancode.worker.profile import Action
    from pancode.worker.protocol import AgentEvent, Reason

LONGEST_RESULT = 4000
"""Characters of a tool's result that a record keeps."""
LONGEST_ARGUMENT = 2000
INTERRUPTED = 130
_LONGEST_QUESTION = 1 << 20
_LONGEST_ANSWER = 1 << 20


class BridgeError(Exception):
    """A bad end that can be told in a sentence; `reason` is what the run's verdict takes over."""

    def __init__(self, message: str, reason: Reason = "agent-error", http: int | None = None) -> None:
        """Take the sentence, the reason, and the status of the HTTP answer, if that was it."""
        super().__init__(message)
        self.reason = reason
        self.http = http


@dataclass(frozen=True, slots=True)
class Job:
    """One run, as the adapter's `bridge_launch` wrote it. None means: not set."""

    task: str
    model: str | None = None
    system_prompt: str | None = None
    tools: tuple[str, ...] | None = None  # PanCode's words for them; None: all that the grant permits
    level: str = "suggest"  # "suggest", "auto-edit", "full-auto"
    read_only: bool = True
    session: str | None = None  # the conversation to go on with
    max_turns: int | None = None
    effort: str | None = None
    endpoint: str | None = None
    key: str | None = field(default=None, repr=False)
    port: int | None = None  # where questions are asked; None: nobody can be asked
    ask_s: float = 0.0  # how long an answer may take
    extra_args: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)  # what the bridge's own adapter added

    @property
    def reading(self) -> bool:
        """Whether nothing may be changed."""
        return self.read_only or self.level == "suggest"


def read_job(text: str, key: str | None) -> Job:
    """Read the request of a bridge; ValueError or TypeError if it is none.

    >>> read_job('{"v": 1, "task": "look", "hook": {"command": "", "timeout_s": 9, "port": 7}}', None).port
    7
    """
    told = loads(text)
    if not isinstance(told, dict) or not isinstance(told.get("task"), str):
        raise TypeError("a bridge is given its request by PanCode, as JSON on standard input")
    hook = told.get("hook") or {}
    tools = told.get("tools")
    return Job(
        task=told["task"],
        model=told.get("model"),
        system_prompt=told.get("system_prompt"),
        tools=None if tools is None else tuple(tools),
        level=str(told.get("level", "suggest")),
        read_only=told.get("read_only") is not False,
        session=told.get("session"),
        max_turns=told.get("max_turns"),
        effort=told.get("effort"),
        endpoint=told.get("endpoint"),
        key=key,
        port=hook.get("port"),
        ask_s=float(hook.get("timeout_s", 0)),
        extra_args=tuple(told.get("extra_args") or ()),
        more=told.get("more") or {},
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was answered about an action."""

    allow: bool
    why: str = ""


class Wire:
    """The bridge's two lines to PanCode: records out, questions and answers."""

    def __init__(self, job: Job, out: int) -> None:
        """Print records to the descriptor `out`."""
        self.job = job
        self.failed = False  # a final record has said so
        self._out = out

    def emit(self, event: AgentEvent | Mapping[str, Any]) -> None:
        """Print one event of `worker/protocol.py`, as a whole line."""
        self.failed = self.failed or (event.get("kind") == "finished" and event.get("ok") is not True)
        data = f"{dumps(event)}\n".encode()
        while data:
            data = data[os.write(self._out, data) :]

    async def ask(self, action: Action) -> Verdict:
        """Ask whether the action may be done, and wait for it; whatever goes wrong is a no.

        Where there is nobody to ask, because no sandbox of PanCode's is round the worker, only what reads
        is allowed to one that may not write.
        """
        if self.job.port is None:
            return self._alone(action)
        try:
            async with asyncio.timeout(self.job.ask_s or None):
                answer = loads(await _told(self.job.port, dumps(action).encode()))
            if int(answer["exit"]) != 0:
                return Verdict(allow=False, why=_why(answer))
            return Verdict(allow=loads(str(answer["out"]))["allow"] is True, why=_why(answer))
        except (OSError, ValueError, KeyError, TypeError, TimeoutError) as error:
            words = str(error) or type(error).__name__
            return Verdict(allow=False, why=f"can't ask whether this is allowed: {words}")

    def _alone(self, action: Action) -> Verdict:
        if self.job.reading and action["tool"] not in ("read", "grep", "find", "ls"):
            return Verdict(allow=False, why="this worker may only read")
        return Verdict(allow=True)


def cut(text: object, most: int = LONGEST_RESULT) -> str:
    """Give the text, shortened where it is too long for a record.

    >>> cut("abcdef", 3)
    'abc… (6 characters)'
    """
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[:most]}… ({len(whole)} characters)"


def arguments(given: object) -> dict[str, Any]:
    """Give a tool call's arguments as a record keeps them.

    >>> arguments({"path": "a.txt", "edits": [1]}), arguments("x")
    ({'path': 'a.txt', 'edits': '[1]'}, {'input': 'x'})
    """
    pairs = given.items() if isinstance(given, Mapping) else [("input", given)]
    return {str(name): _argument(value) for name, value in pairs}


def run(work: Callable[[Wire], Awaitable[None]]) -> None:
    """Be a bridge: read the job, do `work`, end the process.

    The end is 0 if `work` returned, 1 if its final record tells of a failure, 1 with such a record if it
    raised, and 130 without one if the run was stopped: `work` is then cancelled, with two seconds to tidy up.
    """
    # What an agent's tools start has the same user: it must find neither the key nor the line for records.
    keep_to_oneself()
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no record
    request, _, key = sys.stdin.read().partition("\n")
    try:
        job = read_job(request, key or None)
    except (ValueError, TypeError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    wire = Wire(job, out)
    try:
        stopped = asyncio.run(_until_stopped(work, wire))
    except Exception as error:  # noqa: BLE001 -- whatever an SDK raises is this run's end, told in a line
        wire.emit(_bad_end(error))
        _leave(1)
    _leave(INTERRUPTED if stopped else int(wire.failed))


def _leave(status: int) -> NoReturn:
    """End at once: to take an SDK's modules apart first may take a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


async def _until_stopped(work: Callable[[Wire], Awaitable[None]], wire: Wire) -> bool:
    task = asyncio.ensure_future(work(wire))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


def _bad_end(error: Exception) -> dict[str, Any]:
    known = isinstance(error, BridgeError)
    said = str(error) if known else f"{type(error).__name__}: {error}"
    end = {"kind": "finished", "ok": False, "message": cut(" ".join(said.split())), "result": None}
    reason, http = (error.reason, error.http) if isinstance(error, BridgeError) else ("agent-error", None)
    return {**end, "reason": reason, "http": http}


async def _told(port: int, question: bytes) -> str:
    if len(question) > _LONGEST_QUESTION:
        raise ValueError(f"the question is longer than {_LONGEST_QUESTION} bytes")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LONGEST_ANSWER)
    try:
        line: socket.socket = writer.get_extra_info("socket")
        # Whoever answers learns of our death at once, not of a connection that is half closed.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, -1)
        writer.write(question)
        writer.write_eof()
        answer = await reader.read()
    finally:
        writer.close()
    if not answer:
        raise ValueError("there is no answer")
    return answer.decode()


def _why(answer: Mapping[str, Any]) -> str:
    try:
        return str(loads(str(answer["out"]))["why"])
    except (ValueError, KeyError, TypeError):
        return str(answer.get("err", "")).strip()


def _argument(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = dumps(value) if isinstance(value, dict | list) else value
    return cut(text, LONGEST_ARGUMENT)
