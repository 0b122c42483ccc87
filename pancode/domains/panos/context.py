"""What fills the orchestrator's context, by category, read from the history of its last turn. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pancode.core.conversation import LETTERS

CATEGORIES = ("system", "tools", "scout", "dispatch", "panos", "user")
"""System prompt; tools and what they gave; reports of scouts; reports of workers; its own words; yours."""
_SCOUTS = frozenset({"shadow_explore"})
_DISPATCHES = frozenset({"dispatch_agent", "batch_dispatch", "dispatch_chain"})

Messages = Sequence[Mapping[str, Any]]


def meter(messages: Messages, system: str, definitions: str, window: int | None) -> dict[str, Any]:
    """Give `used` tokens, the model's `window` (None: nobody knows), and the share of each category.

    `used` is the provider's own figure for the last answer where there is one, and `estimated` otherwise.
    The shares are that figure, divided by their letters: estimates, that add up to it. `fixed` is what no
    compaction frees: the system prompt and the definitions of the tools, by their letters.

    >>> said = {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "x" * 40}]}
    >>> told = meter([said], "", "", 100)
    >>> told["used"], told["parts"]["user"], told["estimated"]
    (10, 10, True)
    """
    letters = dict.fromkeys(CATEGORIES, 0) | {"system": len(system), "tools": len(definitions)}
    for message in messages:
        for category, text in _parts(message):
            letters[category] += len(text)
    guessed = {category: count // LETTERS for category, count in letters.items()}
    known = _counted(messages)
    used = known or sum(guessed.values())
    return {
        "used": used,
        "fixed": (len(system) + len(definitions)) // LETTERS,
        "window": window,
        "estimated": known is None,
        "parts": _scaled(guessed, used),
    }


def _parts(message: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for part in message.get("parts") or ():
        kind, name = part.get("part_kind"), part.get("tool_name")
        if message.get("kind") == "response":
            yield "panos", _text(part.get("content") or part.get("args"))
        elif kind == "user-prompt":
            yield "user", _text(part.get("content"))
        elif kind == "system-prompt":
            yield "system", _text(part.get("content"))
        else:
            place = "scout" if name in _SCOUTS else "dispatch" if name in _DISPATCHES else "tools"
            yield place, _text(part.get("content"))


def _text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=repr)


def _counted(messages: Messages) -> int | None:
    """Give the tokens of the last request and its answer, by the provider's word."""
    answers = [message for message in messages if message.get("kind") == "response"]
    usage = (answers[-1].get("usage") if answers else None) or {}
    found = [usage.get("input_tokens"), usage.get("output_tokens")]
    total = sum(one for one in found if isinstance(one, int))
    return total or None


def _scaled(parts: Mapping[str, int], total: int) -> dict[str, int]:
    """Give whole shares that add up to the total; what rounding leaves is the largest one's.

    >>> _scaled({"a": 1, "b": 3}, 8)
    {'a': 2, 'b': 6}
    """
    whole = sum(parts.values())
    if not whole:
        return dict(parts)
    found = {name: part * total // whole for name, part in parts.items()}
    found[max(found, key=lambda name: found[name])] += total - sum(found.values())
    return found
