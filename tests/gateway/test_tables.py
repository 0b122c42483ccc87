"""What the gateway reads: paths, requests, and each API's way to count, as tables."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from pancode.gateway.meter import Meter, Reading
from pancode.gateway.usage import NAMES, Counts, counted
from pancode.gateway.wires import Route, Wire, read_ask, route

NOTHING_SAID: Counts = dict.fromkeys(NAMES)


def _of(found: Reading) -> Counts:
    assert found.usage is not None
    return found.usage


A, C, R, G, U = Wire.ANTHROPIC, Wire.CHAT, Wire.RESPONSES, Wire.GEMINI, Wire.UNKNOWN


@pytest.mark.parametrize(
    ("method", "target", "wire", "what"),
    [
        ("POST", "/v1/messages?beta=true", A, "generate"),
        ("POST", "/anthropic/v1/messages/", A, "generate"),
        ("POST", "/v1/messages/count_tokens", A, "count"),
        ("POST", "/v1/messages/batches", U, "unknown"),
        ("POST", "/openai/deployments/m/chat/completions?api-version=1", C, "generate"),
        ("POST", "/v1/completions", U, "unknown"),
        ("POST", "/v1/responses", R, "generate"),
        ("POST", "/v1/responses/input_tokens", R, "count"),
        ("POST", "/v1beta/models/m:generateContent", G, "generate"),
        ("POST", "/v1beta/models/m%3AstreamGenerateContent?alt=sse", G, "generate"),
        ("POST", "/v1beta/models/m:countTokens", G, "count"),
        ("POST", "/v1beta/models/m:embedContent", U, "unknown"),
        ("GET", "/v1/models", U, "models"),
        ("HEAD", "/v1/models/m", U, "models"),
        ("GET", "/v1/messages", U, "other"),
        ("DELETE", "/v1/files/f", U, "unknown"),
        # What is free for one reader and an answer for another is not free.
        ("POST", "/v1/messages#/messages/count_tokens", U, "unknown"),
        ("POST", "/v1/messages%3F/messages/count_tokens", U, "unknown"),
        ("POST", "/v1/messages/count_tokens/..", U, "unknown"),
        ("POST", "/v1/models/m:countTokens/../../models/m:generateContent", U, "unknown"),
        ("POST", "/v1beta/models/m:countTokens/models/m:generateContent", G, "generate"),
        ("POST", "//v1/messages", A, "generate"),
    ],
)
def test_a_path_says_what_is_asked(method: str, target: str, wire: Wire, what: str) -> None:
    found = route(method, target)
    assert (found.wire, found.what) == (wire, what)


@pytest.mark.parametrize(
    ("wire", "usage", "counts"),
    [
        (A, {"input_tokens": 5, "output_tokens": 7}, (5, 7, None, None, None)),
        (
            A,
            {"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2},
            (5, None, 3, 2, None),
        ),
        (C, {"prompt_tokens": 9, "completion_tokens": 4}, (9, 4, None, None, None)),
        (
            C,
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "total_tokens": 13,
                "prompt_tokens_details": {"cached_tokens": 6},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            (3, 4, 6, None, 3),
        ),
        (
            C,  # a provider that leaves reasoning out of the completion
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "total_tokens": 16,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            (9, 7, None, None, 3),
        ),
        (
            C,
            {"prompt_tokens": 9, "completion_tokens": 4, "prompt_cache_hit_tokens": 8},
            (1, 4, 8, None, None),
        ),
        (
            R,
            {
                "input_tokens": 9,
                "output_tokens": 4,
                "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
            },
            (6, 4, 2, 1, None),
        ),
        (G, {"promptTokenCount": 9, "candidatesTokenCount": 4}, (9, 4, None, None, None)),
        (
            G,
            {
                "promptTokenCount": 9,
                "cachedContentTokenCount": 5,
                "toolUsePromptTokenCount": 2,
                "candidatesTokenCount": 4,
                "thoughtsTokenCount": 3,
            },
            (6, 7, 5, None, 3),
        ),
        (C, {"prompt_tokens": True, "completion_tokens": -1}, (None, None, None, None, None)),
        (U, {"input_tokens": 5}, (None, None, None, None, None)),
    ],
)
def test_each_api_counts_in_its_own_way(
    wire: Wire, usage: dict[str, Any], counts: tuple[int | None, ...]
) -> None:
    assert tuple(counted(wire, usage).values()) == counts


def test_a_long_body_is_only_searched() -> None:
    body = json.dumps({"model": "big", "messages": ["x" * (3 << 20)], "max_tokens": 77, "stream": True})
    ask = read_ask(Route(A, "generate"), body.encode())
    assert (ask.model, ask.stream, ask.max_output) == ("big", True, 77)
    assert ask.input_estimate == len(body) // 4


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ({"max_tokens": 1, "max_completion_tokens": 50}, 50),
        ({"max_tokens": 100, "n": 4}, 400),
        ({"n": 4}, 128_000),
        ({"generationConfig": {"maxOutputTokens": 10, "candidateCount": 3}}, 30),
    ],
)
def test_the_most_that_may_be_answered_is_that_of_all_the_answers(body: dict[str, Any], most: int) -> None:
    assert read_ask(Route(C, "generate"), json.dumps(body).encode()).max_output == most


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_makes_no_sense_says_nothing(body: bytes) -> None:
    ask = read_ask(Route(C, "generate"), body)
    assert (ask.model, ask.stream, ask.max_output) == (None, False, None)


def event(data: object) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\r\n\r\n"


CHAT_USAGE = {
    "choices": [],
    "model": "real",
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.5},
}


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_is_read_in_pieces_of_any_size(size: int) -> None:
    whole = event({"choices": [{"delta": {"content": "hi"}}], "usage": None}) + event(CHAT_USAGE)
    meter = Meter(C, "text/event-stream; charset=utf-8", "")
    for at in range(0, len(whole), size):
        meter.feed(whole[at : at + size])
    found = meter.reading(whole=True, input_estimate=99)
    assert (_of(found)["input"], _of(found)["output"], found.estimate) == (3, 2, False)
    assert (found.model, found.usd) == ("real", 0.5)


def test_what_is_packed_is_unpacked() -> None:
    meter = Meter(C, "application/json", "gzip")
    meter.feed(gzip.compress(json.dumps(CHAT_USAGE).encode()))
    assert meter.reading(whole=True, input_estimate=0).usage == {**NOTHING_SAID, "input": 3, "output": 2}


def test_what_cannot_be_read_is_estimated() -> None:
    meter = Meter(C, "text/event-stream", "br")
    meter.feed(b"whatever")
    found = meter.reading(whole=True, input_estimate=12)
    assert (_of(found)["input"], _of(found)["output"], found.estimate) == (12, 0, True)


def test_an_answer_without_usage_is_estimated_from_its_text() -> None:
    meter = Meter(C, "text/event-stream", "")
    meter.feed(event({"choices": [{"delta": {"content": "abcd" * 10}}]}))
    found = meter.reading(whole=True, input_estimate=12)
    assert (_of(found)["input"], _of(found)["output"], found.estimate) == (12, 10, True)


@pytest.mark.parametrize(
    ("wire", "document"),
    [
        (A, {"type": "message_delta", "usage": {"output_tokens": 2}}),
        (C, CHAT_USAGE),
        (R, {"type": "response.completed", "response": {"usage": {"output_tokens": 2}}}),
        (G, {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"candidatesTokenCount": 2}}),
    ],
)
def test_who_hangs_up_after_the_last_word_has_heard_it_all(wire: Wire, document: dict[str, Any]) -> None:
    meter = Meter(wire, "text/event-stream", "")
    meter.feed(event(document))
    found = meter.reading(whole=False, input_estimate=5)
    assert (_of(found)["output"], found.estimate, found.complete) == (2, False, True)


def test_usage_in_every_chunk_counts_once_the_stream_is_whole() -> None:
    chunk = {
        "object": "chat.completion.chunk",
        "choices": [{"delta": {"content": "hi"}}],
        "usage": {"prompt_tokens": 3},
    }
    for whole in (True, False):
        meter = Meter(C, "text/event-stream", "")
        meter.feed(event(chunk))
        assert meter.reading(whole=whole, input_estimate=5).estimate is not whole
