"""OpenCode: `opencode run --format json`; a tool call comes as one record when it is over, no retry does."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pancode.worker.profile import Action, Answer
    from pancode.worker.protocol import AgentEvent, Finished, Launch, Reason, Request, Usage

ID, NAME, BINARY, INSTALL = "opencode", "OpenCode", "opencode", "npm install -g opencode-ai"
VERSIONS, VERSION_ARGS, READS, CACHE, IDLE_S = ("1.18.33",), ("--version",), (), (), 600.0
SECRETS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "OPENCODE_API_KEY")
HOMES = {"CONFIG": ".config", "DATA": ".local/share", "CACHE": ".cache", "STATE": ".local/state"}
FOLDERS = {f"XDG_{name}_HOME": folder for name, folder in HOMES.items()}
PASS_ENV = ("OPENCODE_CONFIG", *FOLDERS, "OPENCODE_CONFIG_DIR")
LOGINS = [(f".local/share/opencode/{name}.json", "json") for name in ("auth", "mcp-auth")]
FILES = "opencode.json opencode.jsonc AGENTS.md agent agents command commands"
CONFIG = [f".config/opencode/{name}" for name in FILES.split()]
STATE = [f"{folder}/opencode" for folder in HOMES.values() if folder != ".config"]  # that one is read-only
HOSTS = [f"{name}:443" for name in ("api.anthropic.com", "api.openai.com", "opencode.ai", "openrouter.ai")]
DECIDED = ["-i", "--auto", "--agent", "--attach", "--dir", "--interactive", "--port", "--pure", "--share"]
CAN = frozenset({"system_prompt", "tools", "max_turns", "resume", "fork", "endpoint", "token_budget"})
KEY, MODEL = "PANCODE_OPENCODE_KEY", "gpt-5.5"  # for an endpoint: the variable of its key, the default model
TOOLS = {"read": ["read"], "write": ["edit"], "edit": ["edit"], "bash": ["bash"], "grep": ["grep"]}
TOOLS |= {"find": ["glob"], "ls": ["list"], "web": ["webfetch", "websearch"]}
NAMES = {n: t.replace("bash", "shell") for t, names in TOOLS.items() for n in names} | {"apply_patch": "edit"}
DENIED = ("sudo *", "git push*", "git clean*", "rm *", "rmdir *")
LIBRARY = {"dependencies": {"@opencode-ai/plugin": "*"}}  # what is there already it does not ask npm for
MADE: dict[str, object] = {".gitignore": "*\n", "package.json": LIBRARY, "node_modules/.keep": ""}
MADE["package-lock.json"] = {"packages": {"": LIBRARY}}
PLUGIN = """import { spawn } from "node:child_process";
import { resolve } from "node:path";
const limits = { timeout: %d, killSignal: "SIGKILL", stdio: ["pipe", "ignore", "pipe"] };
const ask = (cwd) => ({ tool }, { args }) => new Promise((done, reject) => {
  let why = "";
  const end = (code) => code === 0 ? done() : reject(new Error("PanCode: " + (why || "no answer")));
  const sh = spawn("/bin/sh", ["-c", %s], limits).on("error", end).on("close", end);
  sh.stderr.on("data", (data) => { why += data; });
  sh.stdin.on("error", () => 0).end(JSON.stringify({ tool, args, cwd: resolve(cwd, args.workdir || ".") }));
});
export const PanCode = async ({ directory }) => ({ "tool.execute.before": ask(directory) });
"""
CHANGES = tuple(f"*** {verb}: " for verb in ("Add File", "Update File", "Delete File", "Move to"))
REFUSED = ("The user rejected permission", "The user has specified a rule which prevents", "PanCode: ")
WORDS: dict[str, Reason] = {"s budget:": "budget", "http 401": "auth", "http 403": "auth", "api key": "auth"}
WORDS |= {"http 404": "model-unknown", "http 429": "rate-limit", "http 5": "overload", "stream": "stream-cut"}
WORDS |= {"reset": "stream-cut", "closed": "stream-cut", "terminated": "stream-cut", "conn": "network"}


def launch(request: Request) -> Launch:
    """Give the command; its settings travel as JSON in the environment, which outranks every file."""
    import json  # not above: the shim loads this file for the Session and never launches

    rules = _permission(request)  # as those of an agent of ours they outrank every rule of the user's
    config: dict[str, Any] = {"autoupdate": False, "share": "disabled", "permission": rules}
    config["agent"] = {"pancode": {"mode": "primary", "permission": rules}}
    files, home, model = dict[str, object](), dict[str, object](), request["model"]
    files |= {"prompt.md": request["system_prompt"]} if request["system_prompt"] else {}
    config["instructions"] = [f"{request['run_dir']}/files/{name}" for name in files]
    if request["endpoint"]:
        name, url = model or MODEL, request["endpoint"].rstrip("/").removesuffix("/v1") + "/v1"
        options, model = {"baseURL": url, "apiKey": f"{{env:{KEY}}}"}, f"pancode/{name}"
        provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {name: {}}}
        config |= {"provider": {"pancode": provider}, "model": model, "small_model": model}
    quiet = ("AUTOUPDATE", "LSP_DOWNLOAD", *(["MODELS_FETCH"] if request["endpoint"] else []))
    env = {f"OPENCODE_DISABLE_{name}": "1" for name in quiet}
    if request["sandboxed"]:  # a project's settings are code that could take the hook away
        env["OPENCODE_DISABLE_PROJECT_CONFIG"] = "1"
        config["instructions"] += [f"{request['cwd']}/{name}" for name in ("AGENTS.md", "CLAUDE.md")]
        home |= {f".config/opencode/{name}": content for name, content in MADE.items()}
    if hook := request["hook"]:
        env["OPENCODE_CONFIG_DIR"] = f"{request['run_dir']}/files/opencode"
        files |= {f"opencode/{name}": content for name, content in MADE.items()}
        files["opencode/plugin/pancode.js"] = PLUGIN % (hook["timeout_s"] * 1000, json.dumps(hook["command"]))
    env["OPENCODE_CONFIG_CONTENT"] = json.dumps(config)
    run = request["run_dir"].rpartition("/")[2]  # the title saves the model call that makes one
    argv = [request["binary"], "run", "--format", "json", f"--title=PanCode {run}", "--agent=pancode"]
    pairs = (("-m", model), ("-s", request["session"], "--fork" * request.get("fork", False)))
    argv += [word for pair in pairs if pair[1] for word in pair if word] + request["extra_args"]
    key, task = {KEY: request["endpoint_key"] or "none"} if request["endpoint"] else {}, request["task"]
    return {"argv": argv, "env": env, "secret_env": key, "files": files, "home": home, "stdin": task}


def hook_asks(payload: Mapping[str, Any]) -> Action:
    """Read what the plugin sends about a call."""
    name, args, cwd = str(payload["tool"]), payload["args"], str(payload["cwd"])
    if (name := NAMES.get(name, name)) == "shell":
        return {"tool": name, "command": args["command"], "cwd": cwd}
    if "url" in args:
        return {"tool": name, "url": args["url"], "cwd": cwd}
    lines = [line.strip() for line in str(args.get("patchText", "")).splitlines()]
    paths = [line.removeprefix(verb) for line in lines for verb in CHANGES if line.startswith(verb)]
    return {"tool": name, "paths": paths + [args[k] for k in ("filePath", "path") if args.get(k)], "cwd": cwd}


def hook_says(allow: bool, why: str) -> Answer:
    """Answer the plugin: any status but 0 makes it throw, and the model reads why."""
    return {"out": "", "err": "" if allow else why, "exit": 0 if allow else 2}


def _permission(request: Request) -> dict[str, Any]:
    named = ["*", *(name for tool in request["tools"] or () for name in TOOLS.get(tool, [tool]))]
    rules: dict[str, Any] = dict.fromkeys(named, "allow")  # never "ask", which would end the run
    rules |= {} if request["tools"] is None else {"*": "deny"}
    hooked = request["sandboxed"] and request["hook"] is not None  # then the mounts and the hook decide
    if request["read_only"] or request["level"] == "suggest":
        denied = ("edit", "task", "webfetch", "bash", "external_directory")
        return rules | dict.fromkeys(denied[:3] if hooked else denied, "deny")
    if request["level"] == "auto-edit":
        rules["bash"] = {"*": rules.get("bash", rules["*"])}
        rules["bash"] |= dict.fromkeys(DENIED[:3] if hooked else DENIED, "deny")
        rules |= {} if hooked else {"external_directory": "deny"}
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
            error, data = _get(record, "error", {}), _get(record.get("error"), "data", {})
            said, http = _get(data, "message", ""), _get(data, "statusCode", int)
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
        ok, rc = state.get("status") == "completed", _get(state.get("metadata"), "exit", int)
        ok &= name != "invalid"  # a tool that it took away
        name, patch = NAMES.get(name, name), _get(_get(state, "input", {}), "patchText", "")
        name = "write" if patch.startswith("*** Begin Patch\n*** Add File:") else name
        args = {key: _cut(value) for key, value in _get(state, "input", {}).items()}
        yield {"kind": "tool_started", "id": call, "name": name, "args": args}
        out = _cut(_get(state, "output", "") or _get(state, "error", ""), 4000)
        if out.startswith(REFUSED) and not ok:
            self.refused = out.partition(" Here are some")[0]
            yield {"kind": "refused", "id": call, "name": name, "why": self.refused}
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
