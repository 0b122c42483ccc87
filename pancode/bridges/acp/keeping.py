"""Keeps a conversation's file from the program that is to load it.

Gemini names the file of a session by the minute and the session's ID, and begins a new one before it loads
the old one: within the same minute both are one file, and the conversation is gone.
"""

from __future__ import annotations

import glob
import os
import re

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d")
OLD = "2000-01-01T00-00"
"""The minute in the name of a file that is to be loaded."""


def set_aside(session: str, below_home: str) -> list[str]:
    """Rename the files of a session, which `below_home` matches in HOME; give their new paths."""
    found = []
    pattern = os.path.join(
        glob.escape(os.path.expanduser("~")), below_home, f"*{glob.escape(session[:8])}.json*"
    )
    for path in glob.glob(pattern):
        name = _STAMP.sub(OLD, os.path.basename(path), count=1)
        new = os.path.join(os.path.dirname(path), name)
        if new != path and not os.path.lexists(new):
            os.rename(path, new)
            found.append(new)
    return found
