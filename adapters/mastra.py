"""Mastra: an agent with PanCode's local tools, run by Node with the packages that PanCode has installed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

ID, NAME, TIER, NPM, LEAST = "mastra", "Mastra", "sdk", "mastra", "22.13"
BINARY, INSTALL = "node", "install Node.js 22.13 or later, then `pancode runtimes install mastra`"
VERSIONS, VERSION_ARGS, READS = ("1.71.0",), ("--version",), ()
SECRETS, PASS_ENV = ("OPENAI_API_KEY",), ("OPENAI_BASE_URL",)
KEYS = (("OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1", True),)
STATE, HOSTS = (".local/state/pancode",), ("api.openai.com:443",)
CAN = frozenset({"system_prompt", "tools", "max_turns", "effort", "resume", "endpoint", "token_budget"})
BRIDGE = "pancode.bridges.mastra"


def launch(request: Request) -> Launch:
    """Give the bridge, with Node and the folder of the packages."""
    from pancode.bridges.launching import bridge_launch

    if request["extra_args"]:
        raise ValueError("it takes no runtime_args")
    endpoint = (request["endpoint"] or "").rstrip("/")
    if endpoint and not request["endpoint_is_vendors"] and not endpoint.endswith("/v1"):
        endpoint += "/v1"
    given: Request = {**request, "endpoint": endpoint or None}
    return bridge_launch(given, BRIDGE, {"node": request["binary"], "base": request.get("installed", "")})
