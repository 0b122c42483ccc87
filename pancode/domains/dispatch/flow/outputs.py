"""What a run has to say to the nodes after it: an agent's final text, or all that a command has printed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pancode.core.errors import PanError
from pancode.domains.dispatch.flow.definition import Reading

MOST_BYTES = 1_000_000
"""Of what a command has printed; earlier output is left out, and stays in the run's folder."""
MOST_ITEMS = 500
"""Items that a `foreach` may have."""
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f]"
)


def printed(raw: bytes) -> str:
    r"""Give what a program wrote to its terminal as a person would have read it.

    >>> printed(b"10%\r100%\r\n\x1b[32mdone\x1b[0m\r\n")
    '100%\ndone'
    """
    lines = raw.decode("utf-8", "replace").split("\n")
    read = (line.rstrip("\r").rpartition("\r")[2] for line in lines)
    return "\n".join(_ESCAPE.sub("", line).rstrip() for line in read).strip()


def tail(path: str) -> str | None:
    """Read the end of a command's stream; None if there is none."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST_BYTES))
            return printed(file.read())
    except OSError:
        return None


def items_of(text: str, reading: Reading) -> tuple[str, ...]:
    r"""Read the items of a `foreach` out of an output; PanError says why it can't be.

    >>> items_of("- a\n\n2. b", "lines"), items_of('```json\n["a", {"b": 1}]\n```', "json")
    (('a', 'b'), ('a', '{"b": 1}'))
    """
    found = _json_items(text) if reading == "json" else _lines(text)
    if len(found) > MOST_ITEMS:
        raise PanError(f"these are {len(found)} items; {MOST_ITEMS} are possible", remedy="ask for fewer")
    return tuple(found)


def _lines(text: str) -> list[str]:
    """Give the lines that say something, without the marks of a list."""
    lines = (re.sub(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("```")]


def _json_items(text: str) -> list[str]:
    fenced = re.search(r"```(?:json)?\s*\n(.*?)```", text, re.DOTALL)
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        raise PanError(
            "the output is no JSON", remedy="tell the agent to answer with a JSON list and nothing else"
        ) from None
    if not isinstance(value, list):
        raise PanError("the output is JSON, but no list", remedy="tell the agent to answer with a JSON list")
    return [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in value]


def explained(result: Mapping[str, Any]) -> str:
    """Give the words of the record that decided how a run ended, or its exit status."""
    evidence = result.get("evidence") or {}
    record = evidence.get("record") or {}
    words = record.get("message") or record.get("problem") or record.get("why")
    if not words and result.get("status") == "failed":
        words = f"exit {evidence['exit']}" if evidence.get("exit") else evidence.get("signal")
    return str(words or "")[:1000]
