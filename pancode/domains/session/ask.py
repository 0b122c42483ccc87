"""Asks a session's controller one thing, without asyncio: for verbs that enter or end a session."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from pancode.core.errors import ExitCode, PanError

ANSWER_SECONDS = 5.0
"""A controller answers within milliseconds; one that needs this long is stuck."""
_CODES = {code.value: code for code in ExitCode}


class UnreachableError(PanError):
    """No controller answers at the socket."""

    def __init__(self, why: str) -> None:
        """Say how to get one."""
        super().__init__(
            f"the session's controller doesn't answer ({why})", remedy="pancode up", code=ExitCode.UNREACHABLE
        )


def ask(
    path: str, verb: str, args: Mapping[str, object] | None = None, seconds: float = ANSWER_SECONDS
) -> Any:  # noqa: ANN401 -- JSON
    """Send one request and give its result.

    UnreachableError where nobody answers within `seconds` of silence; PanError with the controller's
    own words where it refuses.
    """
    request = json.dumps({"id": 1, "verb": verb, "args": dict(args or {})}) + "\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(seconds)
            client.connect(path)
            client.sendall(request.encode())
            return _answer(client)
    except OSError as error:
        raise UnreachableError(str(error.strerror or error)) from None


def _answer(client: socket.socket) -> Any:  # noqa: ANN401 -- JSON
    with client.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            if message.get("id") != 1 or "event" in message:
                continue
            if message.get("ok"):
                return message.get("result")
            error = message.get("error") or {}
            raise PanError(
                str(error.get("problem", "the controller refused")),
                remedy=error.get("remedy"),
                code=_CODES.get(error.get("code", 1), ExitCode.FAILED),
            )
    raise UnreachableError("it hung up")


def controller_pid(path: str, seconds: float = ANSWER_SECONDS) -> int | None:
    """Give the pid of the controller that answers at `path`; None where none does."""
    try:
        result = ask(path, "ping", seconds=seconds)
    except PanError:
        return None
    return int(result["pid"]) if isinstance(result, dict) and result.get("pid") else None
