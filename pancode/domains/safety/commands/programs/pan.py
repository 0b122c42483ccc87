"""PanCode's own small tool inside a sandbox, known by its whole path: what it asks for has its own rules."""

from __future__ import annotations

import os
import sys

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Call, Effect, Finding
from pancode.engine.shipped import boot_file

PAN = os.path.join(os.path.dirname(boot_file()), "pan.py")
_COMMAND = [sys.executable, "-I", "-S", PAN]


def own_tool(call: Call) -> tuple[Effect, ...]:
    """Give the finding for a command that is the tool's, exactly as the prompt has it; nothing for others."""
    head = call.words[: len(_COMMAND) + 1]
    if any(word.dynamic or word.glob for word in head) or len(head) <= len(_COMMAND):
        return ()
    if [word.text for word in head[:-1]] != _COMMAND or not head[-1].text.isdecimal():
        return ()
    return (Finding(ActionClass.FILE_READ, "pan", "asks the session by PanCode's own tool, which has rules"),)
