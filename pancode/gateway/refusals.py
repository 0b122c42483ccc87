"""Errors in each API's own shape, whole or in a stream that has already begun."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pancode.gateway.wires import Wire

LIMIT_STATUS = 400
"""At a limit: the one status that none of the five CLIs repeats; 402, 403 and 429 make some of them wait."""
NO_PASS_STATUS = 401
UNREACHABLE_STATUS = 502
LATER_STATUS = 503

_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    413: "request_too_large",
    503: "overloaded_error",
}
_OPENAI = {
    400: ("invalid_request_error", "budget_exceeded"),
    401: ("authentication_error", "invalid_api_key"),
}
_GEMINI = {400: "FAILED_PRECONDITION", 401: "UNAUTHENTICATED", 503: "UNAVAILABLE"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the gateway itself answers, and with which status; `retry_after` in seconds."""

    status: int
    message: str
    retry_after: int | None = None


NO_PASS = Problem(
    NO_PASS_STATUS, "PanCode's gateway doesn't know this key: its run has ended, or it is no run's"
)


def document(wire: Wire, problem: Problem) -> bytes:
    """Give the body of an error.

    >>> document(Wire.GEMINI, Problem(401, "no"))
    b'{"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}}'
    """
    return _compact(_error(wire, problem))


def headers(problem: Problem) -> list[tuple[str, str]]:
    """Give the headers of an error; the vendors' libraries heed the one about repeating."""
    found = [("content-type", "application/json"), ("x-pancode-gateway", "refused")]
    if problem.retry_after is not None:
        return [*found, ("retry-after", str(problem.retry_after))]
    return [*found, ("x-should-retry", "false" if problem.status < 500 else "true")]  # noqa: PLR2004 -- HTTP's


def in_stream(wire: Wire, problem: Problem) -> bytes:
    """Give the event that ends a stream with an error."""
    body = _error(wire, problem)
    match wire:
        case Wire.ANTHROPIC:
            return b"event: error\ndata: " + _compact(body) + b"\n\n"
        case Wire.RESPONSES:
            failed = {"type": "response.failed", "response": {"status": "failed", "error": body["error"]}}
            return b"event: response.failed\ndata: " + _compact(failed) + b"\n\n"
        case _:
            return b"data: " + _compact(body) + b"\n\n"


def _error(wire: Wire, problem: Problem) -> dict[str, Any]:
    match wire:
        case Wire.ANTHROPIC:
            kind = _ANTHROPIC.get(problem.status, "api_error")
            return {"type": "error", "error": {"type": kind, "message": problem.message}}
        case Wire.GEMINI:
            status = _GEMINI.get(problem.status, "INTERNAL")
            return {"error": {"code": problem.status, "message": problem.message, "status": status}}
        case _:
            kind, code = _OPENAI.get(problem.status, ("server_error", "server_error"))
            return {"error": {"message": problem.message, "type": kind, "param": None, "code": code}}


def _compact(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
