"""The fields of panagents.yaml: their types, what they need of a runtime, and what they mean.

docs/agents.md is generated from FIELDS, and the loader reads by it; there is no second list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pancode.domains.agents.yamlfile import Value
from pancode.domains.panconfigure.api import is_endpoint, is_variable
from pancode.domains.prompts.api import OWN_LIMIT

TOOLS = ("read", "write", "edit", "bash", "grep", "find", "ls", "web")
"""The words for tools; each adapter translates them into its CLI's own."""
_EXPANSION = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_CLOSED_NAMES = ("TMUX", "PANCODE_", "LD_", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "DBUS_SESSION_BUS_ADDRESS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key. `later` are values that are understood but not available yet; `check` gives a complaint."""

    key: str
    kind: str  # text, flag, whole, seconds, texts: how yamlfile.value reads it
    default: str
    meaning: str
    values: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    needs: str | None = None  # the word in an adapter's CAN without which it can't be honoured
    yours_only: bool = False  # a project's file may not say it
    check: Callable[[Value], str | None] | None = None


def variables(text: str) -> list[str]:
    """Give the variables that `${NAME}` and `${NAME:-default}` in the text ask for.

    >>> variables("${A}/${B:-x}")
    ['A', 'B']
    """
    return [match["name"] for match in _EXPANSION.finditer(text)]


def expand(text: str, lookup: Callable[[str], str | None]) -> str:
    """Put the variables' values into the text; KeyError names one that is not set and has no default.

    >>> expand("${A}/${B:-x}", {"A": "1"}.get)
    '1/x'
    """

    def replace(match: re.Match[str]) -> str:
        found = lookup(match["name"]) or match["default"]
        if found is None:
            raise KeyError(match["name"])
        return found

    return _EXPANSION.sub(replace, text)


def _check_tools(value: Value) -> str | None:
    unknown = [tool for tool in _texts(value) if tool not in TOOLS]
    if unknown:
        return f'"{unknown[0]}" is not a tool; the words are {", ".join(TOOLS)}'
    return None if _texts(value) else "it is an empty list; take it out, or name the tools"


def _check_prompt(value: Value) -> str | None:
    size = len(str(value))
    return f"it has {size} characters; at most {OWN_LIMIT} fit" if size > OWN_LIMIT else None


def _check_model(value: Value) -> str | None:
    if "${" in _EXPANSION.sub("", str(value)):
        return "write ${NAME} or ${NAME:-default}"
    return "it begins with a dash" if str(value).startswith("-") else None


def _check_command(value: Value) -> str | None:
    words = _texts(value)
    if not words or not words[0]:
        return "it names no program"
    if not any("{task}" in word for word in words[1:]):
        return 'no part of it is "{task}", so the task would get lost'
    return None


def _check_endpoint(value: Value) -> str | None:
    return None if is_endpoint(str(value)) else "it is not an http:// or https:// URL"


def _check_variable(value: Value) -> str | None:
    if is_variable(str(value)):
        return None
    return "it must be the name of a variable, such as OPENROUTER_API_KEY, not the key itself"


def _check_env(value: Value) -> str | None:
    for name in _texts(value):
        if not is_variable(name):
            return f'"{name}" is not the name of a variable (only names, no values)'
        if name.startswith(_CLOSED_NAMES):
            return f"{name} is never passed on: it would lead out of the worker"
    return None


def _check_tags(value: Value) -> str | None:
    bad = [tag for tag in _texts(value) if not tag or any(character.isspace() for character in tag)]
    return f'"{bad[0]}" is not a tag: no spaces' if bad else None


def _texts(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


FIELDS = (
    Field(
        key="description", kind="text", default="the name", meaning="one line for people and for the prompt"
    ),
    Field(
        key="runtime",
        kind="text",
        default="auto",
        meaning="the CLI that runs it: auto, claude-code, codex, gemini, opencode, copilot, shell or an "
        "adapter of yours; auto is the first installed CLI, in this order, that can honour the other fields",
    ),
    Field(
        key="model",
        kind="text",
        default="PANCODE_WORKER_MODEL, else the CLI's own",
        meaning="the model, in the CLI's own words; ${NAME} and ${NAME:-default} are expanded",
        check=_check_model,
    ),
    Field(
        key="tools",
        kind="texts",
        default="all that the grant permits",
        meaning="only these tools: read, write, edit, bash, grep, find, ls, web",
        needs="tools",
        check=_check_tools,
    ),
    Field(
        key="readonly",
        kind="flag",
        default="false",
        meaning="it never gets a grant to change files, whatever the mode",
    ),
    Field(
        key="system_prompt",
        kind="text",
        default="empty",
        meaning=f"what you want it to know and to heed; at most {OWN_LIMIT} characters",
        needs="system_prompt",
        check=_check_prompt,
    ),
    Field(
        key="runtime_args",
        kind="texts",
        default="none",
        meaning="further arguments for the CLI, as they are; needs a runtime by name",
        yours_only=True,
    ),
    Field(
        key="speed",
        kind="text",
        default="balanced",
        meaning="how hard the model thinks: fast = low effort, thorough = high, balanced = as the CLI does",
        values=("fast", "balanced", "thorough"),
        needs="effort",
    ),
    Field(
        key="max_turns",
        kind="whole",
        default="no limit",
        meaning="the most model requests in one run",
        needs="max_turns",
    ),
    Field(
        key="token_budget",
        kind="whole",
        default="no limit",
        meaning="the run is ended when its tokens (input, output and cached) pass this",
        needs="token_budget",
    ),
    Field(
        key="retry_on_failure",
        kind="flag",
        default="false",
        meaning="a run that failed is started once more",
    ),
    Field(
        key="concurrency",
        kind="whole",
        default="PANCODE_AGENT_CONCURRENCY",
        meaning="so many runs of it are live together; the others wait in the queue",
    ),
    Field(
        key="tags",
        kind="texts",
        default="none",
        meaning="words of yours for `pancode agents --tag`",
        check=_check_tags,
    ),
    Field(
        key="timeout",
        kind="seconds",
        default="PANCODE_WORKER_TIMEOUT_MS",
        meaning="seconds that a run may take",
    ),
    Field(
        key="idle_timeout",
        kind="seconds",
        default="no limit; 600 for codex and opencode",
        meaning="seconds without a sign of life after which a run is ended",
    ),
    Field(
        key="command",
        kind="texts",
        default="none",
        meaning='any other program: a list with "{task}" and, if you like, "{cwd}" and "{model}"; '
        "takes the place of runtime",
        yours_only=True,
        check=_check_command,
    ),
    Field(
        key="endpoint",
        kind="text",
        default="PANCODE_ENDPOINT",
        meaning="the URL that gets the model calls: a gateway, a proxy, a local server",
        needs="endpoint",
        yours_only=True,
        check=_check_endpoint,
    ),
    Field(
        key="endpoint_key_env",
        kind="text",
        default="PANCODE_ENDPOINT_KEY_ENV",
        meaning="the variable that holds the endpoint's key",
        needs="endpoint",
        yours_only=True,
        check=_check_variable,
    ),
    Field(
        key="env",
        kind="texts",
        default="none",
        meaning="names of variables passed on to the worker; treated as secrets",
        yours_only=True,
        check=_check_env,
    ),
    Field(
        key="tier",
        kind="text",
        default="any",
        meaning="how capable the model must be",
        values=("any",),
        later=("frontier", "mid"),
    ),
    Field(
        key="prompt",
        kind="text",
        default="default",
        meaning="which set of prompts is used",
        values=("default",),
        later=("*",),
    ),
    Field(
        key="autonomy",
        kind="text",
        default="supervised",
        meaning="how much it decides alone",
        values=("supervised",),
        later=("autonomous", "confirmatory"),
    ),
    Field(
        key="isolation",
        kind="text",
        default="none",
        meaning="where it works: none is your working directory",
        values=("none",),
        later=("worktree", "container"),
    ),
    Field(
        key="sampling",
        kind="text",
        default="none",
        meaning="a named set of sampling values, for native agents",
        later=("*",),
    ),
)
BY_KEY = {field.key: field for field in FIELDS}
