"""How verbs put a run, its tokens, its money and its end into words."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import click

from pancode.core.errors import ExitCode

STATUS_CODE = {
    "done": ExitCode.DONE,
    "failed": ExitCode.FAILED,
    "refused": ExitCode.REFUSED,
    "timeout": ExitCode.TIMEOUT,
    "budget": ExitCode.BUDGET,
    "cancelled": ExitCode.CANCELLED,
    "lost": ExitCode.LOST,
}
"""The exit status of a verb that waited for a run."""

PUBLIC = ("run_id", "status", "reason", "evidence", "result", "usage", "cost")
"""The keys of `pancode run --json`."""


def say(text: str) -> None:
    """Write a sentence to standard error; on a terminal its long lines are broken between words."""
    _write(text, sys.stderr)


def tell(text: str) -> None:
    """Write an answer to standard output, broken between words in the same way."""
    _write(text, sys.stdout)


def _write(text: str, stream: TextIO) -> None:
    if stream.isatty():
        import shutil

        from pancode.domains.ui.text import folded

        text = folded(text, shutil.get_terminal_size().columns)
    stream.write(f"{text}\n")


def public(result: Mapping[str, Any]) -> dict[str, Any]:
    """Give the object that `pancode run --json` prints."""
    changes = {"changes": result["changes"]} if result.get("changes") else {}
    return {key: result.get(key) for key in PUBLIC} | changes


def span(seconds: float | None) -> str:
    """Give a duration for people; `–` if it is not known.

    >>> span(41.2), span(112), span(7384), span(None)
    ('0:41', '1:52', '2:03:04', '–')
    """
    if seconds is None:
        return "–"
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def amount(tokens: int | None) -> str:
    """Give a number of tokens for people.

    >>> amount(None), amount(940), amount(41_240), amount(2_000_000)
    ('–', '940', '41.2k', '2.0M')
    """
    if tokens is None:
        return "–"
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if tokens >= limit:
            return f"{tokens / limit:.1f}{unit}"
    return str(tokens)


def tokens(usage: Mapping[str, Any] | None) -> str:
    """Give input (with what came from the cache) and output in one phrase."""
    usage = usage or {}
    known = [usage.get(key) for key in ("input", "cache_read", "cache_write") if usage.get(key) is not None]
    total = sum(int(part) for part in known if part is not None) if known else None
    return f"{amount(total)} in {amount(usage.get('output'))} out"


def money(cost: Mapping[str, Any] | None) -> str:
    """Give dollars; `–` if nobody says."""
    usd = (cost or {}).get("usd")
    return "–" if usd is None else f"${usd:.2f}" if usd >= 0.01 or usd == 0 else f"${usd:.4f}"  # noqa: PLR2004


def kept_in_colour(grade: Mapping[str, Any] | None) -> str:
    """Say what a run's sandbox keeps; a weaker grade is red on a terminal that shows colours."""
    from pancode.core.grades import kept, weaker

    words, named = kept(grade), weaker(grade)
    return words.replace(named, in_red(named)) if named else words


def in_red(words: str) -> str:
    """Give the words of a weaker grade in red, unless the user wants no colours; a pipe gets none."""
    return words if os.environ.get("NO_COLOR") else click.style(words, fg="red", bold=True)


def ending(result: Mapping[str, Any]) -> str:
    """Give the one line that tells how a run ended."""
    mark = {"done": "✓", "cancelled": "⊘"}.get(result["status"], "✗")
    started, ended = result.get("started"), result.get("ended")
    took = span(ended - started) if started and ended else "–"
    why = "" if result["status"] == "done" else f" ({reason(result)})"
    usage, cost = result.get("usage") or {}, result.get("cost")
    figures = f" · {tokens(usage)} · {money(cost)}"
    # A command has no figures at all; a row of dashes would say less than nothing.
    if not any(usage.get(key) for key in ("input", "output")) and (cost or {}).get("usd") is None:
        figures = ""
    return f" {mark} {result['run_id']} {result['status']}{why} in {took}{figures}{changed(result)}"


def changed(result: Mapping[str, Any]) -> str:
    """Give what an isolated run has changed, as the end of a line; nothing for any other.

    >>> changed({"changes": {"files": 3, "added": 41, "removed": 12}}), changed({})
    (' · 3 files +41 -12', '')
    """
    told = result.get("changes")
    if not told:
        return ""
    return f" · {told['files']} file{'' if told['files'] == 1 else 's'} +{told['added']} -{told['removed']}"


def reason(result: Mapping[str, Any]) -> str:
    """Give the reason, and the words of the record that decided, or else the exit status or signal."""
    evidence = result.get("evidence") or {}
    record = evidence.get("record") or {}
    words = record.get("message") or record.get("problem") or record.get("why") or ""
    if not words and result.get("status") == "failed":
        code, signal = evidence.get("exit"), evidence.get("signal")
        words = f"exit {code}" if code else signal or ""
    first = str(words).splitlines()[0][:160] if words else ""
    return f"{result['reason']}: {first}" if first else str(result["reason"])
