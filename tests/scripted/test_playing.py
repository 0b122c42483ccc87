"""Which turn answers: many conversations on one server, errors that pass, helper calls, follow-ups."""

from __future__ import annotations

from typing import Any

from pancode.scripted.server import ScriptedModel
from tests.scripted import talk
from tests.scripted.conftest import Serve

CALLED = [{"role": "assistant", "tool_calls": [{}]}, {"role": "tool", "content": ""}]


def answer(model: ScriptedModel, prompt: str, history: list[Any] | None = None) -> Any:
    heard = talk.post(model.port, "/v1/chat/completions", talk.chat(prompt, history=history))
    return heard.json()["choices"][0]["message"] if heard.status == 200 else heard.status


def test_the_prompt_chooses_the_conversation(serve: Serve) -> None:
    model = serve({"turns": [{"text": "other"}], "scripts": [{"when": "red", "turns": [{"text": "RED"}]}]})
    assert answer(model, "make it red")["content"] == "RED"
    assert answer(model, "make it blue")["content"] == "other"


def test_a_follow_up_plays_the_turns_anew_and_may_change_the_conversation(serve: Serve) -> None:
    one = {"when": "one", "turns": [{"shell": "a"}, {"text": "end of one"}]}
    model = serve({"scripts": [one, {"when": "two", "turns": [{"text": "TWO"}]}]})
    said = [*CALLED, {"role": "assistant", "content": "end of one"}]
    assert answer(model, "one", CALLED)["content"] == "end of one"
    assert answer(model, "one", [*said, {"role": "user", "content": "again"}])["tool_calls"]
    assert answer(model, "one", [*said, {"role": "user", "content": "two"}])["content"] == "TWO"


def test_after_the_last_turn_the_last_text_is_repeated(serve: Serve) -> None:
    model = serve({"turns": [{"text": "Working.", "shell": "a"}, {"shell": "b"}]})
    assert answer(model, "go", CALLED * 2)["content"] == "Working."
    assert answer(model, "go", CALLED * 9)["content"] == "Working."
    assert [record.turn for record in model.requests] == [None, None]


def test_without_turns_the_answer_is_short_and_plain(serve: Serve) -> None:
    model = serve({"scripts": [{"when": "x", "turns": [{"text": "y"}]}]})
    assert answer(model, "nothing fits")["content"] == "Done."


def test_an_error_with_times_passes_for_each_conversation_alone(serve: Serve) -> None:
    model = serve({"turns": [{"error": 529, "times": 2}, {"text": "fine"}]})
    assert [answer(model, "first") for _ in range(2)] == [529, 529]
    assert answer(model, "second") == 529
    assert answer(model, "first")["content"] == "fine"


def test_an_error_in_the_middle_waits_for_its_place(serve: Serve) -> None:
    model = serve({"turns": [{"shell": "a"}, {"error": 500, "times": 1}, {"shell": "b"}, {"text": "end"}]})
    assert answer(model, "go")["tool_calls"]
    assert answer(model, "go", CALLED) == 500
    assert answer(model, "go", CALLED)["tool_calls"]
    assert answer(model, "go", CALLED * 2)["content"] == "end"


def test_an_error_without_times_stays(serve: Serve) -> None:
    model = serve({"turns": [{"shell": "a"}, {"error": 401}]})
    assert [answer(model, "go", CALLED * count) for count in (1, 1, 2)] == [401, 401, 401]


def test_a_cut_with_times_is_followed_by_the_next_turn(serve: Serve) -> None:
    model = serve({"turns": [{"text": "broken off here", "cut": True, "times": 1}, {"text": "whole"}]})
    assert talk.post(model.port, "/chat/completions", talk.chat("go")).broke_off
    assert answer(model, "go")["content"] == "whole"


def test_sessions_with_the_same_prompt_count_apart_where_the_client_names_them(serve: Serve) -> None:
    model = serve({"turns": [{"error": 500, "times": 1}, {"text": "fine"}]})

    def status(session: str) -> int:
        headers = {"x-session-id": session}
        return talk.send(model.port, "POST", "/chat/completions", talk.chat("go"), headers).status

    assert [status("a"), status("b"), status("a"), status("b")] == [500, 500, 200, 200]


def test_a_helper_call_gets_a_short_text_and_uses_nothing_up(serve: Serve) -> None:
    model = serve({"turns": [{"error": 500, "times": 1}, {"text": "fine"}]})
    title = talk.chat("go")
    title["tools"] = []
    title["messages"][0]["content"] = "You are a title generator."
    assert talk.post(model.port, "/chat/completions", title).status == 200
    assert [answer(model, "go"), answer(model, "go")["content"]] == [500, "fine"]
    assert [record.helper for record in model.requests] == [True, False, False]


def test_a_client_without_tools_hears_the_last_text(serve: Serve) -> None:
    model = serve({"turns": [{"shell": "a"}, {"text": "all done"}]})
    body = talk.chat("go")
    del body["tools"]
    message = talk.post(model.port, "/chat/completions", body).json()["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "all done"}


def test_a_write_goes_through_the_shell_where_no_write_tool_is_offered(serve: Serve) -> None:
    model = serve({"turns": [{"write": {"path": "d/it's.txt", "content": "x\n"}}]})
    body = talk.responses("go")
    body["tools"] = [
        {
            "type": "function",
            "name": "shell",
            "parameters": {"properties": {"command": {"type": "array"}}, "required": ["command"]},
        }
    ]
    call = talk.post(model.port, "/responses", body).json()["output"][0]
    assert call["name"] == "shell"
    assert '["bash", "-lc", "mkdir -p d && printf %s' in call["arguments"]


def test_the_built_in_local_shell_is_called_in_its_own_way(serve: Serve) -> None:
    model = serve({"turns": [{"shell": "ls"}]})
    body = {**talk.responses("go"), "tools": [{"type": "local_shell"}]}
    item = talk.post(model.port, "/responses", body).json()["output"][0]
    assert item["type"] == "local_shell_call"
    assert item["action"]["command"] == ["bash", "-lc", "ls"]


def test_a_tool_that_is_not_offered_is_called_by_its_usual_name(serve: Serve) -> None:
    model = serve({"turns": [{"calls": [{"shell": "ls"}, {"write": {"path": "a", "content": ""}}]}]})
    body = {**talk.anthropic("go"), "tools": [{"name": "Read", "input_schema": {}}]}
    blocks = talk.post(model.port, "/v1/messages", body).json()["content"]
    assert [block["name"] for block in blocks] == ["Bash", "Write"]


def test_an_instructions_file_is_not_a_prompt(serve: Serve) -> None:
    model = serve({"turns": [{"text": "{prompt}"}]})
    body = talk.responses("do it")
    text = "# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>\nbe nice\n</INSTRUCTIONS>"
    body["input"].insert(
        1, {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    )
    talk.post(model.port, "/v1/responses", body)
    assert model.requests[0].prompt == "do it"
    assert model.requests[0].replies == 0
