"""A conversation with a model as the folders of its runs keep it, and when there is too much of it. Pure.

`history.jsonl` of a run begins with a line that says which parts of which files were said before; each other
line has the messages that one step has added, or all that is left since the conversation was compacted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

V = 2
FILE, OLD = FILES = "history.jsonl", "history.json"
"""In a run's folder; the old one, of version 1, is one document with all messages."""
COMPACT_AT = 0.75
"""Share of the model's window from which a conversation is compacted."""
WORTH_IT = 0.1
"""Share of the window that the conversation itself must take for that: compacting frees nothing else."""
UNKNOWN_WINDOW = 100_000
"""Tokens that a window is taken to have where nobody knows."""
LETTERS = 4
"""Characters that count as one token where nobody has counted them."""
SUMMARY = "Summary of the conversation so far, which it takes the place of:"
ASK_SUMMARY = (
    "Sum up this conversation, for yourself: your answer takes its place. Say in few words what is to be"
    " done, what was decided, what was done and what came of it, which files and facts matter, and what is"
    " open. Call no tool. Leave out what nobody needs any more."
)

Part = tuple[str, int]
"""A file below the directory of the runs, and how many bytes of it count."""
Message = Mapping[str, Any]


@dataclass(slots=True)
class Kept:
    """A conversation as it was read; `begun` of its messages are of earlier runs.

    `parts` are the files that it is in, for a run that goes on with it. `turns` are answers of this run
    that were compacted away.
    """

    messages: list[Message] = field(default_factory=list)
    begun: int = 0
    turns: int = 0
    parts: tuple[Part, ...] = ()


def read(load: Callable[[str], bytes | None], run: str) -> Kept | None:
    """Read the conversation of `run`; None if nothing was said.

    `load` gives the bytes of a file that is named from the directory of the runs. Raise ValueError with
    what is wrong.
    """
    name, data = f"{run}/{FILE}", load(f"{run}/{FILE}")
    if data is not None and b"\n" in data:
        kept = Kept()
        head, *steps = _lines(name, data)
        if not isinstance(head, dict) or head.get("v") != V:
            raise ValueError(f"{name} is not a history that this version knows")
        for place, size in head.get("before") or ():
            _add(kept, place, (load(place) or b"")[:size], size)
        kept.turns = 0
        kept.begun = int(head.get("begun", len(kept.messages)))
        _steps(kept, name, steps)
        whole = (name, data.rindex(b"\n") + 1)
        kept.parts = (*((str(place), int(size)) for place, size in head.get("before") or ()), whole)
        return kept
    name, data = f"{run}/{OLD}", load(f"{run}/{OLD}")
    if data is None:
        return None
    kept = Kept(parts=((name, len(data)),))
    kept.begun = _old(kept, name, data)
    return kept


def _add(kept: Kept, place: str, data: bytes, size: int) -> None:
    if len(data) < size:
        raise ValueError(f"{place} is not there any more, or not as it was")
    if place.endswith(OLD):
        _old(kept, place, data)
    else:
        _steps(kept, place, _lines(place, data)[1:])


def _old(kept: Kept, name: str, data: bytes) -> int:
    """Take in a history of version 1; give how many of its messages are of earlier runs."""
    found = json.loads(data)
    if not isinstance(found, dict) or found.get("v") != 1 or not isinstance(found.get("messages"), list):
        raise ValueError(f"{name} is not a history that this version knows")
    kept.messages += [one for one in found["messages"] if isinstance(one, dict)]
    return int(found.get("begun", 0))


def _lines(name: str, data: bytes) -> list[Any]:
    """Give the lines; the last one of a loop that was killed may be without its end, and doesn't count."""
    try:
        return [json.loads(line) for line in data[: data.rindex(b"\n")].split(b"\n")]
    except ValueError:
        raise ValueError(f"{name} has a line that is no JSON") from None


def _steps(kept: Kept, name: str, steps: Sequence[Any]) -> None:
    for step in steps:
        if isinstance(step, dict) and isinstance(step.get("anew"), list):
            kept.messages, kept.begun, kept.turns = [], int(step.get("begun", 0)), int(step.get("turns", 0))
            step = step["anew"]  # noqa: PLW2901 -- these are the messages of the step
        if not isinstance(step, list):
            raise ValueError(f"{name} has a line that is no step")  # noqa: TRY004 -- of the file, not a value
        kept.messages += [one for one in step if isinstance(one, dict)]


def head(before: Sequence[Part], begun: int) -> bytes:
    """Give the first line of a history."""
    said = {"v": V, "before": [list(part) for part in before], "begun": begun}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def compacted(summary: str, answer: str) -> str:
    """Give the whole history that takes a conversation's place: a summary, and the model's word to it."""
    asked = {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": f"{SUMMARY}\n\n{summary}"}]}
    answered = {"kind": "response", "parts": [{"part_kind": "text", "content": answer}]}
    return f"{head((), 0).decode()}{json.dumps([asked, answered])}\n"


def is_full(used: int, fixed: int, window: int | None) -> bool:
    """Whether a conversation of `used` tokens, `fixed` of them prompt and tools, is to be compacted.

    >>> is_full(85_000, 5_000, 100_000), is_full(85_000, 80_000, 100_000), is_full(85_000, 0, None)
    (True, False, True)
    """
    most = window or UNKNOWN_WINDOW
    return used > COMPACT_AT * most and used - fixed > WORTH_IT * most
