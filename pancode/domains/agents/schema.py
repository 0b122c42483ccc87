"""The fields of panagents.yaml: their types, what they need of a runtime, and what they mean.

docs/agents.md is generated from FIELDS, and the loader reads by it; there is no second list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pancode.domains.agents import checks
from pancode.domains.agents.yamlfile import Value
from pancode.domains.prompts.api import OWN_LIMIT


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


FIELDS = (
    Field(
        key="description", kind="text", default="the name", meaning="one line for people and for the prompt"
    ),
    Field(
        key="runtime",
        kind="text",
        default="auto",
        meaning="what runs it: auto, claude-code, codex, gemini, opencode, copilot, shell, native "
        "(docs/native.md), an SDK (docs/sdk.md), acp (docs/acp.md) or an adapter of yours; auto is the best "
        "rated of the installed CLIs that can honour the other fields (docs/routing.md); among equals, the "
        "first in this order",
    ),
    Field(
        key="model",
        kind="text",
        default="PANCODE_WORKER_MODEL, else the CLI's own",
        meaning="the model, in the CLI's own words; ${NAME} and ${NAME:-default} are expanded",
        check=checks.check_model,
    ),
    Field(
        key="tools",
        kind="texts",
        default="all that the grant permits",
        meaning="only these tools: read, write, edit, bash, grep, find, ls, web",
        needs="tools",
        check=checks.check_tools,
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
        meaning=f"what you want it to know and to heed; at most {OWN_LIMIT} characters, 2000 for a scout",
        needs="system_prompt",
        check=checks.check_prompt,
    ),
    Field(
        key="skills",
        kind="texts",
        default="none",
        meaning="skills that it is given, by their names (`pancode skills`); at most 8",
        needs="system_prompt",
        check=checks.check_skills,
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
        check=checks.check_tags,
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
        default="no limit; 600 for codex, opencode and native",
        meaning="seconds without a sign of life after which a run is ended",
    ),
    Field(
        key="on_stale",
        kind="text",
        default="notify",
        meaning="what is done when it gives no sign of life any more (docs/runs.md): notify tells you, nudge "
        "ends the turn and goes on with the conversation, stop ends the run, retry starts it once more",
        values=("notify", "nudge", "stop", "retry"),
    ),
    Field(
        key="on_dead",
        kind="text",
        default="notify",
        meaning="the same when nothing is heard of its worker any more: notify, stop or retry",
        values=("notify", "stop", "retry"),
    ),
    Field(
        key="command",
        kind="texts",
        default="none",
        meaning='any other program: a list with "{task}" and, if you like, "{cwd}" and "{model}"; '
        "takes the place of runtime. With `runtime: acp`: the program that speaks the protocol",
        yours_only=True,
        check=checks.check_command,
    ),
    Field(
        key="endpoint",
        kind="text",
        default="PANCODE_ENDPOINT",
        meaning="the URL that gets the model calls: a gateway, a proxy, a local server",
        needs="endpoint",
        yours_only=True,
        check=checks.check_endpoint,
    ),
    Field(
        key="endpoint_key_env",
        kind="text",
        default="PANCODE_ENDPOINT_KEY_ENV",
        meaning="the variable that holds the endpoint's key",
        needs="endpoint",
        yours_only=True,
        check=checks.check_variable,
    ),
    Field(
        key="env",
        kind="texts",
        default="none",
        meaning="names of variables passed on to the worker; treated as secrets",
        yours_only=True,
        check=checks.check_env,
    ),
    Field(
        key="tier",
        kind="text",
        default="any",
        meaning="how capable the model must be (docs/models.md): one below it is remarked, and refused with "
        "PANCODE_STRICT_TIERS=1",
        values=("frontier", "mid", "any"),
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
