"""An agent on a running Mastra server, at its endpoint: its tools work there, where nobody encloses them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

ID, NAME, TIER, ELSEWHERE = "mastra-server", "Mastra server", "sdk", True
BINARY, INSTALL = "", "give it an `endpoint:`, such as http://127.0.0.1:4111/api/agents/NAME"
VERSIONS, VERSION_ARGS, READS, SECRETS, PASS_ENV = (), ("--version",), (), (), ()
STATE = (".local/state/pancode",)
CAN = frozenset({"max_turns", "resume", "endpoint", "token_budget"})
BRIDGE = "pancode.bridges.mastra_server"


def launch(request: Request) -> Launch:
    """Give the bridge; the endpoint is the server's address, or that of one of its agents."""
    from pancode.bridges.launching import bridge_launch

    return bridge_launch(request, BRIDGE)
