"""Which tmux is there, and what is said when it isn't the right one."""

from __future__ import annotations

import os

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.engine.tmux.version import FLOOR, parse_version, require_tmux


@pytest.mark.parametrize(
    ("text", "is_enough"),
    [
        ("tmux 3.1c", False),
        ("tmux 3.2", False),
        ("tmux 3.2-rc3", False),
        ("tmux 3.2a", True),
        ("tmux 3.3a", True),
        ("tmux 3.4", True),
        ("tmux 3.10", True),
        ("tmux next-3.6", True),
        ("tmux next-3.1", False),
        ("tmux 2.9a", False),
        ("tmux master", True),
        ("tmux openbsd-7.5", True),
        ("tmux 3.5a\n", True),
    ],
)
def test_versions_are_compared_as_numbers(text: str, *, is_enough: bool) -> None:
    assert (parse_version(text).number >= FLOOR.number) is is_enough


def tmux_that(folder: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = os.path.join(folder, "tmux")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\n{script}\n")
    os.chmod(path, 0o700)
    monkeypatch.setenv("PATH", folder)


def test_an_old_tmux_is_named_with_what_is_needed(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    tmux_that(str(tmp_path), "echo tmux 3.1c", monkeypatch)

    with pytest.raises(PanError) as caught:
        require_tmux()

    assert caught.value.problem == "tmux 3.1c is too old; 3.2a or later is needed"
    assert "docs/start.md#tmux" in str(caught.value.remedy)
    assert caught.value.code is ExitCode.PREREQUISITE


def test_a_missing_tmux_is_a_sentence(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PanError, match="tmux is missing") as caught:
        require_tmux()

    assert caught.value.code is ExitCode.PREREQUISITE


@pytest.mark.parametrize("script", ["echo boom >&2; exit 1", "exit 0"])
def test_a_broken_tmux_is_a_sentence(script: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    tmux_that(str(tmp_path), script, monkeypatch)

    with pytest.raises(PanError, match="doesn't say its version") as caught:
        require_tmux()

    assert caught.value.code is ExitCode.PREREQUISITE
