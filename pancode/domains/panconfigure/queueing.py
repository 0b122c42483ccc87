"""The settings of the queue: how many runs at once, how much memory stays free, how deep runs may nest."""

from __future__ import annotations

import re

from pancode.domains.panconfigure.row import Row

_LIMIT = re.compile(r"\s*(?:[^\s,=][^,=]*=\s*)?[1-9]\d{0,5}\s*")
_MOST = 1_000_000


def _limits(text: str) -> str:
    """Check one number for all and others by name.

    >>> _limits("8, local=2")
    '8, local=2'
    """
    parts = text.split(",")
    if not all(_LIMIT.fullmatch(part) for part in parts) or sum("=" not in part for part in parts) > 1:
        raise ValueError("a number from 1, or numbers by name such as 8,anthropic=4")
    return text


def _count(text: str) -> float:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise ValueError(f"a whole number from 1 to {_MOST}")
    return int(text)


def _whole(text: str) -> float:
    if not text.isascii() or not text.isdecimal() or int(text) > _MOST:
        raise ValueError(f"a whole number from 0 to {_MOST}")
    return int(text)


QUEUE_ROWS = (
    Row(
        "session_concurrency",
        "PANCODE_SESSION_CONCURRENCY",
        "number",
        "",
        "8 for each core, at least 50",
        "how many runs of the session are live together",
        _count,
    ),
    Row(
        "agent_concurrency",
        "PANCODE_AGENT_CONCURRENCY",
        "numbers",
        "",
        "no limit",
        "how many runs of one agent are live together; `3,builder=1` says it for one by name",
        _limits,
    ),
    Row(
        "provider_concurrency",
        "PANCODE_PROVIDER_CONCURRENCY",
        "numbers",
        "",
        "4 for each core, at least 20",
        "how many runs of one model provider are live together; `20,anthropic=4` says it for one by name",
        _limits,
    ),
    Row(
        "node_concurrency",
        "PANCODE_NODE_CONCURRENCY",
        "numbers",
        "",
        "no limit",
        "how many runs are live together whose endpoint is on one machine; `4,10.0.0.7=1` says it for one",
        _limits,
    ),
    Row(
        "free_mb",
        "PANCODE_FREE_MEMORY_MB",
        "number",
        "MB",
        "256",
        "memory that runs leave to everything else: one that would take of it waits",
        _whole,
    ),
    Row(
        "max_depth",
        "PANCODE_DISPATCH_MAX_DEPTH",
        "number",
        "",
        "2",
        "how deep runs may nest that runs ask for; 0 lets no worker start another",
        _whole,
    ),
)
