"""PanCode's own agents: the command is their tool server; the model loop is a process of the native host."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

ID, NAME, TIER, BINARY = "native", "PanCode native agents", "native", sys.executable
INSTALL = "install PanCode again: it comes with it"
PACKAGE, VERSIONS, VERSION_ARGS = ("pydantic-ai-slim", "anthropic"), ("2.68.0",), ("--version",)
SECRETS, PASS_ENV, READS = (), (), ()
STATE, IDLE_S = (), 600.0
CAN = frozenset({"system_prompt", "tools", "max_turns", "resume", "endpoint", "token_budget", "effort"})


def launch(request: Request) -> Launch:
    """Give the tool server; what the model loop is to do is no business of what runs inside."""
    from pancode.worker.tools.catalogue import command

    return {"argv": command(request["binary"]), "env": {}, "secret_env": {}, "files": {}}
