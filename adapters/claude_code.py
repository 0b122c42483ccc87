"""Claude Code: `claude -p --output-format stream-json`; `output` holds reasoning, which is not told apart."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from pancode.worker.profile import Action, Answer, Hook
    from pancode.worker.protocol import AgentEvent, Finished, Launch, Reason, Request, Usage

ID, NAME, BINARY, INSTALL = "claude-code", "Claude Code", "claude", "npm install -g @anthropic-ai/claude-code"
VERSIONS, VERSION_ARGS, READS = ("2.1.197",), ("--version",), ()
SECRETS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS")
CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLOUD_ML_REGION", "AWS_REGION")
PASS_ENV = (*CLOUDS, "ANTHROPIC_VERTEX_PROJECT_ID", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR")
LOGINS, STATE, CACHE = ((".claude/.credentials.json", "json"),), (".claude",), ()
FILES = "settings.json CLAUDE.md agents commands skills rules output-styles"
CONFIG, FOLDERS = [f".claude/{name}" for name in FILES.split()], {"CLAUDE_CONFIG_DIR": ".claude"}
TOKEN = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "", True, True)  # goes before the key
KEYS = (TOKEN, ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com", True))
BOUND = (*CLOUDS[:2], "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS")
BINDS = {".claude/settings.json": ("ANTHROPIC_", "apiKeyHelper", "CLAUDE_CODE_USE_", "forceLogin")}
HOSTS = ("api.anthropic.com:443", "platform.claude.com:443")
FLAGS = "dangerously-skip-permissions allow-dangerously-skip-permissions permission-mode settings bare tools "
FLAGS += "permission-prompt-tool allowed-tools disallowed-tools setting-sources safe-mode strict-mcp-config "
DECIDED = ["-w", *(f"--{flag}" for flag in (FLAGS + "worktree bg background remote cloud").split())]
CAN = {"system_prompt", "tools", "max_turns", "effort", "resume", "fork", "endpoint", "token_budget"}
TOOLS = {"read": "Read", "write": "Write", "edit": "Edit,NotebookEdit", "bash": "Bash", "grep": "Grep"}
TOOLS |= {"ls": "Glob", "find": "Glob", "web": "WebFetch,WebSearch"}
NAMES = {name: tool for tool, names in TOOLS.items() for name in names.split(",")} | {"Bash": "shell"}
CHANGING = ("Bash", "Write", "Edit", "NotebookEdit")  # plan mode alone obeys the user's own "allow" rules
DENIED = tuple(f"Bash({command}:*)" for command in ("sudo", "git push", "git clean", "rm", "rmdir"))
STEPS = {"input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_input_tokens"}
STEPS |= {"cache_write": "cache_creation_input_tokens"}
TOTALS = {"input": "inputTokens", "output": "outputTokens", "cache_read": "cacheReadInputTokens"}
TOTALS |= {"cache_write": "cacheCreationInputTokens"}
WORDS: dict[str, Reason] = {"s budget:": "budget"}  # the gateway's word, and so the first
WORDS |= {"http 401": "auth", "http 403": "auth", "not logged in": "auth"}
WORDS |= {"http 404": "model-unknown", "http 429": "rate-limit", "http 5": "overload", "overload": "overload"}
WORDS |= {"was lost": "stream-cut", "stream": "stream-cut", "connect": "network", "maximum": "budget"}


def launch(request: Request) -> Launch:
    """Give the command; the task goes by standard input, where neither length nor a leading dash matters."""
    argv = [request["binary"], "-p", "--output-format=stream-json", "--verbose", "--include-partial-messages"]
    env = dict.fromkeys(("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER"), "1")
    env["CLAUDE_CODE_MAX_RETRIES"] = "5"  # about 17 s; its own 10 also repeat a wrong key for three minutes
    secrets = {"ANTHROPIC_API_KEY": request["endpoint_key"] or "none"} if request["endpoint"] else {}
    reading = request["read_only"] or request["level"] == "suggest"
    if request["sandboxed"] and request["hook"]:  # mounts and hook decide, also about a reader's shell
        argv += ["--dangerously-skip-permissions", "--settings", _settings(request["hook"])]
        denied = CHANGING[1:] if reading else DENIED[:3] if request["level"] == "auto-edit" else ()
        argv += [*(["--disallowedTools", *denied] if denied else []), *["--strict-mcp-config"] * reading]
    elif reading:
        argv += ["--permission-mode", "plan", "--disallowedTools", *CHANGING]
    elif request["level"] == "auto-edit":
        argv += ["--permission-mode", "acceptEdits", "--allowedTools", "Bash", "--disallowedTools", *DENIED]
    else:
        argv.append("--dangerously-skip-permissions")
    if "--dangerously-skip-permissions" in argv and request["is_root"]:
        env["IS_SANDBOX"] = "1"  # else refused as root
    if request["tools"] is not None:
        argv += ["--tools", ",".join(TOOLS.get(name, name) for name in request["tools"])]
    options = {"--model": request["model"], "--effort": request["effort"], "--resume": request["session"]}
    limits = {"--append-system-prompt": request["system_prompt"], "--max-turns": request["max_turns"]}
    argv += [str(w) for pair in (options | limits).items() if pair[1] for w in pair] + request["extra_args"]
    if request["endpoint"]:
        env |= dict.fromkeys(CLOUDS, "")
        env["ANTHROPIC_BASE_URL"] = request["endpoint"].rstrip("/").removesuffix("/v1")
    home: dict[str, object] = {".claude/settings.json": {}} if request["sandboxed"] else {}
    launched: Launch = {"argv": argv, "env": env, "secret_env": secrets, "files": {}, "home": home}
    forks = ["--fork-session"] * request.get("fork", False)
    return {**launched, "argv": argv + forks, "stdin": request["task"]}


def hook_asks(payload: Mapping[str, Any]) -> Action:
    """Read the input of a PreToolUse hook."""
    tool, args = str(payload["tool_name"]), payload["tool_input"]
    name, cwd = NAMES.get(tool, tool), str(payload["cwd"])
    if name == "shell":
        return {"tool": name, "command": args["command"], "cwd": cwd}
    if tool == "WebFetch":
        return {"tool": name, "url": args["url"], "cwd": cwd}
    paths = [args[key] for key in ("file_path", "notebook_path", "path") if key in args]
    return {"tool": name, "paths": paths, "cwd": cwd}


def hook_says(allow: bool, why: str) -> Answer:
    """Answer a PreToolUse hook: exit status 2 stops the call, and the model reads why."""
    return {"out": "", "err": "" if allow else why, "exit": 0 if allow else 2}


def _settings(hook: Hook) -> str:
    import json  # not above: the shim loads this file for the Session and never launches

    each = {"type": "command", "command": hook["command"], "timeout": hook["timeout_s"]}
    hooks = {"PreToolUse": [{"matcher": ".*", "hooks": [each]}]}
    return json.dumps({"disableAllHooks": False, "hooks": hooks})


class Session:
    """Reads partial messages for text and tokens, whole ones for tools, `result` for the end."""

    def __init__(self, _previous: Usage | None = None) -> None:
        self.turns, self.message, self.streamed = 0, "", False
        self.name: dict[str, str] = {}  # id of a call -> its name
        self.out: dict[str, str] = {}  # id of a call -> its result, which says why it was refused
        self.start: dict[str, Any] = {}  # the early usage of the message that streams

    def feed(self, record: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Turn one record into events."""
        kind, sub = _get(record, "type", ""), _get(record, "subtype", "")
        if sub == "init":
            yield {"kind": "session", "id": _get(record, "session_id", "")}
        elif sub == "api_retry":
            attempt, of, http = (_get(record, key, int) for key in ("attempt", "max_retries", "error_status"))
            wait, why = _get(record, "retry_delay_ms", 0.0) / 1000 or None, _get(record, "error", "")
            yield {"kind": "retrying", "attempt": attempt, "of": of, "wait_s": wait, "http": http, "why": why}
        elif kind == "stream_event":
            yield from self._partial(_get(record, "event", {}), own=not record.get("parent_tool_use_id"))
        elif kind in ("assistant", "user"):
            said, own = kind == "assistant" and not record.get("error"), not record.get("parent_tool_use_id")
            yield from self._message(_get(record, "message", {}), said=said, own=own)  # `result` tells errors
        elif kind == "result":
            yield from self._result(record)
        elif (sub or kind) not in ("init", "status", "compact_boundary", "rate_limit_event", ""):
            yield {"kind": "unknown", "type": f"{kind}/{sub}".rstrip("/")[:80]}

    def noise(self, line: str) -> Iterator[AgentEvent]:
        """Keep complaints about the command line: they are all there is when the start fails."""
        if line.lower().startswith(("error", "--")):
            yield {"kind": "problem", "message": _cut(line)}

    def end(self, _files: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Nothing is held back."""
        yield from ()

    def _partial(self, event: dict[str, Any], *, own: bool) -> Iterator[AgentEvent]:
        if event.get("type") == "message_start":
            self.start, self.streamed = _get(event.get("message"), "usage", {}), False
            yield from self._message(_get(event, "message", {}), said=True, own=own)
        elif (text := _get(event.get("delta"), "text", "")) and own:
            self.streamed = True
            yield {"kind": "text", "text": text, "delta": True}
        elif event.get("type") == "message_delta":
            yield _usage("step", [self.start | _get(event, "usage", {})], STEPS)

    def _message(self, message: dict[str, Any], *, said: bool, own: bool) -> Iterator[AgentEvent]:
        if said and _get(message, "id", "") != self.message:
            self.message, self.turns = _get(message, "id", ""), self.turns + 1
            yield {"kind": "turn", "model": _get(message, "model", "")}
        for block in _get(message, "content", []):
            kind, call, name = (_get(block, key, "") for key in ("type", "id", "name"))
            if kind == "text" and said and own and not self.streamed:
                yield {"kind": "text", "text": _get(block, "text", "")}
            elif kind == "tool_use":
                self.name[call] = NAMES.get(name, name)
                args = {key: _cut(value) for key, value in _get(block, "input", {}).items()}
                yield {"kind": "tool_started", "id": call, "name": self.name[call], "args": args}
            elif kind == "tool_result":
                call, parts = _get(block, "tool_use_id", ""), _get(block, "content", [block.get("content")])
                told = "\n".join(part if isinstance(part, str) else _get(part, "text", "") for part in parts)
                told = (
                    told.partition("]: ")[2] or told if told.startswith("PreToolUse:") else told
                )  # our own words
                self.out[call] = told = _cut(told, 4000)
                name, ok = self.name.get(call, ""), not block.get("is_error")
                yield {"kind": "tool_finished", "id": call, "name": name, "ok": ok, "result": told}

    def _result(self, record: Mapping[str, Any]) -> Iterator[AgentEvent]:
        # `usage` is all 0 when a budget ended the run, and leaves helper models out.
        yield _usage("total", _get(record, "modelUsage", {}).values(), TOTALS)
        if isinstance(usd := record.get("total_cost_usd"), int | float):
            yield {"kind": "cost", "scope": "total", "usd": usd}
        for denial in _get(record, "permission_denials", []):
            ref = _get(denial, "tool_use_id", "")
            yield {"kind": "refused", "id": ref, "name": self.name.get(ref, ""), "why": self.out.get(ref, "")}
        ok, http = record.get("is_error") is False, _get(record, "api_error_status", int)
        said = _get(record, "result", "") or "; ".join(map(_cut, _get(record, "errors", [])))
        end: Finished = {"kind": "finished", "ok": ok, "result": said if ok else None, "turns": self.turns}
        reason: Reason = next((WORDS[w] for w in WORDS if w in f"http {http} {said}".lower()), "agent-error")
        yield end if ok else {**end, "message": said, "reason": reason, "http": http}


def _usage(scope: str, rows: Iterable[object], names: dict[str, str]) -> Any:  # noqa: ANN401
    tokens = {ours: sum(_get(row, theirs, 0) for row in rows) for ours, theirs in names.items()}
    return {"kind": "usage", "scope": scope, "reasoning": None} | tokens  # reasoning is not told apart


def _get(record: object, key: str, like: Any) -> Any:  # noqa: ANN401
    found = record.get(key) if isinstance(record, dict) else None
    kind, default = (like, None) if isinstance(like, type) else (type(like), like)
    return found if isinstance(found, kind) else default


def _cut(value: object, most: int = 2000) -> str:
    text = "…" if isinstance(value, dict | list) else str(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
