"""OpenAI Agents SDK: an agent with PanCode's local tools, for every endpoint like OpenAI's."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

ID, NAME, TIER = "openai-agents", "OpenAI Agents SDK", "sdk"
BINARY, INSTALL = sys.executable, "pip install 'pancode[openai-agents]'"
PACKAGE, VERSIONS, VERSION_ARGS, READS = ("openai-agents", "openai-agents"), ("0.24.0",), ("--version",), ()
SECRETS, PASS_ENV = ("OPENAI_API_KEY",), ("OPENAI_BASE_URL",)
KEYS = (("OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1", True),)
STATE, HOSTS = (".local/state/pancode",), ("api.openai.com:443",)
CAN = frozenset({"system_prompt", "tools", "max_turns", "effort", "resume", "endpoint", "token_budget"})
BRIDGE = "pancode.bridges.openai_agents"


def launch(request: Request) -> Launch:
    """Give the bridge; OpenAI's own models are spoken to by the Responses API, others by Chat Completions."""
    from pancode.bridges.launching import bridge_launch

    if request["extra_args"]:
        raise ValueError("it takes no runtime_args")
    vendor = request["endpoint"] is None or request["endpoint_is_vendors"]
    endpoint = (request["endpoint"] or "").rstrip("/")
    if endpoint and not vendor and not endpoint.endswith("/v1"):
        endpoint += "/v1"
    given: Request = {**request, "endpoint": endpoint or None}
    return bridge_launch(given, BRIDGE, {"vendor": vendor})
