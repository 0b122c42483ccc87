"""Refuses what starts processes without end: a function that calls itself twice, a loop in the background."""

from __future__ import annotations

import re

from pancode.domains.safety.commands.calls import NotUnderstoodError

_LOOP = re.compile(r"while\s+(true|:|\[+\s*1\s*\]+)\s*[;\n]\s*do\s+(?![^&]*\bwait\b)[^&;\n]*[^&>]&\s*done")


def check_loop(text: str) -> None:
    """Raise NotUnderstoodError for a loop for ever that leaves each of its commands in the background."""
    if _LOOP.match(text):
        raise NotUnderstoodError("a loop without end starts one process after the other")


def check_function(name: str, body: str) -> None:
    """Raise NotUnderstoodError for a function that pipes itself into itself."""
    if re.search(rf"{re.escape(name)}\s*\|\s*{re.escape(name)}", body):
        raise NotUnderstoodError("a function starts itself over and over")
