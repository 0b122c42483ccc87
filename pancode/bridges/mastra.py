"""An agent of Mastra: a worker of Node's runs it, and has each tool call done here, asked about first."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from typing import TYPE_CHECKING, Any

from pancode.bridges.history import History
from pancode.bridges.reasons import reason_of
from pancode.bridges.toolbox import Toolbox, offered
from pancode.bridges.wire import BridgeError, Job, Wire, run
from pancode.worker.lean_json import dumps, loads

if TYPE_CHECKING:
    from asyncio.subprocess import Process

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "npm", "mastra", "worker.mjs")
KEYS = ("OPENAI_API_KEY",)
URL, MODEL = "https://api.openai.com/v1", "gpt-5.5"
RETRIES = 5
STEPS = 1000
"""Where no limit is set; Mastra's own would be 5."""
LONGEST_LINE = 16 << 20
END_S = 1.0
_PROMPT = "You are a coding agent. Use the tools to do what is asked, then say in short what you did."


async def work(wire: Wire) -> None:
    """Have the task done, and tell what is seen of it."""
    history = History(wire.job.session or f"ma-{uuid.uuid4().hex}")
    wire.emit({"kind": "session", "id": history.session_id})
    async with Toolbox(wire, hidden=KEYS) as toolbox:
        env = {name: text for name, text in os.environ.items() if name not in KEYS}
        worker = await asyncio.create_subprocess_exec(
            str(wire.job.more["node"]),
            WORKER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**env, "MASTRA_TELEMETRY_DISABLED": "1", "NO_COLOR": "1"},
            limit=LONGEST_LINE,
        )
        try:
            await Conversation(wire, history, toolbox, worker).play()
        finally:
            await _ended(worker)


def told(job: Job, messages: list[Any]) -> dict[str, Any]:
    """Give the job as the worker reads it; PanError where there is no key and no endpoint."""
    key = job.key or os.environ.get(KEYS[0])
    if not key:
        raise BridgeError(f"{KEYS[0]} is not set, and there is no endpoint", "auth")
    tools = [{"name": each.name, "says": each.says, "schema": each.schema} for each in offered(job)]
    return {
        "base": job.more["base"],
        "model": job.model or MODEL,
        "url": job.endpoint or URL,
        "key": key,
        "instructions": "\n\n".join(part for part in (_PROMPT, job.system_prompt) if part),
        "messages": [*messages, _said(job.task)],
        "tools": tools,
        "maxSteps": job.max_turns or STEPS,
        "retries": RETRIES,
        "effort": job.effort,
    }


class Conversation:
    """What goes to and fro between the worker and the tools, until one of them has ended."""

    def __init__(self, wire: Wire, history: History, toolbox: Toolbox, worker: Process) -> None:
        """Take a worker that waits for its job."""
        self._wire = wire
        self._history = history
        self._toolbox = toolbox
        self._worker = worker
        self._calls: set[asyncio.Task[None]] = set()

    async def play(self) -> None:
        """Give the worker its job, and go on to its end; BridgeError if that is a bad one."""
        await self._send({"job": told(self._wire.job, self._history.items())})
        assert self._worker.stdout is not None  # noqa: S101 -- it is a pipe
        while line := await self._worker.stdout.readline():
            message = loads(line.decode())
            if "record" in message:
                self._wire.emit(message["record"])
            elif "call" in message:
                task = asyncio.create_task(self._call(message["call"]))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
            elif "failed" in message:
                raise _failure(**message["failed"])
            elif "ended" in message:
                self._ended(**message["ended"])
                return
        raise BridgeError(f"the worker of Mastra has ended with {await self._worker.wait()}", "crashed")

    async def _call(self, call: dict[str, Any]) -> None:
        text = await self._toolbox.call(str(call["tool"]), call["args"], str(call["id"]))
        await self._send({"id": call["id"], "text": text})

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._worker.stdin is not None  # noqa: S101 -- it is a pipe
        with contextlib.suppress(ConnectionError):  # its end is noticed by its output
            self._worker.stdin.write(f"{dumps(message)}\n".encode())
            await self._worker.stdin.drain()

    def _ended(self, messages: list[Any], turns: int, result: str = "", *, limit: bool = False) -> None:
        self._history.add([_said(self._wire.job.task), *messages])
        if limit:
            raise BridgeError(f"the limit of {self._wire.job.max_turns or STEPS} turns is reached", "budget")
        self._wire.emit({"kind": "finished", "ok": True, "result": result, "turns": turns})


def _said(task: str) -> dict[str, Any]:
    return {"role": "user", "content": task}


def _failure(message: str, cause: str, http: int | None) -> BridgeError:
    return BridgeError(
        f"{message} ({cause})" if cause else message, reason_of(f"{message} {cause}", http), http
    )


async def _ended(worker: Process) -> None:
    if worker.stdin is not None:
        worker.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await worker.wait()
    with contextlib.suppress(ProcessLookupError):
        worker.kill()


if __name__ == "__main__":
    run(work)
