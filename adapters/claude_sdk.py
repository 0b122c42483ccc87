"""Claude Agent SDK: the user's own `claude`, driven by a bridge that is asked before each tool call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

LIKE = "claude_code.py"  # its files, logins, keys and variables
ID, NAME, TIER = "claude-sdk", "Claude Agent SDK", "sdk"
PACKAGE, VERSIONS = ("claude-agent-sdk", "claude"), ("0.2.187",)
BRIDGE = "pancode.bridges.claude_sdk"
CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLOUD_ML_REGION", "AWS_REGION")


def launch(request: Request) -> Launch:
    """Give the bridge, with the program that it drives and the file by which it reads that."""
    import os

    from pancode.bridges.launching import bridge_launch

    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), LIKE), encoding="utf-8") as file:
        reader = file.read()  # the folder of adapters is not there inside
    reads = os.path.join(request["run_dir"], "files", LIKE)
    made = bridge_launch(request, BRIDGE, {"program": request["binary"], "reads": reads})
    env = dict.fromkeys(("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER"), "1")
    env["CLAUDE_CODE_MAX_RETRIES"] = "5"  # about 17 s; its own 10 also repeat a wrong key for three minutes
    secrets = {"ANTHROPIC_API_KEY": request["endpoint_key"] or "none"} if request["endpoint"] else {}
    if request["endpoint"]:
        env |= dict.fromkeys(CLOUDS, "")
        env["ANTHROPIC_BASE_URL"] = request["endpoint"].rstrip("/").removesuffix("/v1")
    home: dict[str, object] = {".claude/settings.json": {}} if request["sandboxed"] else {}
    return {**made, "env": env, "secret_env": secrets, "home": home, "files": {LIKE: reader}}
