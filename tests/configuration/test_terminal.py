"""What a repository's files say reaches the terminal without its escapes."""

from __future__ import annotations

import pytest

from pancode.cli.main import run
from tests.configuration.conftest import Desk

ESCAPES = r"\e]0;mine\a\e[31m"


@pytest.fixture
def there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Stand in the project."""
    monkeypatch.setenv("HOME", str(desk.home))
    monkeypatch.setenv("PANCODE_HOME", str(desk.home))
    monkeypatch.setenv("PANCODE_PROJECT", str(desk.project))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(desk.home))
    return desk


def write(desk: Desk, name: str, text: str) -> None:
    path = desk.project / ".pancode" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("ESC", ESCAPES), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("config.yaml", '"ESC": 1\n', ["up", "--detach"]),
        ("config.yaml", '"ESC": 1\n', ["models"]),
        ("config.yaml", 'dispatch: {agentConcurrency: "ESC=1"}\n', ["config", "get", "agentConcurrency"]),
        ("panagents.yaml", 'agents: {odd: {prompt: "ESC"}}\n', ["prompts", "show", "--agent", "odd"]),
        ("teams/odd.yaml", 'about: "ESC"\nnodes: {a: {task: x}}\n', ["team", "show", "odd"]),
        (
            "skills/odd/SKILL.md",
            '---\nname: odd\ndescription: x\nversion: "ESC"\n---\nhi \x1b[2J\n',
            ["skills", "show", "odd"],
        ),
    ],
)
def test_a_repository_says_nothing_to_the_terminal(
    there: Desk, capsys: pytest.CaptureFixture[str], name: str, text: str, words: list[str]
) -> None:
    write(there, name, text)
    run(words)
    told = "".join(capsys.readouterr())
    assert told
    assert not {"\x1b", "\a"} & set(told)


def test_a_checkpoint_to_be_removed_has_a_name(there: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert there.project.is_dir()
    assert run(["share", "checkpoint", "--remove"]) == 2
    assert "which one?" in capsys.readouterr().err


def test_a_prompt_for_a_runtime_that_is_none_is_refused(
    there: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert there.project.is_dir()
    assert run(["prompts", "show", "--runtime", "nope"]) == 4
    assert 'no runtime "nope"' in capsys.readouterr().err
    assert run(["prompts", "show", "--runtime", "codex"]) == 0
