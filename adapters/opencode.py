"""OpenCode: `opencode run --format json`; a tool call comes as one record when it is over, no retry does."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pancode.worker.protocol import AgentEvent, Finished, Launch, Reason, Request, Usage

ID, NAME, BINARY, INSTALL = "opencode", "OpenCode", "opencode", "npm install -g opencode-ai"
VERSIONS, VERSION_ARGS, READS = ("1.18.33",), ("--version",), ()
SECRETS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "OPENCODE_API_KEY")
FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "OPENCODE_CONFIG_DIR")
PASS_ENV = ("OPENCODE_CONFIG", *FOLDERS)
CAN = frozenset({"system_prompt", "tools", "max_turns", "resume", "endpoint", "token_budget"})
KEY, MODEL = "PANCODE_OPENCODE_KEY", "gpt-5.5"  # for an endpoint: the variable of its key, the default model
TOOLS = {"read": ["read"], "write": ["edit"], "edit": ["edit"], "bash": ["bash"], "grep": ["grep"]}
TOOLS |= {"find": ["glob"], "ls": ["list"], "web": ["webfetch", "websearch"]}
NAMES = {"bash": "shell", "apply_patch": "edit", "glob": "find", "webfetch": "web", "websearch": "web"}
DENIED = ("rm *", "rmdir *", "git push*", "git clean*", "sudo *")
REFUSED = ("The user rejected permission", "The user has specified a rule which prevents")
WORDS: dict[str, Reason] = {"http 401": "auth", "http 403": "auth", "api key": "auth", "reset": "stream-cut"}
WORDS |= {"http 404": "model-unknown", "http 429": "rate-limit", "http 5": "overload", "stream": "stream-cut"}
WORDS |= {"closed": "stream-cut", "terminated": "stream-cut", "connect": "network", "econn": "network"}


def launch(request: Request) -> Launch:
    """Give the command; its settings travel as JSON in the environment, which outranks every file."""
    import json  # not above: the shim loads this file for the Session and never launches

    rules = _permission(request)  # as those of an agent of ours they outrank every rule of the user's
    config: dict[str, Any] = {"autoupdate": False, "share": "disabled", "permission": rules}
    config["agent"] = {"pancode": {"mode": "primary", "permission": rules}}
    files, model = dict[str, object](), request["model"]
    if request["system_prompt"]:
        files["prompt.md"] = request["system_prompt"]
        config["instructions"] = [f"{request['run_dir']}/files/prompt.md"]
    if request["endpoint"]:
        name, url = model or MODEL, request["endpoint"].rstrip("/").removesuffix("/v1") + "/v1"
        options, model = {"baseURL": url, "apiKey": f"{{env:{KEY}}}"}, f"pancode/{name}"
        provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {name: {}}}
        config |= {"provider": {"pancode": provider}, "model": model, "small_model": model}
    env = dict.fromkeys(("OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_LSP_DOWNLOAD"), "1")
    env |= {"OPENCODE_DISABLE_MODELS_FETCH": "1"} if request["endpoint"] else {}
    env["OPENCODE_CONFIG_CONTENT"] = json.dumps(config)
    run = request["run_dir"].rpartition("/")[2]  # the title saves the model call that makes one
    argv = [request["binary"], "run", "--format", "json", f"--title=PanCode {run}", "--agent=pancode"]
    argv += ["-m", model] if model else []
    argv += [*(["-s", request["session"]] if request["session"] else []), *request["extra_args"]]
    secrets = {KEY: request["endpoint_key"] or "none"} if request["endpoint"] else {}
    return {"argv": argv, "env": env, "secret_env": secrets, "files": files, "stdin": request["task"]}


def _permission(request: Request) -> dict[str, Any]:
    rules: dict[str, Any] = {"*": "allow"}  # never "ask": with nobody there OpenCode then ends the run
    if request["tools"] is not None:
        named = [name for tool in request["tools"] for name in TOOLS.get(tool, [tool])]
        rules = {"*": "deny"} | dict.fromkeys(named, "allow")
    if request["read_only"] or request["level"] == "suggest":
        rules |= dict.fromkeys(("edit", "bash", "task", "webfetch", "external_directory"), "deny")
    elif request["level"] == "auto-edit":
        shell = {"*": rules.get("bash", rules["*"])}
        rules |= {"bash": shell | dict.fromkeys(DENIED, "deny"), "external_directory": "deny"}
    return rules


class Session:
    """Reads the parts of messages; the end is the reason of the last step, known when the process is gone."""

    def __init__(self, _previous: Usage | None = None) -> None:
        self.session, self.last, self.said, self.refused = "", "", "", ""
        self.failed: Finished | None = None

    def feed(self, record: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Turn one record into events."""
        kind, part = _get(record, "type", ""), _get(record, "part", {})
        if _get(record, "sessionID", self.session) != self.session:
            self.session = _get(record, "sessionID", "")
            yield {"kind": "session", "id": self.session}
        if kind == "step_start":
            self.said, self.last, self.refused = "", "", ""
            yield {"kind": "turn"}
        elif kind == "text":
            self.said += _get(part, "text", "")
            yield {"kind": "text", "text": _get(part, "text", "")}
        elif kind == "tool_use":
            yield from self._tool(part, _get(part, "state", {}))
        elif kind == "step_finish":
            self.last = _get(part, "reason", "")
            yield _usage(_get(part, "tokens", {}))
            if usd := _get(part, "cost", 0.0) or _get(part, "cost", 0):  # 0 only means: no price known
                yield {"kind": "cost", "scope": "step", "usd": usd}
        elif kind == "error":
            error = _get(record, "error", {})
            said, http = _get(error.get("data"), "message", ""), _get(error.get("data"), "statusCode", int)
            clues = f"http {http} {said} {_get(error, 'name', '')}".lower()
            reason: Reason = next((WORDS[word] for word in WORDS if word in clues), "agent-error")
            self.failed = {"kind": "finished", "ok": False, "message": said, "reason": reason, "http": http}
            yield {"kind": "problem", "message": said, "reason": reason, "http": http}
        elif kind != "reasoning":
            yield {"kind": "unknown", "type": kind[:80]}

    def noise(self, line: str) -> Iterator[AgentEvent]:
        """Keep complaints; a permission that nobody gave is also told by the call."""
        if "rror:" in line:
            yield {"kind": "problem", "message": _cut(line)}

    def end(self, _files: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Give the word of the last record; none if the stream broke off between two steps."""
        if self.last == "stop":
            yield {"kind": "finished", "ok": True, "result": self.said}
        elif self.failed:
            yield self.failed
        elif self.refused:  # a question that nobody can answer ends the run
            yield {"kind": "finished", "ok": False, "message": self.refused, "reason": "refused"}

    def _tool(self, part: dict[str, Any], state: dict[str, Any]) -> Iterator[AgentEvent]:
        call, name = _get(part, "callID", ""), _get(part, "tool", "")
        ok = state.get("status") == "completed" and name != "invalid"  # a tool that it took away
        name, patch = NAMES.get(name, name), _get(_get(state, "input", {}), "patchText", "")
        name = "write" if patch.startswith("*** Begin Patch\n*** Add File:") else name
        args = {key: _cut(value) for key, value in _get(state, "input", {}).items()}
        yield {"kind": "tool_started", "id": call, "name": name, "args": args}
        out = _cut(_get(state, "output", "") or _get(state, "error", ""), 4000)
        if out.startswith(REFUSED) and not ok:
            self.refused = out
            yield {"kind": "refused", "id": call, "name": name, "why": out.partition(" Here are some")[0]}
        rc = _get(state.get("metadata"), "exit", int)
        yield {"kind": "tool_finished", "id": call, "name": name, "ok": ok, "result": out, "exit": rc}


def _usage(tokens: dict[str, Any]) -> Any:  # noqa: ANN401
    counts = {key: _get(tokens, key, int) for key in ("input", "output", "reasoning")}
    if counts["output"] is not None:  # its own figure leaves reasoning out
        counts["output"] += counts["reasoning"] or 0
    cache = {f"cache_{way}": _get(tokens.get("cache"), way, int) for way in ("read", "write")}
    return {"kind": "usage", "scope": "step"} | counts | cache


def _get(record: object, key: str, like: Any) -> Any:  # noqa: ANN401
    found = record.get(key) if isinstance(record, dict) else None
    kind, default = (like, None) if isinstance(like, type) else (type(like), like)
    return found if isinstance(found, kind) else default


def _cut(value: object, most: int = 2000) -> str:
    text = "…" if isinstance(value, dict | list) else str(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
