"""Codex: `codex exec --json`; it shows neither its single model requests nor the actions that it refused."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pancode.worker.profile import Action, Answer
    from pancode.worker.protocol import AgentEvent, Launch, Reason, Request, Usage

ID, NAME, BINARY, INSTALL = "codex", "Codex", "codex", "npm install -g @openai/codex"
VERSIONS, VERSION_ARGS, READS, IDLE_S = ("0.169.0",), ("--version",), (), 600.0
SECRETS, PASS_ENV = ("OPENAI_API_KEY", "CODEX_API_KEY"), ("CODEX_HOME", "OPENAI_BASE_URL")
LOGINS, STATE, CACHE = ((".codex/auth.json", "json"),), (".codex",), ()
FILES = "config.toml AGENTS.md rules/default.rules prompts skills"
CONFIG, FOLDERS = [f".codex/{name}" for name in FILES.split()], {"CODEX_HOME": ".codex"}
VENDOR = ("OPENAI_BASE_URL", "https://api.openai.com/v1")
KEYS = (("CODEX_API_KEY", *VENDOR, True), ("OPENAI_API_KEY", *VENDOR, False))
BINDS = {".codex/config.toml": ("model_provider", "openai_base_url", "profile", "forced_login")}
HOSTS = ("api.openai.com:443", "chatgpt.com:443", "auth.openai.com:443")
FLAGS = "sandbox ask-for-approval full-auto yolo approve-for-me trust ignore-rules cd remote worktree enable "
FLAGS += "disable dangerously-bypass-approvals-and-sandbox dangerously-bypass-hook-trust"
GRANTED = "hooks sandbox approval permissions default_permissions features= features.hooks "
GRANTED += "features.unified_exec"
DECIDED = ["-s", "-a", "-C", *(f"--{flag}" for flag in FLAGS.split())]
DECIDED += [f"{flag} {name}" for flag in ("-c", "--config") for name in GRANTED.split()]
CAN = frozenset({"system_prompt", "effort", "resume", "fork", "endpoint"})
TOOLS = {"command_execution": "shell", "file_change": "edit", "mcp_tool_call": "", "web_search": "web"}
KEY, MODEL = "PANCODE_CODEX_KEY", "gpt-5.5"  # for an endpoint: the variable of its key, the default model
SANDBOXES = {"suggest": "read-only", "auto-edit": "workspace-write", "full-auto": "danger-full-access"}
QUIET = ("check_for_update_on_startup", "analytics.enabled", "features.apps", "features.plugins")
RULES, DENIED = 'prefix_rule(pattern=["{}"], decision="forbidden")\n', ("sudo", 'git", "push', 'git", "clean')
CHANGES = tuple(f"*** {verb}: " for verb in ("Add File", "Update File", "Delete File", "Move to"))
COUNTS = {"input": "input_tokens", "output": "output_tokens", "cache_read": "cached_input_tokens"}
COUNTS |= {"cache_write": "cache_write_input_tokens", "reasoning": "reasoning_output_tokens"}
WORDS: dict[str, Reason] = {"s budget:": "budget"}  # the gateway's word, and so the first
WORDS |= {"status 401": "auth", "status 403": "auth", "environment variable": "auth"}
WORDS |= {"status 404": "model-unknown", "model:": "model-unknown", "does not exist": "model-unknown"}
WORDS |= {"429": "rate-limit", "usage limit": "rate-limit", "status 5": "overload", "demand": "overload"}
WORDS |= {"stream": "stream-cut", "sending request": "network", "connect": "network"}


def launch(request: Request) -> Launch:
    """Give the command; settings go by `-c`, so that the configuration in CODEX_HOME stays as it is."""
    level = "suggest" if request["read_only"] else request["level"]
    settings = dict.fromkeys((*QUIET, "features.remote_plugin"), "false")
    sandbox = "danger-full-access" if request["sandboxed"] else SANDBOXES[level]  # ours can't hold another
    settings |= {"sandbox_mode": _toml(sandbox), "approval_policy": '"never"'}
    if hook := request["hook"]:
        each = f'type="command", command={_toml(hook["command"])}, timeout={hook["timeout_s"]}'
        settings["hooks.PreToolUse"] = f'[{{matcher=".*", hooks=[{{{each}}}]}}]'
        # No hook is asked about what goes to a running command's terminal, so there is none.
        settings |= {"features.hooks": "true", "features.unified_exec_tty": "false"}
    named = {"developer_instructions": request["system_prompt"], "model_reasoning_effort": request["effort"]}
    settings |= {name: _toml(value) for name, value in named.items() if value}
    secrets = {KEY: request["endpoint_key"] or "none"} if request["endpoint"] else {}
    if request["endpoint"]:  # its own retries stay (4, and 5 for a broken stream): it reports each
        url = request["endpoint"].rstrip("/").removesuffix("/v1") + "/v1"
        provider = f'name="PanCode", base_url={_toml(url)}, env_key="{KEY}", wire_api="responses"'
        settings["model_providers.pancode"] = f"{{{provider}, supports_websockets=false}}"
        settings["model_provider"] = '"pancode"'
    argv = [request["binary"], "exec", "--json", "--skip-git-repo-check", "-C", request["cwd"]]
    argv += ["--dangerously-bypass-hook-trust"] if hook else []  # else it would ask whether to trust ours
    argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    model = request["model"] or (MODEL if request["endpoint"] and not request["endpoint_is_vendors"] else "")
    then = ("fork" if request.get("fork") else "resume", request["session"])
    argv += [*(["-m", model] if model else []), *request["extra_args"], *(then if then[1] else ()), "-"]
    rules = "".join(map(RULES.format, DENIED)) if level != "full-auto" else ""
    home: dict[str, object] = {".codex/config.toml": "", ".codex/rules/pancode.rules": rules}
    launched: Launch = {"argv": argv, "env": {}, "secret_env": secrets, "files": {}, "home": {}}
    launched["home"] = home if request["sandboxed"] else {}
    return {**launched, "stdin": request["task"]}


def hook_asks(payload: Mapping[str, Any]) -> Action:
    """Read the input of a PreToolUse hook; a patch names its files in its text."""
    name, args, cwd = str(payload["tool_name"]), payload["tool_input"], str(payload["cwd"])
    if name == "Bash":
        return {"tool": "shell", "command": args["command"], "cwd": cwd}
    if name == "apply_patch":
        lines = [line.strip() for line in str(args["command"]).splitlines()]
        paths = [line.removeprefix(verb) for line in lines for verb in CHANGES if line.startswith(verb)]
        return {"tool": "edit", "paths": paths, "cwd": cwd}
    if name == "view_image":
        return {"tool": "read", "paths": [args["path"]], "cwd": cwd}
    return {"tool": name, "cwd": cwd}


def hook_says(allow: bool, why: str) -> Answer:
    """Answer a PreToolUse hook: exit status 2 stops the call, and the model reads why."""
    return {"out": "", "err": "" if allow else why, "exit": 0 if allow else 2}


class Session:
    """Reads items as they start and end; tokens come once, cumulative over the conversation."""

    def __init__(self, previous: Usage | None = None) -> None:
        self.before: Mapping[str, Any] = previous or {}
        self.said, self.open = "", set[str]()

    def feed(self, record: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Turn one record into events."""
        kind, said = _get(record, "type", ""), _get(record, "message", "")
        if kind == "thread.started":
            yield {"kind": "session", "id": _get(record, "thread_id", "")}
        elif kind in ("item.started", "item.completed"):
            yield from self._item(_get(record, "item", {}), done=kind == "item.completed")
        elif kind == "error" and said.startswith("Reconnecting... "):
            count, _, why = said.removeprefix("Reconnecting... ")[:-1].partition(" (")
            attempt, of, http = _number(count.partition("/")[0]), _number(count.partition("/")[2]), _http(why)
            yield {"kind": "retrying", "attempt": attempt, "of": of, "wait_s": None, "http": http, "why": why}
        elif kind == "turn.completed":
            yield self._usage(_get(record, "usage", {}))
            yield {"kind": "finished", "ok": True, "result": self.said}
        elif kind in ("error", "turn.failed"):
            said = said or _get(record.get("error"), "message", "")
            reason: Reason = next((WORDS[word] for word in WORDS if word in said.lower()), "agent-error")
            http = _http(said)
            if kind == "error":
                yield {"kind": "problem", "message": said, "reason": reason, "http": http}
            else:
                yield {"kind": "finished", "ok": False, "message": said, "reason": reason, "http": http}
        elif kind not in ("turn.started", "item.updated"):
            yield {"kind": "unknown", "type": kind[:80]}

    def noise(self, line: str) -> Iterator[AgentEvent]:
        """Read standard error: refused actions are told nowhere else."""
        said = line.partition("codex_core::tools::router: error=")[2]
        what = said.rpartition(". Command: ")[2]
        if "blocked" in said or "ejected" in said:
            yield {"kind": "refused", "name": "edit" if "atch" in what else "shell", "why": _cut(said)}
        elif line.lower().startswith("error"):
            yield {"kind": "problem", "message": _cut(line)}

    def end(self, _files: Mapping[str, Any]) -> Iterator[AgentEvent]:
        """Nothing is held back."""
        yield from ()

    def _item(self, item: dict[str, Any], *, done: bool) -> Iterator[AgentEvent]:
        kind, ref, status = (_get(item, key, "") for key in ("type", "id", "status"))
        if kind == "agent_message":
            self.said = _get(item, "text", "")
            yield {"kind": "text", "text": self.said}
        elif kind == "error" and not (said := _get(item, "message", "")).startswith(
            "`--dangerously-bypass-hook"
        ):
            yield {"kind": "problem", "message": said}
        elif kind in TOOLS:
            name = TOOLS[kind] or "/".join(_get(item, key, "") for key in ("server", "tool"))
            kinds = {_get(change, "kind", "") for change in _get(item, "changes", [])}
            name = "write" if kinds == {"add"} else name
            if ref not in self.open:
                self.open.add(ref)
                yield {"kind": "tool_started", "id": ref, "name": name, "args": _args(item)}
            out = _cut(_get(item, "aggregated_output", "") or _get(item.get("error"), "message", ""), 4000)
            if status == "declined":
                yield {"kind": "refused", "id": ref, "name": name, "why": out or "declined"}
            if done:
                ok, rc = status in ("completed", ""), _get(item, "exit_code", int)
                yield {"kind": "tool_finished", "id": ref, "name": name, "ok": ok, "result": out, "exit": rc}
        elif kind not in ("reasoning", "todo_list", "error"):
            yield {"kind": "unknown", "type": f"item/{kind}"[:80]}

    def _usage(self, usage: dict[str, Any]) -> Any:  # noqa: ANN401
        tokens = {ours: _get(usage, name, int) for ours, name in COUNTS.items()}
        tokens["input"] = tokens["input"] and tokens["input"] - (tokens["cache_read"] or 0)
        own = {ours: all_ and max(0, all_ - (self.before.get(ours) or 0)) for ours, all_ in tokens.items()}
        return {"kind": "usage", "scope": "total"} | own


def _args(item: dict[str, Any]) -> Any:  # noqa: ANN401
    args = _get(item, "arguments", {}) | {key: item[key] for key in ("command", "query") if key in item}
    paths = [_get(change, "path", "") for change in _get(item, "changes", [])]
    return {key: _cut(value) for key, value in args.items()} | ({"paths": paths} if paths else {})


def _http(said: str) -> int | None:
    return _number(said.partition("status")[2].lstrip(": ")[:3])


def _number(text: str) -> int | None:
    return int(text[:9]) if text[:9].isdecimal() else None


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'


def _get(record: object, key: str, like: Any) -> Any:  # noqa: ANN401
    found = record.get(key) if isinstance(record, dict) else None
    kind, default = (like, None) if isinstance(like, type) else (type(like), like)
    return found if isinstance(found, kind) else default


def _cut(value: object, most: int = 2000) -> str:
    text = "…" if isinstance(value, dict | list) else str(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
