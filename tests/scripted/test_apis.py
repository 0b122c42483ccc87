"""The four APIs over real sockets: text, tool calls, usage, streams and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scripted import talk
from tests.scripted.conftest import Serve

TWO_CALLS: dict[str, object] = {
    "turns": [
        {
            "text": "On it.",
            "calls": [{"shell": "make"}, {"write": {"path": "d/a.txt", "content": "one\ntwo\n"}}],
        },
        {"text": "Did {prompt}."},
    ]
}
PATCH = "*** Begin Patch\n*** Add File: d/a.txt\n+one\n+two\n*** End Patch\n"


def joined(parts: list[Any]) -> str:
    return "".join(part or "" for part in parts)


def anthropic_blocks(heard: talk.Heard) -> list[Any]:
    """Put a stream's content blocks together as a client does."""
    blocks: list[Any] = []
    for event in heard.events():
        if event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            blocks[-1]["json"] += event["delta"].get("partial_json", "")
            blocks[-1]["text"] = blocks[-1].get("text", "") + event["delta"].get("text", "")
    return blocks


def test_anthropic_streams_text_calls_and_usage(serve: Serve) -> None:
    port = serve(TWO_CALLS).port
    heard = talk.post(port, "/v1/messages?beta=true", talk.anthropic("it", stream=True))
    assert heard.headers["content-type"] == "text/event-stream"
    text, shell, write = anthropic_blocks(heard)
    assert text["text"] == "On it."
    assert (shell["name"], json.loads(shell["json"])) == (
        "Bash",
        {"command": "make", "description": "Run make"},
    )
    assert json.loads(write["json"]) == {"file_path": "d/a.txt", "content": "one\ntwo\n"}
    start, end = heard.events()[0], heard.events()[-2]
    assert start["message"]["usage"]["cache_creation_input_tokens"] == 100
    assert end["delta"]["stop_reason"] == "tool_use"
    assert end["usage"]["output_tokens"] == 34
    assert heard.events()[-1] == {"type": "message_stop"}


def test_anthropic_answers_whole_and_goes_on_from_the_history(serve: Serve) -> None:
    port = serve(TWO_CALLS).port
    first = talk.post(port, "/messages", talk.anthropic("it")).json()
    assert [block["type"] for block in first["content"]] == ["text", "tool_use", "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": block["id"]} for block in first["content"][1:]]
    note = {"type": "text", "text": "by the way"}
    history = [
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [*results, note]},
    ]
    second = talk.post(port, "/v1/messages", talk.anthropic("it", history=history)).json()
    assert second["content"] == [{"type": "text", "text": "Did it."}]
    assert second["stop_reason"] == "end_turn"


def test_chat_streams_text_calls_and_usage(serve: Serve) -> None:
    port = serve(TWO_CALLS).port
    heard = talk.post(port, "/v1/chat/completions", talk.chat("it", stream=True))
    assert heard.body.endswith(b"data: [DONE]\n\n")
    choices = [event["choices"][0] for event in heard.events() if event["choices"]]
    assert joined([choice["delta"].get("content") for choice in choices]) == "On it."
    calls = [call for choice in choices for call in choice["delta"].get("tool_calls", [])]
    texts = [
        joined([c["function"].get("arguments") for c in calls if c["index"] == index]) for index in (0, 1)
    ]
    assert json.loads(texts[0])["command"] == "make"
    assert json.loads(texts[1]) == {"path": "d/a.txt", "file_text": "one\ntwo\n"}
    assert choices[-1]["finish_reason"] == "tool_calls"
    assert heard.events()[-1]["usage"] == {
        "prompt_tokens": 2000,
        "completion_tokens": 34,
        "total_tokens": 2034,
        "prompt_tokens_details": {"cached_tokens": 800},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }


def test_chat_answers_whole_and_goes_on_from_the_history(serve: Serve) -> None:
    port = serve(TWO_CALLS).port
    first = talk.post(port, "/chat/completions", talk.chat("it")).json()["choices"][0]["message"]
    history = [
        first,
        *({"role": "tool", "tool_call_id": c["id"], "content": ""} for c in first["tool_calls"]),
    ]
    second = talk.post(port, "/v1/chat/completions", talk.chat("it", history=history)).json()
    assert second["choices"][0]["message"]["content"] == "Did it."


def test_chat_calls_any_tool_by_name_also_with_what_is_no_json(serve: Serve) -> None:
    calls = [{"tool": {"name": "task_list", "args": {"a": [1]}}}, {"tool": {"name": "x", "broken": "{"}}]
    port = serve({"turns": [{"calls": calls}, {"text": "Done."}]}).port
    heard = talk.post(port, "/v1/chat/completions", talk.chat("it")).json()
    made = heard["choices"][0]["message"]["tool_calls"]
    told = [(call["function"]["name"], call["function"]["arguments"]) for call in made]
    assert told == [("task_list", '{"a": [1]}'), ("x", "{")]


def test_chat_gives_a_patch_to_a_custom_tool(serve: Serve) -> None:
    body = talk.chat("it")
    body["tools"][1] = {"type": "custom", "custom": {"name": "apply_patch"}}
    call = talk.post(serve(TWO_CALLS).port, "/chat/completions", body).json()["choices"][0]["message"][
        "tool_calls"
    ][1]
    assert call["custom"] == {"name": "apply_patch", "input": PATCH}


