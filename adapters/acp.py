"""ACP: any program that speaks the Agent Client Protocol; `pancode/bridges/acp` is the client for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pancode.worker.protocol import Launch, Request

ID, NAME, BINARY, INSTALL = "acp", "ACP", "", "give the agent the program's `command:`"
VERSIONS, VERSION_ARGS, READS, SECRETS, PASS_ENV = (), (), (), (), ()
STATE, IDLE_S, TIER = (), 600.0, "sdk"
CAN = frozenset({"system_prompt", "max_turns", "resume"})
KEPT = (
    "-m",
    "--model",
    "--reasoning-effort",
    "--include-directories",
)  # of the words that the program's own adapter gives it
OPENCODE: Mapping[str, Any] = {"modes": ["pancode"], "asks": True, "counts": "answer"}
GEMINI: Mapping[str, Any] = {"args": ["--skip-trust", "--approval-mode", "default"], "asks": True}
GEMINI = {**GEMINI, "conversations": ".gemini/tmp/*/chats"}
COPILOT: Mapping[str, Any] = {"args": ["--no-auto-update", "--disable-builtin-mcps"], "asks": True}
COPILOT = {**COPILOT, "asides": "Info: ", "errors": "Error: "}  # it says these as if its model did
HEEDED = ("modes", "asks", "asides", "errors", "conversations", "counts")
KNOWN: Mapping[str, Mapping[str, Any]] = {"gemini": GEMINI, "opencode": OPENCODE, "copilot": COPILOT}
"""How the programs that PanCode knows are made to ask: further arguments, and what the client heeds."""


def launch(request: Request) -> Launch:
    """Give the client's command; what the program needs besides comes from its own adapter, if it has one."""
    from pancode.bridges.launching import bridge_launch

    name, behind = request.get("program", ""), request.get("behind")
    known = KNOWN.get(name, {})
    command = [request["binary"], *request.get("command", [])[1:], *known.get("args", ())]
    task = "\n\n".join(filter(None, (request["system_prompt"], request["task"])))
    if behind is not None:
        task = behind.get("stdin") or request["task"]
        command += [] if name == "opencode" else _kept(behind["argv"])
    more = {"command": command, "model_given": bool(known)}
    more |= {word: known[word] for word in HEEDED if word in known}
    told: Any = {**request, "task": task, "endpoint": None}
    launched = {**bridge_launch(told, "pancode.bridges.acp", more), "program": request["binary"]}
    if behind is not None:
        env = _asking(behind["env"], request) if name == "opencode" else behind["env"]
        launched |= {"env": env, "secret_env": behind["secret_env"], "files": behind["files"]}
        launched |= {"home": behind.get("home", {})}
    return launched  # type: ignore[return-value]


def _kept(words: list[str]) -> list[str]:
    return [word for flag in KEPT if flag in words for word in (flag, words[words.index(flag) + 1])]


def _asking(env: Mapping[str, str], request: Request) -> dict[str, str]:
    """Give OpenCode's settings with every tool to be asked for, and with a no that doesn't end the turn."""
    import json

    config = json.loads(env["OPENCODE_CONFIG_CONTENT"])
    rules = {"*": "ask"}
    config |= {"permission": rules, "agent": {"pancode": {"mode": "primary", "permission": rules}}}
    config["experimental"] = {"continue_loop_on_deny": True}
    if request["model"] and not request["endpoint"]:
        config["model"] = request["model"]
    return {**env, "OPENCODE_CONFIG_CONTENT": json.dumps(config)}
