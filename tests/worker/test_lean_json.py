"""The worker's own JSON says what the standard library's says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.worker import lean_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES)
def test_what_is_written_is_what_the_package_writes(value: Any) -> None:
    assert lean_json.dumps(value) == json.dumps(value, separators=(",", ":"), allow_nan=False)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_what_the_package_writes_is_read(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert lean_json.loads(f" \n{text}\r\n\t") == value


@given(st.text(alphabet='{}[]":,0123456789.eE+-ntrufalsNI\\u d\n'))
def test_nonsense_is_refused_when_the_package_refuses_it(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 -- any ValueError is what is promised
            lean_json.loads(text)
        return
    if "NaN" in text or "Infinity" in text:
        return
    assert lean_json.loads(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "{} {}", "[1],", "NaN", "-Infinity", '{"a":NaN}', "{", '{"a"', "nul", "\x00", "[" * 200_000],
)
def test_what_is_not_one_json_value_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- any ValueError is what is promised
        lean_json.loads(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes", {(1,): 2}, object()])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        lean_json.dumps(value)


def test_a_value_that_contains_itself_is_refused_and_the_next_one_is_not() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested too deeply"):
        lean_json.dumps(loop)
    assert lean_json.dumps([1]) == "[1]"


def test_malformed_text_is_refused_where_nobody_imported_the_package() -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from pancode.worker.lean_json import loads\n"
        "for text in ('{\"a\" 1}', '[1 2]', '\"a', '{1:2}', '', '\"\\\\x\"'):\n"
        "    try: loads(text)\n"
        "    except ValueError: print('no', end=' ')\n"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(Path(__file__).parents[2])]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == ["no"] * 6


def test_an_interpreter_without_the_private_module_uses_the_package() -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1]); sys.modules['_json'] = None\n"
        "from pancode.worker.lean_json import dumps, loads\n"
        "assert loads(' {\"a\": [1, 2.5]} ') == {'a': [1, 2.5]}\n"
        "assert dumps({'a': [1, 'é', None]}) == '{\"a\":[1,\"\\\\u00e9\",null]}'\n"
        "for text in ('', '{} {}', 'NaN', '{'):\n"
        "    try: loads(text)\n"
        "    except ValueError: print('no', end=' ')\n"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(Path(__file__).parents[2])]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == ["no"] * 4
