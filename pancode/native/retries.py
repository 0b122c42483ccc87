"""What went wrong with a model request: whether it is worth another try, when, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx2
import openai
from pydantic_ai.exceptions import AgentRunError, ModelAPIError, ModelHTTPError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pancode.worker.protocol import Reason

TRIES = 6
"""Requests that are made for one step before it is given up."""
FIRST_S, SLOWEST_S = 0.5, 30.0
LONGEST_S = 300.0
"""A provider that wants longer than this is not waited for."""
_AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529))
_REASONS: dict[int, Reason] = {
    401: "auth",
    403: "auth",
    404: "model-unknown",
    429: "rate-limit",
    502: "network",
}
_SERVER_ERROR = 500
_REFUSED = frozenset((400, 413, 422))
_TOO_LONG = (
    "context length",
    "context window",
    "context size",
    "maximum context",
    "too long",
    "too many tokens",
)
_BUDGET = "stopped by PanCode's budget"
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request failed. `again`: another try may help; `wait_s`: what the provider asks for."""

    why: str
    reason: Reason
    http: int | None = None
    again: bool = False
    wait_s: float | None = None


def read(error: Exception) -> Trouble:
    """Read an exception of a model request."""
    if isinstance(error, ModelHTTPError):
        return _http(error)
    names = {type(each).__name__ for each in _causes(error)}
    cut = isinstance(error, ModelAPIError) and "finish_reason" in str(error)
    if cut or names & {"RemoteProtocolError", "ReadError", "IncompleteRead"}:
        return Trouble("the answer broke off in the middle", "stream-cut", again=True)
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
        return _in_stream(error)
    network = (openai.APIConnectionError, ModelAPIError, httpx2.HTTPError, OSError)
    if isinstance(error, network):
        return Trouble(_words(error), "network", again=True)
    if isinstance(error, AgentRunError | ValueError):
        # Whatever the server has sent, it is no answer.
        return Trouble(f"the answer can't be read: {_words(error)}", "agent-error", again=True)
    return Trouble(_words(error), "agent-error")


def is_too_long(error: ModelHTTPError) -> bool:
    """Whether a server refuses a request because it is longer than the model's window."""
    words = (_message(error.body) or str(error)).lower()
    return error.status_code in _REFUSED and any(each in words for each in _TOO_LONG)


def wait_before(attempt: int, trouble: Trouble) -> float | None:
    """Give the seconds to wait before the request number `attempt` (from 2 on); None: give it up.

    >>> [wait_before(n, Trouble("busy", "overload", 503, again=True)) for n in (2, 3, 4, 7)]
    [0.5, 1.0, 2.0, None]
    >>> wait_before(2, Trouble("busy", "rate-limit", 429, again=True, wait_s=7.0))
    7.0
    """
    if not trouble.again or attempt > TRIES or (trouble.wait_s or 0.0) > LONGEST_S:
        return None
    own = min(FIRST_S * 2.0 ** (attempt - 2), SLOWEST_S)
    return own if trouble.wait_s is None else max(trouble.wait_s, 0.0)


def _http(error: ModelHTTPError) -> Trouble:
    status = error.status_code
    words = _message(error.body) or f"HTTP {status}"
    if _BUDGET in words:
        return Trouble(words, "budget", status)
    reason = _REASONS.get(status, "overload" if status >= _SERVER_ERROR else "agent-error")
    return Trouble(words, reason, status, again=status in _AGAIN, wait_s=_retry_after(error))


def _in_stream(error: openai.APIError) -> Trouble:
    """Read an error that came as an event of a stream which had begun well."""
    words = _message(error.body) or _words(error)
    if _BUDGET in words:
        return Trouble(words, "budget")
    return Trouble(words, "overload", again=True)


def _retry_after(error: ModelHTTPError) -> float | None:
    """Give the seconds that a `retry-after` header names, in either of its forms."""
    response = getattr(error.__cause__, "response", None)
    headers: Mapping[str, str] = getattr(response, "headers", {})
    said = headers.get("retry-after", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return None
    import time

    return max(0.0, at.timestamp() - time.time())


def _message(body: object) -> str:
    found: Any = body
    for _ in range(2):
        if isinstance(found, dict):
            found = found.get("error", found.get("message", ""))
    return found[:_LONGEST] if isinstance(found, str) else ""


def _words(error: BaseException) -> str:
    causes = [str(each) for each in _causes(error) if str(each)]
    return (causes[-1] if causes else type(error).__name__)[:_LONGEST]


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found
