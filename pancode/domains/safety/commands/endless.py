"""Tells what runs without end, and what ends: functions that call themselves, loops, ways out."""

from __future__ import annotations

import re

from pancode.domains.safety.commands.calls import NotUnderstoodError

_LOOP = re.compile(r"while\s+(true|:|\[+\s*1\s*\]+)\s*[;\n]\s*do\s+(?![^&]*\bwait\b)[^&;\n]*[^&>]&\s*done")


_FILLS = re.compile(
    r"while\s+(true|:|\[+\s*1\s*\]+)\s*[;\n]\s*do\b(?!.*\b(break|exit|return|sleep|read|wait|timeout|kill)\b).*>>",
    re.DOTALL,
)


def check_loop(text: str) -> None:
    """Raise NotUnderstoodError for a loop for ever that starts processes or fills a file without a rest."""
    if _FILLS.match(text):
        raise NotUnderstoodError("a loop without end fills a file")
    if _LOOP.match(text):
        raise NotUnderstoodError("a loop without end starts one process after the other")


def check_function(name: str, body: str) -> None:
    """Raise NotUnderstoodError for a function that pipes itself into itself."""
    if re.search(rf"{re.escape(name)}\s*\|\s*{re.escape(name)}", body):
        raise NotUnderstoodError("a function starts itself over and over")


def leaves(text: str) -> bool:
    """Tell whether the last thing that the text does is to end the script, the function or the loop.

    >>> leaves("{ echo no; exit 1; }"), leaves("exit_code=1")
    (True, False)
    """
    return re.search(r"(^|[;{&|\s])(exit|return|break|continue)\b(?!=)[^;\n]*[;}\s]*$", text) is not None
