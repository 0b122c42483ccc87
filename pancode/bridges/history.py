"""A conversation on disk, in the worker's home: an item a line, the last may be lost."""

from __future__ import annotations

import os
from typing import Any

from pancode.worker.lean_json import dumps, loads

FOLDER = ".local/state/pancode"
"""Where conversations are, relative to HOME; adapters name it in STATE."""


class History:
    """The items of one conversation, which are JSON objects; what an SDK calls a session."""

    def __init__(self, session_id: str, home: str | None = None) -> None:
        """Keep the conversation below `home`, else HOME; the file is made with its first item."""
        self.session_id = session_id
        self.session_settings: Any = None  # an SDK may set it
        self._path = os.path.join(
            home or os.path.expanduser("~"), FOLDER, f"{os.path.basename(session_id)}.jsonl"
        )

    def items(self) -> list[dict[str, Any]]:
        """Give what is there, without lines that were never written to their end."""
        try:
            with open(self._path, encoding="utf-8") as file:
                lines = file.readlines()
        except FileNotFoundError:
            return []
        return [item for line in lines if (item := _item(line)) is not None]

    def add(self, items: list[Any]) -> None:
        """Write more to the end."""
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        # The newline at the beginning ends what a killed worker has left unfinished.
        text = "".join(f"\n{dumps(item)}\n" for item in items)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)

    def replace(self, items: list[Any]) -> None:
        """Begin anew with these."""
        if os.path.exists(self._path):
            os.truncate(self._path, 0)
        self.add(items)

    # As the OpenAI Agents SDK wants it.

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Give the latest `limit` items, calls that were never answered left out."""
        found = answered(self.items())
        return found if limit is None else found[-limit:] if limit else []

    async def add_items(self, items: list[Any]) -> None:
        """Write more to the end."""
        self.add(items)

    async def pop_item(self) -> Any | None:  # noqa: ANN401 -- an item of the SDK's
        """Take the last item away, and give it."""
        found = self.items()
        if not found:
            return None
        self.replace(found[:-1])
        return found[-1]

    async def clear_session(self) -> None:
        """Take everything away."""
        self.replace([])


def answered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out calls without an answer, and answers without a call: no model takes such a history.

    >>> call = {"type": "function_call", "call_id": "a"}
    >>> answer = {"type": "function_call_output", "call_id": "a"}
    >>> answered([call, answer, {**call, "call_id": "b"}]) == [call, answer]
    True
    """
    calls = {item.get("call_id") for item in items if item.get("type") == "function_call"}
    answers = {item.get("call_id") for item in items if item.get("type") == "function_call_output"}
    both = calls & answers
    kinds = ("function_call", "function_call_output")
    return [item for item in items if item.get("type") not in kinds or item.get("call_id") in both]


def _item(line: str) -> dict[str, Any] | None:
    try:
        found = loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
