"""The settings of this installation: every PANCODE_ variable, its type, its default and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import urlsplit

Source = Literal["default", "environment"]
Reasoning = Literal["off", "minimal", "low", "medium", "high", "xhigh"]
"""How hard models think where an agent's `speed` doesn't say; medium leaves it to the CLI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values in force; read once from an environment by `Configuration`.

    Durations are in seconds. None means "not set".
    """

    home: str
    default_agent: str = "dev"
    project: str | None = None
    session: str = "main"
    safety: str = "auto-edit"
    model: str | None = None
    worker_model: str | None = None
    scout_model: str | None = None
    reasoning: Reasoning = "medium"
    endpoint: str | None = None
    endpoint_key_env: str | None = None
    gateway: str = "on"
    heartbeat_s: float = 10.0
    worker_timeout_s: float | None = None
    session_concurrency: float | None = None
    agent_concurrency: str | None = None
    provider_concurrency: str | None = None
    node_concurrency: str | None = None
    free_mb: float = 256
    max_depth: float = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of `pancode config`: the variable, the value in force as JSON, and where it came from."""

    name: str
    variable: str
    value: str | float | None
    unit: str
    source: Source
    meaning: str


class Configuration(Protocol):
    """Reads settings; the asker says from which environment, since each request brings its own."""

    def read(self, environment: Mapping[str, str]) -> Settings:
        """Give the settings that the environment makes; PanError CONFIG names a variable with a bad value."""

    def current(self) -> Settings:
        """Give the settings in force for the controller itself, now; ask anew instead of keeping them."""


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
        )
    except ValueError:  # such as a port that is not a number
        return False


def is_variable(text: str) -> bool:
    """Whether the text can be the name of an environment variable."""
    return text.isascii() and text.isidentifier()
