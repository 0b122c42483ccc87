"""An adapter for agents that are made up in tests: each record is an event, or says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def hook_asks(payload: Mapping[str, Any]) -> Any:
    if payload.get("do") == "raise":
        raise RuntimeError("this adapter has a bug")
    return payload["action"]


def hook_says(allow: bool, why: str) -> Any:
    if why == "say nonsense":
        raise RuntimeError("this adapter has a bug")
    return {"out": f"said {'yes' if allow else 'no'}", "err": why, "exit": 0 if allow else 2}


class Session:
    def __init__(self, previous: Mapping[str, Any] | None = None) -> None:
        self.previous = previous

    def feed(self, record: Mapping[str, Any]) -> Iterator[Any]:
        if record.get("do") == "raise":
            raise RuntimeError("this adapter has a bug")
        if "kind" in record:
            yield record
        else:
            yield {"kind": "unknown", "type": str(record.get("type"))}

    def noise(self, line: str) -> Iterator[Any]:
        if line.startswith("fatal: "):
            yield {"kind": "problem", "message": line, "reason": "auth"}

    def end(self, files: Mapping[str, Any]) -> Iterator[Any]:
        for tokens in files.values():
            yield {"kind": "usage", "scope": "total", **tokens}
