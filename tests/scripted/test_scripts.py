"""What a script may say, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.cli.model import load_script
from pancode.core.errors import ExitCode, PanError
from pancode.scripted.script import Failure, Reply, ScriptError, Shell, Usage, Write, parse_script


def problems(data: object) -> list[str]:
    with pytest.raises(ScriptError) as caught:
        parse_script(data)
    assert caught.value.code == ExitCode.CONFIG
    return [f"{mistake.place()}: {mistake.problem}" for mistake in caught.value.mistakes]


def test_a_turn_carries_its_calls_in_order() -> None:
    write = {"path": "a.txt", "content": "x"}
    script = parse_script({"turns": [{"text": "Both.", "calls": [{"write": write}, {"shell": "ls"}]}]})
    turn = script.default.turns[0]
    assert isinstance(turn, Reply)
    assert turn.actions == (Write("a.txt", "x"), Shell("ls"))


def test_usage_is_inherited_from_the_script_by_the_conversation_and_the_turn() -> None:
    script = parse_script(
        {
            "usage": {"input": 1},
            "scripts": [
                {"when": "x", "usage": {"output": 2}, "turns": [{"text": "t", "usage": {"reasoning": 3}}]}
            ],
        }
    )
    turn = script.conversations[0].turns[0]
    assert isinstance(turn, Reply)
    assert turn.usage == Usage(input=1, cache_read=800, cache_write=100, output=2, reasoning=3)


def test_an_error_lasts_for_ever_unless_times_says_otherwise() -> None:
    script = parse_script({"turns": [{"error": 529, "times": 2}, {"error": 401, "text": "no"}]})
    assert script.default.turns == (
        Failure(529, "", retry_after=None, delay=0.0, times=2),
        Failure(401, "no", retry_after=None, delay=0.0, times=None),
    )


def test_every_mistake_is_reported_with_its_place() -> None:
    found = problems(
        {
            "turns": [{"txet": "x"}, {"error": 200}, {"shell": 5}, {"text": "x", "delay": -1}],
            "scripts": [{"turns": [{"write": {"content": ""}}]}, {"when": "b"}],
            "pcae": 1,
        }
    )
    assert len(found) == 9
    assert 'script 2: needs "turns": a list' in found
    assert 'turn 1, "txet": there is no such key here, perhaps "text"' in found
    assert 'turn 2, "error": must be an HTTP status from 400 to 599, not 200' in found
    assert 'turn 3, "shell": must be a text, not a number: put it into "quotes"' in found
    assert 'script 1, turn 1, "write", "path": needs "path": the name of a file' in found


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ([{"text": "a"}, {"text": "b"}], "calls no tool"),
        ([{"error": 500}, {"text": "b"}], "lasts for ever"),
        ([{"text": "a", "cut": True}, {"text": "b"}], "lasts for ever"),
        ([{"shell": "a", "write": {"path": "x"}}], "more than one"),
        ([{"calls": []}], "at least one call"),
        ([{"calls": [{"shell": "a", "write": {"path": "x"}}]}], "one of them only"),
        ([{"text": "a", "times": 2}], 'only goes with "error" or "cut"'),
        ([{"error": 500, "shell": "a"}], 'an error turn has no "shell"'),
        ([{"error": True}], "must be a whole number, not true or false"),
        ([{"error": 500, "times": 0}], "must be 1 or more"),
        ([{"text": "a", "usage": {"output": -1}}], "must be 0 or more"),
        ([{"text": "a", "pace": float("nan")}], "must be a number of seconds"),
        ([{"text": "a", "delay": 9999}], "from 0 to 3600 seconds"),
        ([{}], "needs one of"),
        (["hello"], "must be a mapping of keys to values, not a text"),
        ("hello", "must be a list, not a text"),
    ],
)
def test_a_turn_that_can_not_be_meant_is_a_mistake(turns: object, words: str) -> None:
    found = problems({"turns": turns})
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize("data", [None, [], "text", 3, {}])
def test_data_that_is_no_script_is_one_mistake(data: object) -> None:
    assert problems(data)


def test_a_file_mistake_names_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("turns:\n  - text: Hello.\n    usage:\n      ouput: 3\n")
    with pytest.raises(PanError) as caught:
        load_script(str(file))
    assert caught.value.problem.startswith(f'{file}:4: turn 1, "usage", "ouput": there is no such key here')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("turns: [\n  {text: x\n", 3),
        ("turns: []\nturns: []\n", 2),
        ('{"turns": [{"text": "x",}]\n', 2),
        ("turns: [{text: 2024-99-99}]\n", None),
        ("turns: &a\n- *a\n", 1),
        ("", None),
        ("\x00", None),
    ],
)
def test_a_broken_file_is_a_sentence_and_never_a_traceback(
    tmp_path: Path, text: str, line: int | None
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    with pytest.raises(PanError) as caught:
        load_script(str(file))
    assert caught.value.code == ExitCode.CONFIG
    assert caught.value.problem.startswith(f"{file}:{line}:" if line else f"{file}:")


def test_a_json_file_may_be_indented_with_tabs(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text('{\n\t"turns": [\n\t\t{"text": "Hello."}\n\t]\n}\n')
    assert load_script(str(file)).default.closing_text() == "Hello."


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(PanError) as caught:
        load_script(str(tmp_path / "none.yaml"))
    assert caught.value.code == ExitCode.NOT_FOUND
    with pytest.raises(PanError) as caught:
        load_script(str(tmp_path))
    assert caught.value.code == ExitCode.CONFIG
