"""panproviders.yaml: seeded once, and every mistake named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.providers.loader import SEED, load, seed
from tests.providers.conftest import Make


def test_the_seed_is_written_once_and_has_no_mistake(home: Path) -> None:
    path = Path(seed(str(home)))
    assert path.read_text() == Path(SEED).read_text()
    assert load(str(path)).slips == []
    path.write_text("providers: {ollama: {enabled: false}}\n")
    seed(str(home))
    assert load(str(path)).off == {"ollama"}


def test_what_the_seeds_comments_show_can_be_used(home: Path) -> None:
    lines = Path(SEED).read_text().splitlines()
    shown = "\n".join(line[3:] for line in lines if line.startswith("#   "))
    home.mkdir()
    path = home / "shown.yaml"
    path.write_text("providers:\n" + "\n".join(f"  {line}" for line in shown.splitlines()))
    loaded = load(str(path))
    assert loaded.slips == []
    assert sorted(loaded.providers) == ["anthropic", "company", "openai", "workstation"]
    assert loaded.providers["openai"].url == "https://api.openai.com/v1"
    assert loaded.providers["anthropic"].wire == "anthropic"


@pytest.mark.parametrize(
    ("entry", "line", "problem", "remedy"),
    [
        ("  a:\n    url: https://h/v1\n    key_evn: K\n", 4, 'no key "key_evn"', "key_env"),
        (
            "  a:\n    url: https://h/v1\n    apiKey: sk-12 34\n",
            4,
            'no key "apiKey"',
            "never stands in this file",
        ),
        ("  a:\n    key_env: K\n", 3, 'has no "url"', "v1"),
        ("  a:\n    url: h/v1\n", 3, "no http:// or https://", ""),
        ("  a:\n    url: https://me:pw@h/v1\n", 3, "password", ""),
        ("  a:\n    url: https://h/v1\n    wire: grpc\n", 4, '"grpc"', "openai-chat"),
        ("  a:\n    url: https://h/v1\n    key_env: sk-12 34\n", 4, "name of a variable", ""),
        ("  a:\n    url: https://h/v1\n    key_command: pass show\n", 4, "must be a list", "[pass"),
        ("  a:\n    url: https://h/v1\n    key_env: K\n    key_command: [p]\n", 5, "both", "keep one"),
        ("  a:\n    url: http://h/v1\n    key_env: K\n", 3, "without TLS", "https://"),
        ("  a:\n    url: https://h/v1\n    models: {m: {context: many}}\n", 4, "whole number", ""),
        (
            f"  a:\n    url: https://h/v1\n    models: {{m: {{context: 000000000001{'9' * 5000}}}}}\n",
            4,
            "whole number",
            "",
        ),
        ("  a:\n    url: https://h/v1\n    models: {m: {tols: true}}\n", 4, '"tols"', "tools"),
        ("  A b:\n    url: https://h/v1\n", 2, "no name for a provider", "small letters"),
        ("  a:\n    url: https://h/v1\n    enabled: perhaps\n", 4, "true or false", ""),
    ],
)
def test_a_mistake_is_named_and_takes_only_its_entry_along(
    home: Path, entry: str, line: int, problem: str, remedy: str
) -> None:
    home.mkdir()
    path = home / "panproviders.yaml"
    path.write_text(f"providers:\n{entry}  good: {{url: https://h/v1}}\n")
    loaded = load(str(path))
    assert sorted(loaded.providers) == ["good"]
    (slip,) = loaded.slips
    assert slip.line == line
    assert problem in slip.problem
    assert remedy in slip.remedy
    assert "sk-12" not in str(slip)


@pytest.mark.parametrize("text", ["", "providers:\n", "# nothing\n"])
def test_an_empty_file_changes_nothing(home: Path, text: str) -> None:
    home.mkdir()
    (home / "p.yaml").write_text(text)
    assert load(str(home / "p.yaml")).slips == []


@pytest.mark.parametrize("text", ["providers: [a]\n", "a: b\n", "providers: {a: {\n", "- x\n"])
def test_a_file_of_another_shape_is_a_mistake_and_the_built_in_ones_stay(service: Make, text: str) -> None:
    made = service(text)
    assert made.slips()
    assert made.resolve("ollama/m", {}).provider == "ollama"


def test_a_broken_entry_is_not_replaced_by_the_built_in_one(service: Make) -> None:
    made = service("providers:\n  openai: {key_evn: MINE}\n")
    with pytest.raises(PanError, match="has a mistake") as told:
        made.resolve("openai/gpt-5.5", {"OPENAI_API_KEY": "k"})
    assert told.value.code is ExitCode.CONFIG


def test_a_vendors_key_is_not_sent_to_another_address(service: Make) -> None:
    made = service("providers:\n  openai: {url: https://proxy.example.com/v1}\n")
    assert made.resolve("openai/m", {"OPENAI_API_KEY": "k"}).key is None


def test_a_changed_file_counts_at_once(service: Make, home: Path) -> None:
    made = service("providers: {ollama: {enabled: false}}\n")
    with pytest.raises(PanError, match="switched off"):
        made.resolve("ollama/m", {})
    (home / "panproviders.yaml").write_text("providers: {}\n")
    assert made.resolve("ollama/m", {}).provider == "ollama"
