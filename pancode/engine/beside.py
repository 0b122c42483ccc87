"""Runs a module of PanCode's as a process of its own: what it imports is then no weight of the caller's."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def answered(module: str, question: object, seconds: float) -> Any:  # noqa: ANN401 -- its JSON, whatever it is
    """Start `python -m module`, give it the question as JSON, and give the JSON that it prints.

    The question goes through a pipe, so it may hold secrets. OSError where no answer comes.
    """
    words = [sys.executable, "-P", "-m", module]
    try:
        done = subprocess.run(
            words, input=json.dumps(question), capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{module} doesn't answer") from None
    if done.returncode != 0:
        raise OSError(f"{module} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)
