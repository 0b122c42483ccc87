"""Reads the PANCODE_ variables of an environment into `Settings`; a bad value is named, never ignored."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level
from pancode.domains.panconfigure.api import Reasoning, Setting, Settings, is_endpoint, is_variable
from pancode.domains.panconfigure.queueing import QUEUE_ROWS
from pancode.domains.panconfigure.routing import ROUTING_ROWS
from pancode.domains.panconfigure.row import Row, Value

MILLISECONDS = 1000.0
HEARTBEAT_MIN_MS, HEARTBEAT_MAX_MS = 100.0, 3_600_000.0
_FEW = 3


def _text(text: str) -> str:
    return text


def _endpoint(text: str) -> str:
    if not is_endpoint(text):
        raise ValueError("an http:// or https:// URL")
    return text


def _variable(text: str) -> str:
    if not is_variable(text):
        raise ValueError("the name of a variable, such as OPENROUTER_API_KEY")
    return text


def _one_of(words: Sequence[str]) -> Callable[[str], str]:
    """Give a reader that takes these words and no others."""

    def read_word(text: str) -> str:
        if text not in words:
            raise ValueError(" or ".join(words) if len(words) < _FEW else "one of " + ", ".join(words))
        return text

    return read_word


def _heartbeat(text: str) -> float:
    milliseconds = _number(text)
    if not HEARTBEAT_MIN_MS <= milliseconds <= HEARTBEAT_MAX_MS:
        raise ValueError("a number of milliseconds from 100 to 3600000")
    return milliseconds / MILLISECONDS


def _timeout(text: str) -> float | None:
    milliseconds = _number(text)
    if milliseconds < 0:
        raise ValueError("a number of milliseconds, or 0 for no limit")
    return milliseconds / MILLISECONDS or None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("a number of milliseconds")
    return number


TABLE = (
    Row(
        "home",
        "PANCODE_HOME",
        "directory",
        "",
        "~/.pancode",
        "where your agents, adapters, layouts and every project's state are kept",
        os.path.abspath,
    ),
    Row(
        "default_agent",
        "PANCODE_DEFAULT_AGENT",
        "agent",
        "",
        "dev",
        "the agent of a run that names none",
        _text,
    ),
    Row(
        "project",
        "PANCODE_PROJECT",
        "directory",
        "",
        "not set",
        "the project, when it is not the one around the current directory",
        os.path.abspath,
    ),
    Row("session", "PANCODE_SESSION", "name", "", "main", "the session, when --session names none", _text),
    Row(
        "safety",
        "PANCODE_SAFETY",
        "word",
        "",
        "auto-edit",
        "the level of a session that keeps none from before: suggest, auto-edit, full-auto",
        _one_of([level.value for level in Level]),
    ),
    Row(
        "model",
        "PANCODE_MODEL",
        "model",
        "",
        "not set",
        "the orchestrator's model",
        _text,
    ),
    Row(
        "worker_model",
        "PANCODE_WORKER_MODEL",
        "model",
        "",
        "not set",
        "the model of workers whose agent names none",
        _text,
    ),
    Row(
        "scout_model",
        "PANCODE_SCOUT_MODEL",
        "model",
        "",
        "not set",
        "the model of the agent `scout`, as its seeded definition says",
        _text,
    ),
    Row(
        "reasoning",
        "PANCODE_REASONING",
        "word",
        "",
        "medium",
        "how hard models think where an agent's `speed` doesn't say: off, minimal, low, medium, high, xhigh",
        _one_of(get_args(Reasoning)),
    ),
    Row(
        "endpoint",
        "PANCODE_ENDPOINT",
        "URL",
        "",
        "not set",
        "where agents without an `endpoint:` send their model calls",
        _endpoint,
    ),
    Row(
        "endpoint_key_env",
        "PANCODE_ENDPOINT_KEY_ENV",
        "variable",
        "",
        "not set",
        "the variable with the key for --endpoint and PANCODE_ENDPOINT",
        _variable,
    ),
    Row(
        "gateway",
        "PANCODE_GATEWAY",
        "word",
        "",
        "on",
        "off: model calls go past the gateway, and are counted when a run ends",
        _one_of(("on", "off")),
    ),
    Row(
        "heartbeat_s",
        "PANCODE_HEARTBEAT_INTERVAL_MS",
        "number",
        "ms",
        "10000",
        "how often a worker reports that it lives",
        _heartbeat,
    ),
    Row(
        "worker_timeout_s",
        "PANCODE_WORKER_TIMEOUT_MS",
        "number",
        "ms",
        "no limit",
        "the time that a run may take when neither its agent nor --timeout says so",
        _timeout,
    ),
    *QUEUE_ROWS,
    *ROUTING_ROWS,
)


def read(environment: Mapping[str, str]) -> Settings:
    """Read every setting; raise PanError CONFIG that names the first variable with a bad value.

    An empty variable counts as not set.

    >>> read({"HOME": "/home/ada", "PANCODE_HEARTBEAT_INTERVAL_MS": "2500"}).heartbeat_s
    2.5
    """
    values = {row.field: _read(row, environment) for row in TABLE if environment.get(row.variable)}
    home = values.get("home") or os.path.join(environment.get("HOME") or os.path.expanduser("~"), ".pancode")
    return Settings(**{**values, "home": home})  # type: ignore[arg-type] # each row's `read` gives its field's type


class Environments:
    """The `Configuration` service; `own` is the environment of the process itself."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        """Read `own`, else this process's environment, where nobody brings another."""
        self._own = os.environ if own is None else own

    def read(self, environment: Mapping[str, str]) -> Settings:
        """Read every setting, as `read` does."""
        return read(environment)

    def current(self) -> Settings:
        """Read every setting as this process has it."""
        return read(self._own)


def describe(environment: Mapping[str, str]) -> list[Setting]:
    """Give every setting in force with its source; raise PanError as `read` does."""
    settings = read(environment)
    return [
        Setting(
            name=row.field,
            variable=row.variable,
            value=getattr(settings, row.field),
            unit="s" if row.unit == "ms" else row.unit,
            source="environment" if environment.get(row.variable) else "default",
            meaning=row.meaning,
        )
        for row in TABLE
    ]


def _read(row: Row, environment: Mapping[str, str]) -> Value:
    text = environment[row.variable]
    try:
        return row.read(text)
    except ValueError as error:
        raise PanError(
            f'{row.variable} is "{text}", which is not {error}',
            remedy=f"set it to {error}, or unset it (default: {row.default})",
            code=ExitCode.CONFIG,
        ) from None
