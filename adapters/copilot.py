"""Copilot CLI: `copilot --output-format json`; its tokens stand in a file that it writes at the end."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pancode.worker.profile import Action, Answer
    from pancode.worker.protocol import AgentEvent, Launch, Reason, Request, Usage

ID, NAME, BINARY, INSTALL = "copilot", "Copilot CLI", "copilot", "npm install -g @github/copilot"
VERSIONS, VERSION_ARGS = ("1.0.102",), ("--version",)
READS = ("files/usage.json", "out/usage.json", "files/session.json")  # a sandbox: it writes the second
SECRETS = ("COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "COPILOT_PROVIDER_API_KEY")
OWN = ("PROVIDER_BASE_URL", "PROVIDER_TYPE", "PROVIDER_WIRE_API", "MODEL", "HOME", "GH_HOST")
PASS_ENV = (*(f"COPILOT_{name}" for name in OWN), "GH_HOST")
LOGINS, STATE, CACHE = ((".copilot/config.json", "json"),), (".copilot",), (".cache/copilot/pkg/*/*",)
FILES = "settings.json copilot-instructions.md agents skills instructions"
CONFIG, FOLDERS = [f".copilot/{name}" for name in FILES.split()], {"COPILOT_HOME": ".copilot"}
KEYS = [("COPILOT_PROVIDER_API_KEY", "COPILOT_PROVIDER_BASE_URL", "", True)]
HOSTS = ("api.github.com:443", "github.com:443", "*.githubcopilot.com:443")
FLAGS = "yolo allow-all allow-all-tools allow-all-paths allow-all-urls allow-tool allow-url deny-tool mode "
FLAGS += "deny-url available-tools trust-folder assisted-approval acp remote remote-export connect autopilot "
FLAGS += "plan interactive bash-env share share-gist fleet plugin-dir environment-host"
DECIDED = ["-i", "-C", *(f"--{flag}" for flag in FLAGS.split())]
CAN = frozenset({"system_prompt", "tools", "max_turns", "effort", "resume", "endpoint"})
TOOLS = {"read": "view", "write": "create,apply_patch", "edit": "edit,apply_patch", "ls": "glob"}
TOOLS |= {"find": "glob", "bash": "bash,read_bash,stop_bash", "grep": "grep,rg", "web": "web_fetch"}
NAMES = {name: tool.replace("bash", "shell") for tool, names in TOOLS.items() for name in names.split(",")}
DENIED = [f"--deny-tool=shell({name})" for name in ("sudo:*", "git push", "git clean", "rm:*", "rmdir:*")]
CHANGES = tuple(f"*** {verb}: " for verb in ("Add File", "Update File", "Delete File", "Move to"))
LEVELS = {"suggest": ["--deny-tool=shell", "--deny-tool=write"], "full-auto": ["--yolo"]}
LEVELS |= {"auto-edit": ["--allow-tool=write", "--allow-tool=shell", *DENIED]}
HOOKED = LEVELS | {"suggest": ["--deny-tool=write", "--yolo"], "auto-edit": [*DENIED[:3], "--yolo"]}
QUIET = {"skills_loaded", "mcp_servers_loaded", "tools_updated", "background_tasks_changed", "info", "idle"}
QUIET |= {"mode_notice_delivered", "call_start", "call_finished", "call_final_result", "message_start"}
QUIET |= {"turn_end", "tool_call_delta", "shell_output", "execution_partial_result", "reasoning", "message"}
QUIET |= {"reasoning_delta", "interrupted", "abort"}
COUNTS = {"input": "inputTokens", "output": "outputTokens", "reasoning": "reasoningTokens"}
COUNTS |= {"cache_read": "cacheReadTokens", "cache_write": "cacheWriteTokens"}
WORDS: dict[str, Reason] = {"s budget:": "budget"}  # the gateway's word, and so the first
WORDS |= {"http 401": "auth", "http 403": "auth", "http 404": "model-unknown"}
WORDS |= {"http 429": "rate-limit", "http 5": "overload", "eof": "stream-cut", "decoding": "stream-cut"}
WORDS |= {"stream": "stream-cut", "reset": "stream-cut", "connect": "network", "sending request": "network"}


def launch(request: Request) -> Launch:
    """Give the command; it has no way to add to its system prompt, so a prompt leads the task."""
    files, session = f"{request['run_dir']}/files", request["session"] or _uuid(request["run_dir"])
    argv = [request["binary"], "--output-format=json", "--stream=on", "--no-auto-update"]
    argv += ["--no-ask-user", "--disable-builtin-mcps", "--disable-client-telemetry"]
    out = f"{request['run_dir']}/out" if request["sandboxed"] else files
    argv.append(f"--usage-output-file={out}/usage.json")
    argv.append(f"--resume={session}" if request["session"] else f"--session-id={session}")
    hooked = request["hook"] if request["sandboxed"] else None  # then the mounts and the hook decide
    argv += (HOOKED if hooked else LEVELS)["suggest" if request["read_only"] else request["level"]]
    if request["tools"] is not None:
        argv.append("--available-tools=" + ",".join(TOOLS.get(tool, tool) for tool in request["tools"]))
    own = request["endpoint"] and not request["endpoint_is_vendors"]
    model = request["model"] or ("gpt-5.4" if own else "")  # there it has no default
    options = {"--model": model, "--reasoning-effort": request["effort"]}
    argv += [str(word) for pair in options.items() if pair[1] for word in pair] + request["extra_args"]
    env, secrets = {"COPILOT_AUTO_UPDATE": "false"}, dict[str, str]()
    if request["endpoint"]:
        url = request["endpoint"].rstrip("/").removesuffix("/v1") + "/v1"
        env |= {"COPILOT_PROVIDER_BASE_URL": url, "COPILOT_PROVIDER_TYPE": "openai"} if own else {}
        env |= {"COPILOT_OFFLINE": "true"} if own else {"COPILOT_PROVIDER_BASE_URL": request["endpoint"]}
        secrets = {"COPILOT_PROVIDER_API_KEY": request["endpoint_key"] or "none"}
    task = "\n\n".join(filter(None, (request["system_prompt"], request["task"])))
    made: dict[str, object] = {"session.json": {"id": session}}
    settings: dict[str, object] = {"disableAllHooks": False}
    if hooked:
        each = {"type": "command", "bash": hooked["command"], "timeoutSec": hooked["timeout_s"]}
        settings["hooks"] = {"preToolUse": [each]}
    launched: Launch = {"argv": argv, "env": env, "secret_env": secrets, "files": made, "stdin": task}
    return {**launched, "home": {".copilot/settings.json": settings} if request["sandboxed"] else {}}


def hook_asks(payload: Mapping[str, Any]) -> Action:
    """Read the input of a preToolUse hook; the arguments are an object, or a text that is a patch."""
    tool, args, cwd = str(payload["toolName"]), payload["toolArgs"], str(payload["cwd"])
    name = NAMES.get(tool, tool)
    if tool in ("bash", "write_bash"):
        return {"tool": "shell", "command": args["command" if tool == "bash" else "input"], "cwd": cwd}
    if tool == "apply_patch":
        lines = [line.strip() for line in str(args if isinstance(args, str) else args["input"]).splitlines()]
        paths = [line.removeprefix(verb) for line in lines for verb in CHANGES if line.startswith(verb)]
        return {"tool": "edit", "paths": paths, "cwd": cwd}
    if tool == "web_fetch":
        return {"tool": name, "url": args["url"], "cwd": cwd}
    paths = [args["path"]] if isinstance(args, dict) and args.get("path") else []
    return {"tool": name if name in TOOLS else tool, "paths": paths, "cwd": cwd}


def hook_says(allow: bool, why: str) -> Answer:
    """Answer a preToolUse hook; with exit status 2 alone the model would not read why."""
    refusal = f'{{"permissionDecision":"deny","permissionDecisionReason":{_json(why)}}}'
    return {"out": "" if allow else refusal, "err": "" if allow else why, "exit": 0 if allow else 2}


def _json(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped) + '"'


class Session:
    """Reads the stream; the end waits for the file with the tokens, so that nothing comes after it."""

    def __init__(self, previous: Usage | None = None) -> None:
        self.said, self.why, self.session, self.nth = "", "", "", 0
        self.before: Mapping[str, Any] = previous or {}
        self.http: int | None = None
        self.ok: bool | None = None  # the word of the final record
        self.calls: dict[str, str] = {}  # id of a call -> its name

    def feed(self, record: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Turn one record into events."""
        kind, data = _get(record, "type", ""), _get(record, "data", {})
        what = kind.partition(".")[2]
        if what in ("execution_start", "execution_complete"):
            yield from self._tool(data, done=what == "execution_complete")
        elif kind == "assistant.turn_start":
            yield {"kind": "turn"}
        elif kind == "assistant.message_delta":
            yield {"kind": "text", "text": _get(data, "deltaContent", ""), "delta": True}
        elif kind == "assistant.message":
            self.said = _get(data, "content", "") or self.said
        elif kind in ("model.call_failure", "session.error"):
            self.http, self.nth = _get(data, "statusCode", int), _get(data, "retryAttempt", -1) + 1
            self.why = _get(data, "errorMessage", "") or _get(data, "message", "")
            if kind == "session.error":
                yield {"kind": "problem", "message": self.why, "http": self.http}
        elif kind == "assistant.turn_retry":
            nth, http, why = self.nth, self.http, _cut(self.why)
            yield {"kind": "retrying", "attempt": nth, "of": None, "wait_s": None, "http": http, "why": why}
        elif kind == "result":
            self.ok, self.session = record.get("exitCode") == 0, _get(record, "sessionId", "")
            yield {"kind": "session", "id": self.session}
        elif QUIET.isdisjoint((kind, what)):
            yield {"kind": "unknown", "type": kind[:80]}

    def noise(self, line: str) -> Iterator[AgentEvent]:
        """Keep complaints about the command line or the login: they are all there is when the start fails."""
        if line.lower().startswith(("error", "no authentication")):
            yield {"kind": "problem", "message": _cut(line)}

    def end(self, files: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Read the tokens, and the conversation's name if the stream broke off before it said it."""
        if not self.session and (session := _get(files.get("files/session.json"), "id", "")):
            yield {"kind": "session", "id": session}
        used = files.get("out/usage.json") or files.get("files/usage.json")
        if models := _get(used, "modelMetrics", {}):
            yield self._usage([_get(model, "usage", {}) for model in models.values()])
        clues = f"http {self.http} {self.why}".lower()
        reason: Reason = next((WORDS[word] for word in WORDS if word in clues), "agent-error")
        if self.ok:
            yield {"kind": "finished", "ok": True, "result": self.said}
        elif self.ok is not None:
            yield {"kind": "finished", "ok": False, "message": self.why, "reason": reason, "http": self.http}

    def _usage(self, models: list[dict[str, Any]]) -> Any:  # noqa: ANN401
        tokens = {ours: sum(_get(model, name, 0) for model in models) for ours, name in COUNTS.items()}
        tokens["input"] -= tokens["cache_read"]
        own = {name: max(0, count - (self.before.get(name) or 0)) for name, count in tokens.items()}
        return {"kind": "usage", "scope": "total"} | own  # the file counts the whole conversation

    def _tool(self, data: dict[str, Any], *, done: bool) -> Iterator[AgentEvent]:
        call = _get(data, "toolCallId", "")
        if not done:
            name, patch = _get(data, "toolName", ""), _get(data, "arguments", "")
            args = {key: _cut(value) for key, value in _get(data, "arguments", {"input": patch}).items()}
            name = "write" if patch.startswith("*** Begin Patch\n*** Add File:") else NAMES.get(name, name)
            self.calls[call] = name
            yield {"kind": "tool_started", "id": call, "name": name, "args": args}
            return
        out = _cut(_get(data.get("result"), "content", "") or _get(data.get("error"), "message", ""), 4000)
        name, ok = self.calls.get(call, ""), data.get("success") is True
        rc = _get(data.get("shellExecution"), "exitCode", int)
        if _get(data.get("error"), "code", "") == "denied":
            yield {"kind": "refused", "id": call, "name": name, "why": out}
        yield {"kind": "tool_finished", "id": call, "name": name, "ok": ok, "result": out, "exit": rc}


def _uuid(text: str) -> str:
    number = sum(ord(letter) * 0x1000000000000000000013B**place for place, letter in enumerate(text))
    digits = f"{number % 2**128:032x}"  # the path spread over 128 bits: another for each run
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _get(record: object, key: str, like: Any) -> Any:  # noqa: ANN401
    found = record.get(key) if isinstance(record, dict) else None
    kind, default = (like, None) if isinstance(like, type) else (type(like), like)
    return found if isinstance(found, kind) else default


def _cut(value: object, most: int = 2000) -> str:
    text = "…" if isinstance(value, dict | list) else str(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
