"""What other domains use of settings: the values in force, and the way to change them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from pancode.core.errors import ExitCode, PanError

DEMO = "demo"
"""The preset whose endpoint on this machine the session serves itself, with the scripted model."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names of this machine."""
Reasoning = Literal["off", "minimal", "low", "medium", "high", "xhigh"]
"""How hard models think where an agent's `speed` doesn't say; medium leaves it to the CLI."""
Theme = Literal["dark", "light"]
"""What the terminal's background is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values in force. Durations are in seconds. None means "not set".

    `default_agent` may be several names with commas between them; the budgets are limits as people
    write them.
    """

    home: str
    default_agent: str = "dev"
    project: str | None = None
    session: str = "main"
    tmux_conf: str | None = None
    preset: str | None = None
    safety: str = "auto-edit"
    mode: str = "build"
    theme: Theme = "dark"
    layout: str = "default"
    intelligence: str = "off"
    budget_ceiling: str | None = None
    budget_per_run: str | None = None
    model: str | None = None
    worker_model: str | None = None
    scout_model: str | None = None
    reasoning: Reasoning = "medium"
    endpoint: str | None = None
    endpoint_key_env: str | None = None
    gateway: str = "on"
    heartbeat_s: float = 10.0
    worker_timeout_s: float | None = None
    keep_days: float | None = None
    session_concurrency: float | None = None
    agent_concurrency: str | None = None
    provider_concurrency: str | None = None
    node_concurrency: str | None = None
    free_mb: float = 256
    max_depth: float = 2
    local_machines: str | None = None
    strict_tiers: float = 0
    scoring_policy: str = "default"


def scripted_model(settings: Settings) -> str | None:
    """Give the address at which the session serves the scripted model itself, None where it doesn't.

    >>> scripted_model(Settings(home="", preset="demo", endpoint="http://127.0.0.1:8913"))
    'http://127.0.0.1:8913'
    """
    parts = urlsplit(settings.endpoint or "")
    own = settings.preset == DEMO and parts.scheme == "http" and parts.hostname in LOOPBACK
    return settings.endpoint if own else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a session is to begin with; `by` says which layer has set its `safety` and its `mode`."""

    preset: str | None = None
    layout: str = "default"
    safety: str = "auto-edit"
    mode: str = "build"
    by: Mapping[str, str] = field(default_factory=lambda: {"safety": "default", "mode": "default"})


class Configuration(Protocol):
    """Reads settings; the asker says from which environment, since each request brings its own."""

    def read(self, environment: Mapping[str, str]) -> Settings:
        """Give the settings in force for who asks from that environment.

        PanError CONFIG names each mistake: a variable, or a file with its line.
        """

    def filled(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """Give the environment with the PANCODE_ variables that files and preset set for it."""

    def too_far(self, model: str, environment: Mapping[str, str], who: str = "a project") -> str | None:
        """Say why `who` may not choose that model; None: the operator's own settings reach it.

        It is a whole sentence, which begins with `who`, and names what would let it.
        """

    def current(self) -> Settings:
        """Give the settings in force for the controller itself, now; ask anew instead of keeping them.

        Where a file has a mistake, what it said before counts, and nothing is raised.
        """


@dataclass(frozen=True, slots=True)
class Applied:
    """What a change has done: the text in force before and after, when it takes effect, and what to know."""

    key: str
    before: str
    after: str
    effect: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NeedsOperator:
    """A change that only the operator can make, why, and what the operator would type."""

    key: str
    value: str
    why: str
    command: str


class Changes(Protocol):
    """Reads and changes settings for somebody in the session who is not at the command line."""

    def rows(self, group: str | None = None) -> list[dict[str, Any]]:
        """Give every setting, or those of a group such as "models", as `pancode config list --json` does."""

    async def apply(self, key: str, value: str, by: str) -> Applied | NeedsOperator:
        """Make a change that allows nothing more than before; give any other one back for the operator.

        `by` goes into the audit log. PanError CONFIG or NOT_FOUND for a value or a key that isn't one.
        """


def is_endpoint(text: str) -> bool:
    """Whether the text is an http or https URL with a host, and without a password in it.

    >>> [is_endpoint(url) for url in ("http://127.0.0.1:8080", "127.0.0.1:8080", "http://me:pw@host")]
    [True, False, False]
    """
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
            and text.isprintable()
            and " " not in text
        )
    except ValueError:  # such as a port that is not a number
        return False


def check_key_travels_safely(url: str, settings: Settings) -> None:
    """Raise PanError CONFIG where a key for `url` would be read on its way: http to somebody else's machine.

    Machines of one's own are this one, and those of `models.machines`.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # No address at all.
        return
    text = settings.local_machines
    own = [host.strip("[]").lower() for _, host, _ in machines(text)] if text else []
    if parts.scheme == "http" and parts.hostname not in (*LOOPBACK, *own):
        raise PanError(
            f"the key for {url} would travel without TLS",
            remedy=f"use https://, or list {parts.hostname} in models.machines if that is a machine of yours",
            code=ExitCode.CONFIG,
        )


def is_variable(text: str) -> bool:
    """Whether the text can be the name of an environment variable."""
    return text.isascii() and text.isidentifier()


_MACHINE = re.compile(
    r"\s*(?P<name>[a-z0-9][a-z0-9_-]{0,23})=(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::(?P<port>\d{1,5}))?\s*"
)
_HIGHEST_PORT = 65_535
DIMENSIONS = ("availability", "capacity", "load", "capability", "cost")
"""What a worker is rated by; a policy weighs them."""
POLICIES = ("default", "cost", "throughput")


def machines(text: str) -> list[tuple[str, str, int | None]]:
    """Give name, host and port of each machine; ValueError with the words for what it should have been.

    >>> machines("tower=10.0.0.7, attic=attic.lan:8000")
    [('tower', '10.0.0.7', None), ('attic', 'attic.lan', 8000)]
    """
    found = []
    for part in text.split(","):
        match = _MACHINE.fullmatch(part)
        port = None if match is None or match["port"] is None else int(match["port"])
        if match is None or (port is not None and not 0 < port <= _HIGHEST_PORT):
            raise ValueError("names with addresses, such as tower=10.0.0.7,attic=attic.lan:8000")
        found.append((match["name"], match["host"], port))
    return found


def weights(text: str) -> dict[str, float]:
    """Give the weights of a policy that is written out.

    >>> weights("cost:0.6,load:0.4")
    {'cost': 0.6, 'load': 0.4}
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, colon, number = part.strip().partition(":")
        if (
            not colon
            or name not in DIMENSIONS
            or name in found
            or not re.fullmatch(r"[0-9]?\.?[0-9]{1,9}|1\.0*", number)
        ):
            raise ValueError(
                f"one of {', '.join(POLICIES)}, or weights such as {DIMENSIONS[0]}:0.3,cost:0.7 of "
                + ", ".join(DIMENSIONS)
            )
        found[name] = float(number)
    if not any(found.values()):
        raise ValueError("weights of which one at least is above 0")
    return found
