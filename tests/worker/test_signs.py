"""What the worker looks for before it asks for redaction: nothing that would be redacted is overlooked."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pancode.core import redact as core
from pancode.worker.signs import places

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
PATTERNS = [
    *(pytest.param(pattern, id=kind) for kind, _, pattern in core._KEYS),
    pytest.param(core._KEY_BEGIN, id="private key"),
    pytest.param(core._ASSIGNED, id="assigned"),
    pytest.param(core._BEARER, id="bearer"),
    pytest.param(core._URL, id="url"),
    pytest.param(core._URL_TOKEN, id="url token"),
    pytest.param(core._USER, id="user"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_is_redacted_is_found(pattern: re.Pattern[str], data: st.DataObject) -> None:
    text = data.draw(TEXT) + data.draw(st.from_regex(pattern)) + data.draw(TEXT)
    if core.redact(text) != text:
        assert places(text.encode("utf-8", "surrogatepass"))
        assert places(text.encode("utf-8", "surrogatepass") + b"\n" + b"x " * 3000)
    value = {"text": text}
    if core.redact_value(value) != value:
        assert places(json.dumps(value).encode())


@settings(max_examples=200)
@given(st.from_regex(core._SENSITIVE, fullmatch=True), st.text(min_size=1, max_size=8))
def test_what_is_redacted_by_its_key_is_found(name: str, text: str) -> None:
    record = {"args": {name: text}}
    if core.redact_value(record) != record:
        assert places(json.dumps(record, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "text",
    [
        "git show 0123456789abcdef0123456789abcdef01234567",
        "max_tokens=4096 tokens: 1200000",
        '{"usage":{"input_tokens":123,"output_tokens":5}}',
        "the password is asked for; token by token",
        "Password: ",
        "task-management-system-for-everybody",
        "def redact(token: str) -> None:",
        "sorted(rows, key=lambda row: row.key)",
        "https://example.com/a/b?c=d#e",
        "self.hf_mode = MSG. through global",
        "grep -rn 'BEGIN RSA' . --unified -utf8",
        "Copyright (c) 2026, me@example.com",
    ],
)
def test_everyday_text_costs_no_redaction(text: str) -> None:
    assert not places(text.encode() + b"\n")
