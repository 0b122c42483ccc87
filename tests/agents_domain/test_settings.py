"""PANCODE_ variables: the defaults, the sources, and the name of the one that is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.schema import KEYS
from pancode.domains.panconfigure.settings import read
from pancode.engine import places


def test_nothing_set_gives_the_defaults() -> None:
    settings = read({"HOME": "/home/ada"})
    assert (settings.home, settings.default_agent, settings.session) == ("/home/ada/.pancode", "dev", "main")
    assert (settings.heartbeat_s, settings.worker_timeout_s, settings.endpoint) == (10.0, None, None)


def test_an_empty_variable_counts_as_not_set() -> None:
    environment = {row.variable: "" for row in KEYS} | {"HOME": "/home/ada"}
    assert read(environment) == read({"HOME": "/home/ada"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PANCODE_HEARTBEAT_INTERVAL_MS", "often"),
        ("PANCODE_HEARTBEAT_INTERVAL_MS", "1"),
        ("PANCODE_HEARTBEAT_INTERVAL_MS", "nan"),
        ("PANCODE_WORKER_TIMEOUT_MS", "-1"),
        ("PANCODE_WORKER_TIMEOUT_MS", "inf"),
        ("PANCODE_ENDPOINT", "localhost:1"),
        ("PANCODE_ENDPOINT", "http://host:port"),
        ("PANCODE_ENDPOINT_KEY_ENV", "sk-123"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(variable: str, value: str) -> None:
    with pytest.raises(PanError, match=variable) as caught:
        read({variable: value})
    assert caught.value.code is ExitCode.CONFIG


def test_zero_means_no_time_limit() -> None:
    assert read({"PANCODE_WORKER_TIMEOUT_MS": "0"}).worker_timeout_s is None


def test_home_is_the_one_that_places_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for value in ("", str(tmp_path), "relative"):
        monkeypatch.setenv("PANCODE_HOME", value)
        assert read(os.environ).home == places.home()
