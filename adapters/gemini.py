"""Gemini CLI: `gemini -o stream-json`; it tells tokens at the end and retries on standard error only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pancode.worker.profile import Action, Answer
    from pancode.worker.protocol import AgentEvent, Launch, Reason, Request, Usage

ID, NAME, BINARY, INSTALL = "gemini", "Gemini CLI", "gemini", "npm install -g @google/gemini-cli"
VERSIONS, VERSION_ARGS, READS = ("0.61.0",), ("--version",), ("files/home.json",)
SECRETS, FOLDERS = ("GEMINI_API_KEY", "GOOGLE_API_KEY"), {"GEMINI_CLI_HOME": ""}
GOOGLE = ("CLOUD_PROJECT", "CLOUD_LOCATION", "GENAI_USE_VERTEXAI", "GENAI_USE_GCA", "GEMINI_BASE_URL")
PASS_ENV = (*(f"GOOGLE_{name}" for name in GOOGLE), "GOOGLE_APPLICATION_CREDENTIALS", "GEMINI_CLI_HOME")
LOGINS = [(f".gemini/{name}.json", "json") for name in ("oauth_creds", "google_accounts")]
LOGINS += [(".gemini/gemini-credentials.json", "text")]
FILES = "settings.json GEMINI.md commands skills agents policies"
CONFIG, STATE, CACHE = [f".gemini/{name}" for name in FILES.split()], (".gemini",), ()
UNHOOKS = {".gemini/settings.json": ("hooks", "Hooks")}  # a project's settings outrank a user's
KEYS = [("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com", False)]
BOUND = ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA")
BINDS = {".gemini/settings.json": ("selectedType", "enforcedType", "useExternal")}
HOSTS = [f"{name}.googleapis.com:443" for name in ("generativelanguage", "oauth2", "cloudcode-pa")]
FLAGS = (
    "yolo approval-mode policy admin-policy allowed-tools sandbox skip-trust worktree acp experimental-acp"
)
DECIDED = ["-y", "-s", "-w", *(f"--{flag}" for flag in FLAGS.split())]
CAN = frozenset({"system_prompt", "tools", "max_turns", "resume", "endpoint"})
TOOLS = {"read": ["read_file", "read_many_files"], "write": ["write_file"], "edit": ["replace"]}
TOOLS |= {"bash": ["run_shell_command"], "grep": ["grep_search"], "ls": ["list_directory"], "find": ["glob"]}
TOOLS |= {"web": ["web_fetch", "google_web_search"]}
NAMES = {name: tool for tool, names in TOOLS.items() for name in names} | {"run_shell_command": "shell"}
DENIED, SHELL = ["sudo", "git push", "git clean", "rm", "rmdir"], "run_shell_command"
RULE = "[[rule]]\ntoolName = {!r}\ndecision = '{}'\npriority = {}\nallowRedirection = true\n"
MODES = {"suggest": "default", "auto-edit": "auto_edit", "full-auto": "yolo"}  # its "plan" may write notes
# Only a settings file can name the kind of login. Its own 10 attempts are 100 s of silence on the stream.
LOGIN = {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}}
SETTINGS = {"security": LOGIN, "general": {"maxAttempts": 4}, "privacy": {"usageStatisticsEnabled": False}}
WORDS: dict[str, Reason] = {"s budget:": "budget"}  # the gateway's word, and so the first
WORDS |= {"http 401": "auth", "http 403": "auth", "http 429": "rate-limit"}
WORDS |= {"http 404": "model-unknown", "http 5": "overload", "session turns": "budget", "quota": "rate-limit"}
WORDS |= {"terminated": "stream-cut", "reset": "stream-cut", "econn": "network", "fetch failed": "network"}


def launch(request: Request) -> Launch:
    """Give the command and a policy file; its system prompt can't be added to, so a prompt leads the task."""
    level, files = "suggest" if request["read_only"] else request["level"], f"{request['run_dir']}/files"
    hooked = request["hook"] if request["sandboxed"] else None  # then the mounts and the hook decide
    reader = ["write_file", "replace", *([] if hooked else [SHELL])]
    rules = RULE.format(reader, "deny", 999) if level == "suggest" else ""
    if hooked or level == "auto-edit":
        rules += RULE.format(SHELL, "allow", 400)
    if level == "auto-edit":
        rules += RULE.format(SHELL, "deny", 999) + f"commandPrefix = {DENIED[:3] if hooked else DENIED}\n"
    if request["tools"] is not None:
        names = [name for tool in request["tools"] for name in TOOLS.get(tool, [tool])]
        rules += RULE.format("*", "deny", 500) + RULE.format([*names, "none"], "allow", 600)
    session, _, home = (request["session"] or "").partition("@")
    env, secrets = {"GEMINI_CLI_NO_RELAUNCH": "true", "GEMINI_TELEMETRY_ENABLED": "false"}, dict[str, str]()
    settings = SETTINGS if request["endpoint"] else {}
    if request["endpoint"]:
        env["GOOGLE_GEMINI_BASE_URL"] = request["endpoint"].rstrip("/").removesuffix("/v1")
        secrets = {"GOOGLE_API_KEY": "", "GEMINI_API_KEY": request["endpoint_key"] or "none"}
    if request["sandboxed"]:
        home = ""  # the worker has one of its own
    elif request["endpoint"]:
        home = home or f"{files}/gemini"  # of the conversation's first run
    env |= {"GEMINI_CLI_HOME": home} if home else {}
    made: dict[str, object] = {"policy.toml": rules, "home.json": {"home": home}}
    made |= {"gemini/.gemini/settings.json": settings} if home == f"{files}/gemini" else {}
    if hooked:
        each: dict[str, object] = {"name": "pancode", "type": "command", "command": hooked["command"]}
        each["timeout"] = hooked["timeout_s"] * 1000  # milliseconds
        settings = settings | {"hooks": {"BeforeTool": [{"matcher": ".*", "hooks": [each]}]}}
        settings |= {"hooksConfig": {"enabled": True}}
    own = request["endpoint"] and not request["endpoint_is_vendors"]
    model = request["model"] or ("gemini-2.5-pro" if own else "")  # else a router asks others
    mode = "yolo" if hooked else MODES[level]
    argv = [request["binary"], "-o", "stream-json", "--skip-trust", "--approval-mode", mode]
    pairs = [("--policy", f"{files}/policy.toml"), ("-m", model), ("-r", session)]
    pairs += [("--include-directories", request.get("skills_dir") or "")]  # else its tools can't read there
    argv += [word for pair in pairs if pair[1] for word in pair] + request["extra_args"]
    task = "\n\n".join(filter(None, (request["system_prompt"], request["task"])))
    launched: Launch = {"argv": argv, "env": env, "secret_env": secrets, "files": made, "stdin": task}
    return {**launched, "home": {".gemini/settings.json": settings} if request["sandboxed"] else {}}


