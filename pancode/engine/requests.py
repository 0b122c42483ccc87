"""Answering the socket's requests: one task each, errors as sentences, streams before answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Handler
from pancode.engine.socket import Connection

log = logging.getLogger("pancode")


class Client:
    """One request's view of its client."""

    def __init__(self, connection: Connection, number: object) -> None:
        """Send to `connection`, marked with the request's id."""
        self._connection = connection
        self._number = number

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one event line; raise ConnectionError when the client has gone."""
        if self.gone:
            raise ConnectionError("the client has gone")
        self.tell(event)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send one event line at once; nothing happens when the client has gone."""
        self._connection.send({"id": self._number, "event": event})

    @property
    def gone(self) -> bool:
        """Whether the client has hung up."""
        return not self._connection.is_open

    @property
    def pid(self) -> int | None:
        """The process that has connected, by the kernel's word."""
        return self._connection.pid


class Requests:
    """The table of verbs, and the tasks that are answering."""

    def __init__(self) -> None:
        """Begin without verbs."""
        self._handlers: dict[str, Handler] = {}
        self._tasks: dict[Connection, set[asyncio.Task[None]]] = {}

    def add(self, verb: str, handler: Handler) -> None:
        """Answer `verb`; two handlers for one verb are an error."""
        if verb in self._handlers:
            raise ValueError(f"the verb {verb} is served already")
        self._handlers[verb] = handler

    def handler(self, verb: str) -> Handler:
        """Give the handler of a verb; KeyError if there is none."""
        return self._handlers[verb]

    def serve(self, connection: Connection, message: dict[str, Any]) -> None:
        """Begin to answer one request; the task ends with its client.

        Work that is to go on without its client must run in a task of its own.
        """
        if not connection.is_open:
            return
        task = asyncio.get_running_loop().create_task(self._answer(connection, message))
        if connection not in self._tasks:
            self._tasks[connection] = set()
            connection.on_lost = lambda: self._lost(connection)
        self._tasks[connection].add(task)
        task.add_done_callback(lambda _: self._tasks.get(connection, set()).discard(task))

    def _lost(self, connection: Connection) -> None:
        for task in self._tasks.pop(connection, set()):
            task.cancel()

    async def _answer(self, connection: Connection, message: dict[str, Any]) -> None:
        number = message.get("id")
        try:
            connection.send({"id": number, "ok": True, "result": await self._result(connection, message)})
        except PanError as error:
            told = {"problem": error.problem, "remedy": error.remedy, "code": int(error.code)}
            connection.send({"id": number, "ok": False, "error": told})
        except ConnectionError:
            return
        except Exception:
            log.exception("the request %r failed", message.get("verb"))
            told = {"problem": "a fault in PanCode; see the controller's log", "code": int(ExitCode.BUG)}
            connection.send({"id": number, "ok": False, "error": told})

    async def _result(self, connection: Connection, message: dict[str, Any]) -> Mapping[str, Any]:
        verb, args = message.get("verb"), message.get("args", {})
        handler = self._handlers.get(verb) if isinstance(verb, str) else None
        if handler is None:
            raise PanError(f'the controller knows no verb "{verb}"', code=ExitCode.USAGE)
        if not isinstance(args, dict):
            raise PanError("args must be an object", code=ExitCode.USAGE)
        return await handler(args, Client(connection, message.get("id")))
