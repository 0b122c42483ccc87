"""Streams are redacted wherever they are cut, and whatever has no secret in it passes as it is."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.core.redact import redact
from pancode.worker.redaction import HOLD_S, LineRedactor, StreamRedactor

KEY = "ghp_" + "Qx7" * 12
PASSWORD = "hunter" + "2" * 9
BODY = [letter * 64 for letter in "ABCDEF"] + ["Gg0="]
BLOCK = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *BODY, "-----END RSA PRIVATE KEY-----"])
TEXT = (
    f"begin\nuse {KEY} now\nPASSWORD={PASSWORD} make\ntask-management of 3 tasks\n{BLOCK}\nhttps://a:"
    f"{PASSWORD}@h/\nno newline"
)
SECRETS = [KEY, PASSWORD, *BODY[:-1]]
CUTS = st.lists(st.integers(0, len(TEXT)), max_size=12)


def pieces(text: str, cuts: list[int]) -> list[bytes]:
    """Give the text cut at these places."""
    return [text[begin:end].encode() for begin, end in pairwise([0, *sorted(cuts), len(text)])]


def through_lines(parts: list[bytes]) -> str:
    """Give what a file gets."""
    redactor = LineRedactor()
    return b"".join([*(redactor.feed(part) for part in parts), redactor.end()]).decode()


def through_stream(parts: list[bytes], *, slowly: bool = False) -> str:
    """Give what a person sees; `slowly` means that each piece is waited for longer than secrets are held."""
    redactor, now, out = StreamRedactor(), 0.0, b""
    for part in parts:
        out += redactor.feed(part, now)
        if slowly and redactor.due is not None:
            assert now < redactor.due <= now + HOLD_S
            out += redactor.tick()
        now += 1.0
    return (out + redactor.end()).decode()


def without_signs(seen: str) -> str:
    """Take out how a key begins: a person may see that before it is known to be one."""
    return re.sub(r"\bg(?:h(?:p_?)?)?(?=<redacted:github)", "", seen)


@given(CUTS)
def test_a_file_gets_the_same_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    assert through_lines(pieces(TEXT, cuts)) == redact(TEXT)


@given(CUTS)
def test_a_person_sees_the_same_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    assert without_signs(through_stream(pieces(TEXT, cuts))) == redact(TEXT)


@given(CUTS)
def test_no_secret_is_seen_whole_however_slowly_it_comes(cuts: list[int]) -> None:
    seen = through_stream(pieces(TEXT, cuts), slowly=True)
    assert not [secret for secret in SECRETS if secret in seen]
    assert "\nno newline" in seen


def test_no_secret_is_seen_that_comes_byte_by_byte() -> None:
    parts = [bytes((byte,)) for byte in TEXT.encode()]
    assert through_lines(parts) == without_signs(through_stream(parts)) == redact(TEXT)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_bytes_without_a_secret_pass_as_they_are(data: bytes, cuts: list[int]) -> None:
    parts = [data[begin:end] for begin, end in pairwise([0, *sorted(cuts), len(data)])]
    lines, stream = LineRedactor(), StreamRedactor()
    assert b"".join([*(lines.feed(part) for part in parts), lines.end()]) == data
    assert b"".join([*(stream.feed(part, 0.0) for part in parts), stream.end()]) == data


@pytest.mark.parametrize(
    "prompt", ["Password: ", "$ git push # task-", "sk-", "token: ", "\x1b[1mkey\x1b[0m> "]
)
def test_a_prompt_is_seen_within_a_moment(prompt: str) -> None:
    redactor = StreamRedactor()
    seen = redactor.feed(prompt.encode(), 5.0)
    if redactor.due is not None:
        assert redactor.due <= 5.0 + HOLD_S
        seen += redactor.tick()
    assert seen.decode() == prompt


def test_what_is_typed_is_seen_key_by_key() -> None:
    redactor, seen = StreamRedactor(), b""
    for key in b"export TOKEN=ab":
        seen += redactor.feed(bytes((key,)), 0.0) + redactor.tick()
    assert seen == b"export TOKEN=ab"


def test_colours_inside_of_a_secret_do_not_hide_it() -> None:
    redactor = StreamRedactor()
    half = len(KEY) // 2
    coloured = f"a \x1b[31m{KEY[:half]}\x1b[1m{KEY[half:]}\x1b[0m b\n"
    seen = (redactor.feed(coloured.encode(), 0.0) + redactor.end()).decode()
    assert "<redacted:github-token>" in seen
    assert KEY[half:] not in seen
    assert " b\n" in seen
    assert seen.endswith("\x1b[0m")


@given(st.lists(st.integers(0, 2000), max_size=6))
def test_json_stays_json(cuts: list[int]) -> None:
    records: list[dict[str, Any]] = [
        {"type": "text", "text": f"the key is {KEY}", "n": 1},
        {
            "type": "call",
            "args": {"command": f'export A="{PASSWORD}" PASSWORD="{PASSWORD}"', "env": {"token": "x"}},
        },
        {"type": "result", "text": BLOCK},
        {"type": "delta", "text": BLOCK[:200]},
        {"type": "delta", "text": "nothing"},
    ]
    text = "".join(json.dumps(record) + "\n" for record in records)
    out = through_lines(pieces(text, [min(cut, len(text)) for cut in cuts]))
    told = [json.loads(line) for line in out.splitlines()]
    assert [record["type"] for record in told] == [record["type"] for record in records]
    assert told[0] == {"type": "text", "text": "the key is <redacted:github-token>", "n": 1}
    assert told[1]["args"]["env"] == {"token": "<redacted:secret>"}
    assert told[4] == records[4]
    assert not [secret for secret in [KEY, *BODY[:-1]] if secret in out]


def test_a_line_of_json_is_never_held_back() -> None:
    redactor = LineRedactor()
    line = json.dumps({"type": "delta", "text": BLOCK[:100]}).encode() + b"\n"
    out = redactor.feed(line)
    assert out.endswith(b"\n")
    assert BODY[0].encode() not in out