def hook_asks(payload: Mapping[str, Any]) -> Action:
    """Read the input of a BeforeTool hook."""
    tool, args, cwd = str(payload["tool_name"]), payload["tool_input"], str(payload["cwd"])
    name = NAMES.get(tool, tool)
    if name == "shell":
        where = args.get("dir_path") or "."
        at = where if where.startswith("/") else f"{cwd}/{where}"
        return {"tool": name, "command": args["command"], "cwd": at}
    if tool == "web_fetch":
        words = str(args.get("url") or args["prompt"]).split()
        return {"tool": name, "url": next((word for word in words if "://" in word), ""), "cwd": cwd}
    paths = [args[key] for key in ("file_path", "dir_path") if key in args] + args.get("include", [])
    return {"tool": name, "paths": paths, "cwd": cwd}


def hook_says(allow: bool, why: str) -> Answer:
    """Answer a BeforeTool hook: exit status 2 stops the call, and the model reads why."""
    return {"out": "", "err": "" if allow else why, "exit": 0 if allow else 2}


class Session:
    """Reads the stream; the end waits for standard error, where the status of a failed request stands."""

    def __init__(self, _previous: Usage | None = None) -> None:
        self.said, self.answering, self.session, self.why = "", False, "", ""
        self.http: int | None = None
        self.ok: bool | None = None  # the word of the final record
        self.calls: dict[str, str] = {}  # id of a call -> its name

    def feed(self, record: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Turn one record into events."""
        kind, text, call = (_get(record, key, "") for key in ("type", "content", "tool_id"))
        if kind == "init":
            self.session = _get(record, "session_id", "")
            yield {"kind": "session", "id": self.session}
        elif kind == "message" and record.get("role") == "assistant":
            yield from self._turn()
            self.said += text
            yield {"kind": "text", "text": text, "delta": record.get("delta") is True}
        elif kind == "tool_use":
            yield from self._turn()
            self.calls[call] = NAMES.get(_get(record, "tool_name", ""), _get(record, "tool_name", ""))
            args = {key: _cut(value) for key, value in _get(record, "parameters", {}).items()}
            yield {"kind": "tool_started", "id": call, "name": self.calls[call], "args": args}
        elif kind == "tool_result":
            self.answering, name, ok = False, self.calls.get(call, ""), record.get("status") == "success"
            told = _cut(_get(record, "output", "") or _get(record.get("error"), "message", ""), 4000)
            if _get(record.get("error"), "type", "") == "policy_violation":
                yield {"kind": "refused", "id": call, "name": name, "why": told}
            yield {"kind": "tool_finished", "id": call, "name": name, "ok": ok, "result": told}
        elif kind == "error":
            self.why = _get(record, "message", "")
            yield {"kind": "problem", "message": self.why}
        elif kind == "result":
            self.ok = record.get("status") == "success"
            self.why = _get(record.get("error"), "message", self.why)
            yield _usage(_get(record, "stats", {}))
        elif kind != "message":
            yield {"kind": "unknown", "type": kind[:80]}

    def noise(self, line: str) -> Iterator[AgentEvent]:
        """Read standard error: retries and the status of a failed request are told only there."""
        self.http = _number(line.partition(" failed with status ")[2]) or self.http
        if line.startswith("Attempt ") and "Retrying" in line:
            nth, http, why = _number(line.split()[1]), self.http, _cut(line)
            yield {"kind": "retrying", "attempt": nth, "of": None, "wait_s": None, "http": http, "why": why}
        elif "ModelNotFoundError" in line:
            self.http = 404
        elif line.startswith(("Please set", "When using", "Invalid auth", "Unknown arg", "[USER] Policy")):
            yield {"kind": "problem", "message": _cut(line)}

    def end(self, files: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Name the conversation with its home, then give the final record's word."""
        if (home := _get(files.get("files/home.json"), "home", "")) and self.session:
            yield {"kind": "session", "id": f"{self.session}@{home}"}
        http = _number(self.why.partition('"code":')[2]) or self.http
        clues = f"http {http} {self.why}".lower()
        reason: Reason = next((WORDS[word] for word in WORDS if word in clues), "agent-error")
        if self.ok:
            yield {"kind": "finished", "ok": True, "result": self.said}
        elif self.ok is not None:
            yield {"kind": "finished", "ok": False, "message": self.why, "reason": reason, "http": http}

    def _turn(self) -> Iterator[AgentEvent]:
        if not self.answering:  # what comes after a task or a result is a new answer of the model
            self.answering, self.said = True, ""
            yield {"kind": "turn"}


def _usage(stats: dict[str, Any]) -> Any:  # noqa: ANN401
    total, asked, said = (_get(stats, f"{key}_tokens", int) for key in ("total", "input", "output"))
    thoughts = None if None in (total, asked, said) else max(0, total - asked - said)
    tokens = {"input": _get(stats, "input", int), "output": said + thoughts if thoughts else said}
    tokens |= {"cache_read": _get(stats, "cached", int), "cache_write": None, "reasoning": thoughts}
    return {"kind": "usage", "scope": "total"} | tokens


def _number(text: str) -> int | None:
    return int(text[:3]) if text[:3].isdecimal() else None


def _get(record: object, key: str, like: Any) -> Any:  # noqa: ANN401
    found = record.get(key) if isinstance(record, dict) else None
    kind, default = (like, None) if isinstance(like, type) else (type(like), like)
    return found if isinstance(found, kind) else default


def _cut(value: object, most: int = 2000) -> str:
    text = "…" if isinstance(value, dict | list) else str(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
