"""Texts that are put into tasks, conditions, and lists of items."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.core.errors import PanError
from pancode.domains.dispatch.flow import expression
from pancode.domains.dispatch.flow.expression import FIELDS, ConditionError, Value
from pancode.domains.dispatch.flow.outputs import items_of
from pancode.domains.dispatch.flow.template import MOST, Output, Values, cut, for_agent, for_shell

RESULTS: dict[str, dict[str, Value]] = {"a": {"status": "done", "result": "x", "count": 2.0, "usd": None}}


def said(text: str, name: str = "s1", **more: str) -> Values:
    return Values(inputs={name: cut(text, None)}, **more)  # type: ignore[arg-type]


def test_what_comes_from_an_output_is_never_expanded_again() -> None:
    values = said("$INPUT ${s1.result} $ORIGINAL $& \\1 $ITEM", original="$INPUT too")
    assert for_agent("a $INPUT b $ORIGINAL c", values) == (
        "a $INPUT ${s1.result} $ORIGINAL $& \\1 $ITEM b $INPUT too c"
    )


@given(st.text(), st.text())
def test_a_text_goes_in_as_it_is(output: str, original: str) -> None:
    assert for_agent("<$INPUT|$ORIGINAL>", said(output, original=original)) == f"<{output}|{original}>"


def test_a_task_that_names_no_input_gets_it_in_a_fence_that_nothing_in_it_closes() -> None:
    text = for_agent("go on", said("```sh\nls\n```"))
    assert text == (
        'go on\n\nOutput of the step "s1", for your information:\n\n````text\n```sh\nls\n```\n````'
    )
    assert for_agent("go on", said("x"), gives_input=False) == "go on"
    assert for_agent("go on", said("  \n")) == "go on"
    assert for_agent("use ${s1.result}", said("x")) == "use x"


def test_other_words_with_a_dollar_stay() -> None:
    assert for_agent("$INPUTS $HOME ${x.y} $ITEM $INPUT.", said("i")) == "$INPUTS $HOME ${x.y} $ITEM i."


def test_a_long_output_is_cut_with_a_note_that_names_the_file() -> None:
    output = cut("a" * 20_000 + "END", "/flows/f/out/a.txt")
    assert output.length == 20_003
    assert (
        "[… cut here: 16,000 of 20,003 characters are shown; the full text is in /flows/f/out/a.txt …]"
        in (output.text)
    )
    assert output.text.endswith("END")
    assert len(output.text) < MOST + 200


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_shell_gets_any_output_as_a_variable_and_never_as_a_command(output: str) -> None:
    command = for_shell('printf %s "$INPUT|${s-1.result}"', said(output, "s-1"))
    if len(command) > 200:
        return
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
    assert done.stdout.decode() == f"{output}|{output}"


def test_names_that_a_shell_cannot_tell_apart_stay_two() -> None:
    inputs = {name: Output(text=name, length=3) for name in ("a-b", "a_b", "item_b")}
    values = Values(inputs=inputs, item='{"b_result": "the item"}')
    command = for_shell(
        'echo "${a-b.result} ${a_b.result} ${a-b.result} ${item_b.result} ${item.b_result}"', values
    )
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
    assert done.stdout.decode() == "a-b a_b a-b item_b the item\n"


def test_the_parts_of_an_item_that_is_json() -> None:
    values = Values(item='{"name": "a b", "n": 3}', index=1)
    assert for_agent("${item.name} ${item.n} ${item.none}|$INDEX $ITEM", values) == (
        'a b 3 |1 {"name": "a b", "n": 3}'
    )


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('a.status == "done"', True),
        ("a.status != 'done'", False),
        ('a.count >= 2 and a.result in "xyz"', True),
        ('not a.result == "x" or (a.count < 3)', True),
        ('"y" not in a.result', True),
        ("a.usd == none", True),
        ("true and not false", True),
        ("a.usd != none and a.usd > 1", False),
        ("a.usd == none or (a.usd < 1 and a.count > 9)", True),
    ],
)
def test_a_condition(text: str, holds: bool) -> None:
    assert expression.read(text, FIELDS).nodes <= {"a"}
    assert expression.Condition(text, frozenset()).holds(RESULTS) is holds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty"),
        ("a", '"a" says nothing; write a.status, or "a" for the text'),
        ("a.colour", '"a.colour": a node has no "colour"'),
        ("a.status ==", "something is missing at its end"),
        ("(a.status", "a bracket is not closed"),
        ("a.status == 'x' 'y'", "\"'y'\" is not expected there"),
        ("__import__('os')", '"__import__" says nothing'),
        ("a.status; b", '"; b" is not understood'),
        ("not " * 30 + "true", "nested too deeply"),
        ("a" * 2000, "longer than 1000"),
    ],
)
def test_a_wrong_condition_is_told(text: str, problem: str) -> None:
    with pytest.raises(ConditionError) as error:
        expression.read(text, FIELDS)
    assert problem in str(error.value)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_a_sentence_about_it(text: str) -> None:
    with contextlib.suppress(ConditionError):
        assert all(name in text for name in expression.read(text, FIELDS).nodes)


def test_items_of_an_output() -> None:
    assert items_of("1. one\n\n2) two\n* three\n  four\n", "lines") == ("one", "two", "three", "four")
    assert items_of('Here:\n```json\n[{"a": 1}, "b"]\n```\nDone.', "json") == ('{"a": 1}', "b")
    for text in ("no json", "{}", "[" * 5000):
        with pytest.raises(PanError):
            items_of(text, "json")
    with pytest.raises(PanError, match="501 items"):
        items_of("x\n" * 501, "lines")


def test_a_cut_output_says_its_whole_length() -> None:
    assert cut("short", "/f") == Output(text="short", length=5, file=None)
