"""What was said in a conversation, turn by turn, read from the folders of its runs. Needs no controller."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pancode.core.redact import redact
from pancode.engine import files

LONGEST_CALL = 160
"""Characters of a call's arguments in an export that people read."""
MOST = 2000
"""Turns that are looked for."""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn: what you said and what he answered; `at` in seconds since the epoch, `answer` None: none."""

    run: str
    runtime: str
    at: float
    said: str
    answer: str | None
    status: str | None
    usd: float | None
    calls: tuple[tuple[str, str], ...] = ()
    """The tools that he called, each with its arguments as JSON."""


def thread(runs: str, last: str, *, calls: bool = False) -> list[Said]:
    """Give the turns up to the run `last`, oldest first, as far back as their folders are there."""
    found: list[Said] = []
    for run, spec in _back(runs, last):
        result = files.read_json(os.path.join(runs, run, "result.json")) or {}
        answer, cost = result.get("result"), result.get("cost")
        found.append(
            Said(
                run=run,
                runtime=str(spec.get("runtime")),
                at=float(spec.get("created") or 0.0),
                said=redact(str(spec.get("task") or "")),
                answer=redact(answer) if isinstance(answer, str) and answer.strip() else None,
                status=result.get("status"),
                usd=cost.get("usd") if isinstance(cost, Mapping) else None,
                calls=tuple(_calls(os.path.join(runs, run, "events.jsonl"))) if calls else (),
            )
        )
    return found[::-1]


def _back(runs: str, last: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    run: object = last
    for _ in range(MOST):
        spec = files.read_json(os.path.join(runs, run, "spec.json")) if isinstance(run, str) else None
        if spec is None:
            return
        yield str(run), spec
        run = spec.get("continues")


def _calls(journal: str) -> Iterator[tuple[str, str]]:
    for record in files.read_journal(journal, 0):
        if record.get("kind") == "tool_started":
            yield str(record.get("name")), redact(json.dumps(record.get("args") or {}, ensure_ascii=False))


def as_json(about: Mapping[str, Any], turns: Sequence[Said]) -> str:
    """Give a conversation as one JSON document; `about` are the facts of its entry in the book."""
    return json.dumps({"conversation": about, "turns": [asdict(one) for one in turns]}, indent=1) + "\n"


def as_markdown(about: Mapping[str, Any], turns: Sequence[Said]) -> str:
    """Give a conversation as a page for people.

    >>> one = Said("k3f", "native", 0.0, "hello", "Hello.", "done", None, (("ls", '{"path": "src"}'),))
    >>> print(as_markdown({"title": "hello", "id": "k3f", "turns": 2}, [one]))
    # hello
    <BLANKLINE>
    Conversation k3f; the first 1 of its 2 turns are not here any more.
    <BLANKLINE>
    ## You (k3f)
    <BLANKLINE>
    hello
    <BLANKLINE>
    ## Panos
    <BLANKLINE>
    - `ls` `{"path": "src"}`
    <BLANKLINE>
    Hello.
    <BLANKLINE>
    """
    gone = int(about["turns"]) - len(turns)
    note = f"; the first {gone} of its {about['turns']} turns are not here any more" if gone > 0 else ""
    parts = [f"# {about['title']}", f"Conversation {about['id']}{note}."]
    for one in turns:
        called = "\n".join(f"- `{name}` `{_short(args)}`" for name, args in one.calls)
        answer = one.answer or f"(no answer: {one.status or 'still under way'})"
        parts += [f"## You ({one.run})", one.said, "## Panos", *filter(None, [called]), answer]
    return "\n\n".join(parts) + "\n"


def _short(args: str) -> str:
    text = args.replace("`", "'")
    return text if len(text) <= LONGEST_CALL else f"{text[:LONGEST_CALL]}…"
