"""Why a model call has failed, as far as its status and its words tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pancode.worker.protocol import Reason

_BY_STATUS: dict[int, Reason] = {
    401: "auth",
    403: "auth",
    404: "model-unknown",
    408: "network",
    429: "rate-limit",
}
_SERVER = 500
_BY_WORDS: dict[str, Reason] = {
    "s budget:": "budget",  # the gateway's word
    "api key": "auth",
    "api_key": "auth",
    "unauthorized": "auth",
    "rate limit": "rate-limit",
    "overload": "overload",
    "incomplete": "stream-cut",
    "terminated": "stream-cut",
    "premature": "stream-cut",
    "closed connection": "stream-cut",
    "connect": "network",
    "timed out": "network",
}


def reason_of(words: str, http: int | None = None) -> Reason:
    """Give the reason of a bad end, the words first where they are the gateway's.

    >>> reason_of("no such key", 401), reason_of("run k3f's budget: 2 turns", 403), reason_of("peculiar")
    ('auth', 'budget', 'agent-error')
    """
    said = words.lower()
    if http is not None and "s budget:" not in said:
        found = "overload" if http >= _SERVER else _BY_STATUS.get(http)
        if found is not None:
            return found
    return next((reason for word, reason in _BY_WORDS.items() if word in said), "agent-error")
