"""PanCode's own records: what an adapter without a `Session` prints, one event of `protocol.py` a line."""

from __future__ import annotations

from pancode.worker.lean_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pancode.worker.profile import Action, Answer
    from pancode.worker.protocol import Usage

KINDS = frozenset(
    ("text", "tool_started", "output", "tool_finished", "refused", "usage", "cost", "retrying", "session")
) | frozenset(("turn", "finished", "problem", "notice"))
_FIELDS = ("tool", "command", "paths", "url", "cwd")


class Session:
    """Passes records on as they are: each is an event already."""

    def __init__(self, _previous: Usage | None = None) -> None:
        """Usage is told step by step, so that earlier turns are in no total."""

    def feed(self, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Give the record, if its kind is an agent's to tell."""
        kind = str(record.get("kind"))
        yield record if kind in KINDS else {"kind": "unknown", "type": kind[:80]}

    def noise(self, _line: str) -> Iterator[Mapping[str, Any]]:
        """Nothing is read from what is no record."""
        yield from ()

    def end(self, _files: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Nothing is held back."""
        yield from ()


def hook_asks(payload: Mapping[str, Any]) -> Action:
    """Read a question that is an action already."""
    if not isinstance(payload.get("tool"), str):
        raise TypeError("the question names no tool")
    found: Any = {name: payload[name] for name in _FIELDS if name in payload}
    return found  # type: ignore[no-any-return]


def hook_says(allow: bool, why: str) -> Answer:
    """Answer in JSON on standard output; the exit status says the same."""
    return {"out": dumps({"allow": allow, "why": why}), "err": "", "exit": 0 if allow else 2}
