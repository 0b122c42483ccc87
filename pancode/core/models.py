"""What the name of a model tells of it. Pure."""

from __future__ import annotations

import re

_PARAMETERS = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)b(?![a-z])", re.IGNORECASE)


def billions(name: str) -> float | None:
    """Give how many billions of parameters the name says; None if it says nothing of that.

    >>> billions("qwen2.5-coder:3b"), billions("llama-3.1-70B-instruct"), billions("mixtral-8x7b")
    (3.0, 70.0, None)
    """
    found = _PARAMETERS.search(name)
    return float(found[1]) if found else None
