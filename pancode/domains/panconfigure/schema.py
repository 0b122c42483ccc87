"""Every setting there is: the one source of file keys, variables, checks, help and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from pancode.core.grants import Level
from pancode.domains.panconfigure import kinds
from pancode.domains.panconfigure.api import Reasoning, Theme
from pancode.domains.panconfigure.key import Key, later_of
from pancode.domains.panconfigure.queueing import DISPATCH_KEYS
from pancode.domains.panconfigure.routing import ROUTING_KEYS

LEVELS = tuple(level.value for level in Level)
STARTING_MODES = ("plan", "review", "build")
"""The modes that a session may begin in, the strictest first; admin is entered by hand."""


def _dearer(before: object, after: object) -> bool:
    from pancode.domains.scheduling.api import is_larger

    return is_larger(None if before is None else str(before), None if after is None else str(after))


PLACES = (
    Key(
        name="place.home",
        field="home",
        variable="PANCODE_HOME",
        kind="directory",
        default="~/.pancode",
        meaning="where your agents, adapters, layouts and every project's state are kept",
        read=kinds.path,
        in_files=False,
        effect="with the next up",
    ),
    Key(
        name="place.project",
        field="project",
        variable="PANCODE_PROJECT",
        kind="directory",
        meaning="the project, when it is not the one around the current directory",
        read=kinds.path,
        in_files=False,
        effect="with the next up",
    ),
    Key(
        name="place.session",
        field="session",
        variable="PANCODE_SESSION",
        kind="name",
        default="main",
        meaning="the session, when --session names none",
        read=kinds.any_text,
        in_files=False,
        effect="with the next up",
        flag="--session",
    ),
    Key(
        name="place.tmuxConf",
        field="tmux_conf",
        variable="PANCODE_TMUX_CONF",
        kind="file",
        meaning="a tmux configuration of yours that a session's own server reads first",
        read=kinds.any_text,
        in_files=False,
        effect="with the next up",
    ),
)

RUNTIME = (
    Key(
        name="runtime.safety",
        field="safety",
        variable="PANCODE_SAFETY",
        kind="word",
        default="auto-edit",
        meaning="the safety level: suggest, auto-edit, full-auto; a session that is up changes to it at once",
        read=kinds.one_of(*LEVELS),
        effect="at once",
        others="tighten",
        looser=later_of(LEVELS),
    ),
    Key(
        name="runtime.mode",
        field="mode",
        variable="PANCODE_MODE",
        kind="word",
        default="build",
        meaning="the mode: plan, review, build; a session that is up changes to it at once",
        read=kinds.one_of(*STARTING_MODES),
        effect="at once",
        others="tighten",
        looser=later_of(STARTING_MODES),
    ),
    Key(
        name="runtime.reasoning",
        field="reasoning",
        variable="PANCODE_REASONING",
        kind="word",
        default="medium",
        meaning="how hard models think where an agent's `speed` doesn't say: off, minimal, low, medium, "
        "high, xhigh",
        read=kinds.one_of(*get_args(Reasoning)),
        others="free",
    ),
    Key(
        name="runtime.theme",
        field="theme",
        variable="PANCODE_THEME",
        kind="word",
        default="dark",
        meaning="the colours: dark or light, as the terminal's background is",
        read=kinds.one_of(*get_args(Theme)),
        effect="at once",
        others="free",
    ),
    Key(
        name="runtime.layout",
        field="layout",
        variable="PANCODE_LAYOUT",
        kind="name",
        default="default",
        meaning="the layout of the windows and panes that `pancode up` opens",
        read=kinds.name,
        effect="with the next up",
        flag="--layout",
    ),
    Key(
        name="runtime.intelligence",
        field="intelligence",
        variable="PANCODE_INTELLIGENCE",
        kind="word",
        default="off",
        meaning="on: proposals of agent and model from what runs have cost and how they ended",
        read=kinds.one_of("off", "on"),
        effect="with the next up",
    ),
    Key(
        name="preset.active",
        field="preset",
        variable="PANCODE_PRESET",
        kind="name",
        meaning="the preset that a session begins with; `pancode preset NAME` changes a session that is up",
        read=kinds.name,
        effect="with the next up",
        flag="--preset",
    ),
)

MODELS = (
    Key(
        name="models.orchestrator",
        field="model",
        variable="PANCODE_MODEL",
        kind="model",
        meaning="the orchestrator's model",
        read=kinds.any_text,
        others="reach",
    ),
    Key(
        name="models.worker",
        field="worker_model",
        variable="PANCODE_WORKER_MODEL",
        kind="model",
        meaning="the model of workers whose agent names none",
        read=kinds.any_text,
        others="reach",
        flag="--model",
    ),
    Key(
        name="models.scout",
        field="scout_model",
        variable="PANCODE_SCOUT_MODEL",
        kind="model",
        meaning="the model of scouts",
        read=kinds.any_text,
        others="reach",
        flag="--model",
    ),
    Key(
        name="models.endpoint",
        field="endpoint",
        variable="PANCODE_ENDPOINT",
        kind="URL",
        meaning="where agents without an `endpoint:` send their model calls",
        read=kinds.endpoint,
        flag="--endpoint",
    ),
    Key(
        name="models.endpointKeyEnv",
        field="endpoint_key_env",
        variable="PANCODE_ENDPOINT_KEY_ENV",
        kind="variable",
        meaning="the variable with the key for --endpoint and models.endpoint",
        read=kinds.variable,
    ),
    Key(
        name="models.gateway",
        field="gateway",
        variable="PANCODE_GATEWAY",
        kind="word",
        default="on",
        meaning="off: model calls go past the gateway, and are counted when a run ends",
        read=kinds.one_of("on", "off"),
        others="tighten",
        looser=later_of(("on", "off")),
    ),
    Key(
        name="agents.default",
        field="default_agent",
        variable="PANCODE_DEFAULT_AGENT",
        kind="agents",
        default="dev",
        meaning="the agent of a run that names none; of several, as in `builder, dev`, the first that can "
        "run",
        read=kinds.names,
        flag="--agent",
    ),
)

BUDGET = (
    Key(
        name="budget.ceiling",
        field="budget_ceiling",
        variable="PANCODE_BUDGET_CEILING",
        kind="limit",
        default="no limit",
        meaning="what a session may spend, such as 10usd or 200k tokens, where `pancode budget set session` "
        "doesn't say",
        read=kinds.money,
        effect="at once",
        others="tighten",
        looser=_dearer,
    ),
    Key(
        name="budget.perRun",
        field="budget_per_run",
        variable="PANCODE_PER_RUN_BUDGET",
        kind="limit",
        default="no limit",
        meaning="what each run may spend, where `pancode budget set run` and --budget don't say",
        read=kinds.money,
        others="tighten",
        looser=_dearer,
        flag="--budget",
    ),
)

KEYS: tuple[Key, ...] = (*RUNTIME, *MODELS, *ROUTING_KEYS, *BUDGET, *DISPATCH_KEYS, *PLACES)
BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}