def test_responses_streams_items_and_usage(serve: Serve) -> None:
    port = serve(TWO_CALLS).port
    events = talk.post(port, "/v1/responses", talk.responses("it", stream=True)).events()
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert joined([e["delta"] for e in events if e["type"] == "response.output_text.delta"]) == "On it."
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert [item["type"] for item in done] == ["message", "function_call", "custom_tool_call"]
    assert json.loads(done[1]["arguments"]) == {"cmd": "make", "yield_time_ms": 30000}
    assert done[2]["input"] == PATCH
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["output"] == done
    usage = events[-1]["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (2000, 34)


def test_responses_answers_whole_and_goes_on_from_the_history(serve: Serve) -> None:
    port = serve(TWO_CALLS).port
    first = talk.post(port, "/responses", talk.responses("it")).json()["output"]
    outputs = [
        {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": ""} for item in first[1:]
    ]
    second = talk.post(port, "/v1/responses", talk.responses("it", history=[*first, *outputs])).json()
    assert second["output"][0]["content"][0]["text"] == "Did it."


def test_gemini_streams_parts_and_usage(serve: Serve) -> None:
    path = "/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
    chunks = talk.post(serve(TWO_CALLS).port, path, talk.gemini("it")).events()
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    assert joined([part.get("text") for part in parts]) == "On it."
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    assert [call["name"] for call in calls] == ["run_shell_command", "write_file"]
    assert calls[1]["args"] == {"file_path": "d/a.txt", "content": "one\ntwo\n"}
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    assert chunks[-1]["usageMetadata"]["promptTokenCount"] == 2000
    assert chunks[-1]["modelVersion"] == "gemini-x"


def test_gemini_answers_whole_and_goes_on_from_the_history(serve: Serve) -> None:
    port = serve(TWO_CALLS).port
    first = talk.post(port, "/v1/models/g:generateContent", talk.gemini("it")).json()["candidates"][0][
        "content"
    ]
    results = {"role": "user", "parts": [{"functionResponse": {"name": "x", "response": {}}}] * 2}
    body = talk.gemini("it", history=[first, results])
    second = talk.post(port, "/v1beta/models/g:generateContent", body).json()
    assert second["candidates"][0]["content"]["parts"] == [{"text": "Did it."}]


def test_gemini_streams_a_list_without_alt_sse(serve: Serve) -> None:
    heard = talk.post(serve(TWO_CALLS).port, "/v1beta/models/g:streamGenerateContent", talk.gemini("it"))
    assert heard.json()[-1]["candidates"][0]["finishReason"] == "STOP"


REQUESTS = [
    ("/v1/messages", talk.anthropic("go", stream=True)),
    ("/v1/messages", talk.anthropic("go")),
    ("/v1/chat/completions", talk.chat("go", stream=True)),
    ("/v1/chat/completions", talk.chat("go")),
    ("/v1/responses", talk.responses("go", stream=True)),
    ("/v1/responses", talk.responses("go")),
    ("/v1beta/models/g:streamGenerateContent?alt=sse", talk.gemini("go")),
    ("/v1beta/models/g:generateContent", talk.gemini("go")),
]


@pytest.mark.parametrize(("path", "body"), REQUESTS)
def test_an_error_has_its_status_its_header_and_a_message(serve: Serve, path: str, body: object) -> None:
    heard = talk.post(serve({"turns": [{"error": 429, "retry_after": 7}]}).port, path, body)
    assert (heard.status, heard.headers["retry-after"]) == (429, "7")
    assert heard.json()["error"]["message"] == "Too Many Requests (scripted)"


@pytest.mark.parametrize(("path", "body"), REQUESTS)
@pytest.mark.parametrize("turn", [{"text": "One two three four."}, {"shell": "make"}, {"text": ""}])
def test_a_cut_breaks_off_before_the_end(
    serve: Serve, path: str, body: object, turn: dict[str, object]
) -> None:
    heard = talk.post(serve({"turns": [{**turn, "cut": True}]}).port, path, body)
    assert heard.status == 200
    assert heard.broke_off
    for ending in (b"message_stop", b"[DONE]", b"response.completed", b"output_item.done"):
        assert ending not in heard.body


@pytest.mark.parametrize(("path", "body"), REQUESTS)
def test_text_of_any_kind_arrives_as_it_was_written(serve: Serve, path: str, body: dict[str, Any]) -> None:
    text = '  päx 🙂 \ud800 \u2028 "q"\r\n\n' + "word " * 500
    heard = talk.post(serve({"turns": [{"text": text}]}).port, path, body)
    if body.get("stream") or "alt=sse" in path:
        found = joined([text_in(event) for event in heard.events()])
    else:
        found = text_in(heard.json())
    assert found == text


def text_in(data: Any) -> str:
    match data:
        case {"type": "content_block_delta", "delta": {"text": text}}:
            return str(text)
        case {"type": "response.output_text.delta", "delta": text}:
            return str(text)
        case {"choices": [{"delta": {"content": text}}]} | {"choices": [{"message": {"content": text}}]}:
            return str(text)
        case {"candidates": [{"content": {"parts": [{"text": text}]}}]}:
            return str(text)
        case {"type": "message", "content": [{"text": text}]} | {"output": [{"content": [{"text": text}]}]}:
            return str(text)
        case _:
            return ""
