"""Presets: built-in ones, the user's, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import parse_level
from pancode.domains.session.presets import BUILT_IN, find_preset


def write(home: Path, text: str) -> str:
    (home / "panpresets.yaml").write_text(text, encoding="utf-8")
    return str(home)


def test_every_built_in_preset_names_a_level_that_exists() -> None:
    for preset in BUILT_IN:
        parse_level(dict(preset.environment)["PANCODE_SAFETY"])


def test_the_users_preset_replaces_a_built_in_one(tmp_path: Path) -> None:
    home = write(
        tmp_path,
        "local:\n  model: m\n  scoutModel: s\n  endpoint: http://x\n  reasoning: low\n  workerModel:\n",
    )
    assert dict(find_preset("local", home).environment) == {
        "PANCODE_MODEL": "m",
        "PANCODE_SCOUT_MODEL": "s",
        "PANCODE_ENDPOINT": "http://x",
        "PANCODE_REASONING": "low",
    }
    assert find_preset("openai", home).name == "openai"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("- a\n", 1, "must be a mapping"),
        ("a: b\n", 1, "must be a mapping"),
        ("a:\n  safety: yolo\n", 2, 'no safety level "yolo"'),
        ("a:\n  model: [x]\n", 2, "must be a text"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(PanError) as caught:
        find_preset("a", write(tmp_path, text))
    assert f"panpresets.yaml:{line}: " in caught.value.problem
    assert words in caught.value.problem
    assert caught.value.code is ExitCode.CONFIG
