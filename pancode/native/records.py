"""PanCode's own records, as the shim reads them: one event of `worker/protocol.py` a line."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage

    from pancode.worker.protocol import AgentEvent

MOST_ARGUMENT, MOST_RESULT = 2000, 4000


class Records:
    """The pipe to the shim, from the moment at which there is one."""

    def __init__(self, fd: int | None = None) -> None:
        """Write to `fd`, waiting for a shim that is behind; None: it is yet to come."""
        self._fd = fd
        self._early = b""

    def attach(self, fd: int) -> None:
        """Write to `fd` from now on, and what was said before; raise OSError when the shim has gone."""
        self._fd = fd
        self._write(self._early)

    def say(self, event: AgentEvent) -> None:
        """Write one record whole; raise OSError when the shim has gone."""
        data = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        if self._fd is None:
            self._early += data
        else:
            self._write(data)

    def _write(self, data: bytes | memoryview) -> None:
        assert self._fd is not None  # noqa: S101 -- narrows the type
        data = memoryview(data)
        while data:
            data = data[os.write(self._fd, data) :]


def usage_of(usage: RequestUsage) -> AgentEvent:
    """Give the record of what one request has used; `input` never counts what came from a cache."""
    fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    known = bool(usage.input_tokens or usage.output_tokens)
    return {
        "kind": "usage",
        "scope": "step",
        "input": max(0, fresh) if known else None,
        "output": usage.output_tokens if known else None,
        "cache_read": usage.cache_read_tokens if known else None,
        "cache_write": usage.cache_write_tokens if known else None,
        "reasoning": usage.output_reasoning_tokens if known else None,
    }


def cut(text: str, most: int = MOST_RESULT) -> str:
    """Give a text that is short enough for a record.

    >>> cut("abcdef", 3)
    'abc… (6 characters)'
    """
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def told(args: Mapping[str, Any]) -> dict[str, Any]:
    """Give a call's arguments as a record has them: lists as the texts in them, the rest plain or left out.

    >>> told({"queries": ["a", "b"], "deep": {"x": 1}, "steps": [{"task": "c"}]})
    {'queries': 'a · b', 'deep': '…', 'steps': 'c'}
    """
    return {str(name): _plain(value) for name, value in args.items() if value is not None}


def _plain(value: object) -> str | int | float | bool:
    if isinstance(value, str):
        return cut(value, MOST_ARGUMENT)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float | bool):
        return value
    if isinstance(value, list):
        texts = [one.get("task") if isinstance(one, dict) else one for one in value]
        return cut(" · ".join(one if isinstance(one, str) else "…" for one in texts), MOST_ARGUMENT)
    return "…"
