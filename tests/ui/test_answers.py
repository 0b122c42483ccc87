"""What the command pane says of Panos's turns, from their records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pancode.domains.ui.answers import Answers
from pancode.domains.ui.listening import Journals


def row(run: str, state: str, **facts: Any) -> dict[str, Any]:
    told = {"run_id": run, "agent": "panos", "parent": None, "state": state, "task": f"{run} asks", **facts}
    return {"topic": "worker", "worker": told}


def said(run: str, text: str, seq: int = 0) -> dict[str, Any]:
    record = {"seq": seq, "t": 1.0, "kind": "text", "text": text, "delta": True}
    return {"topic": "event", "run": run, "record": record}


def test_the_next_turn_is_told_after_the_last_words_of_the_one_before() -> None:
    answers = Answers(lambda _: False)
    assert answers.hear(row("k3f", "working"), 60, colour=False) == ["» k3f asks"]
    answers.hear(said("k3f", "last words"), 60, colour=False)
    assert answers.hear(row("a2b", "queued"), 60, colour=False) == []
    assert answers.hear(row("k3f", "done"), 60, colour=False) == ["  last words"]
    assert answers.ended is not None
    answers.ended = None
    assert answers.next_turn(60) == ["» a2b asks"]
    assert answers.live == "a2b"
    waits = row("a2b", "queued", waits="the model is left alone for 8 s")
    assert answers.hear(waits, 60, colour=False) == ["  … the model is left alone for 8 s"]
    assert answers.hear(waits, 60, colour=False) == []


def test_a_turn_whose_end_went_astray_keeps_nobody_from_the_next_one() -> None:
    answers = Answers(lambda _: False)
    answers.hear(row("k3f", "working"), 60, colour=False)
    answers.hear(said("k3f", "half"), 60, colour=False)
    answers.hear(row("a2b", "working"), 60, colour=False)
    assert answers.hear(said("a2b", "on\n"), 60, colour=False) == ["  half", "» a2b asks", "  on"]


def test_why_a_call_was_refused_is_told_in_whole_words() -> None:
    record = {"kind": "tool_finished", "ok": False, "result": "refused: review mode starts no worker " * 9}
    lines = Answers().hear({"topic": "event", "run": "k3f", "record": record}, 60, colour=False)
    assert lines[0] == "    ✗ refused: review mode starts no worker refused:"
    assert lines[3:] == ["      …"]


def test_what_was_said_while_no_controller_was_there_is_read_from_the_journal(tmp_path: Path) -> None:
    (tmp_path / "k3f").mkdir()
    journal = tmp_path / "k3f" / "events.jsonl"
    words = [said("k3f", text, number) for number, text in enumerate("abcdef", 1)]
    journal.write_text("".join(json.dumps(each["record"]) + "\n" for each in words))
    journals = Journals(str(tmp_path))

    def heard(*events: dict[str, Any]) -> str:
        told = [each for event in events for each in journals.whole(event)]
        return "".join(each["record"]["text"] if "record" in each else "." for each in told)

    assert heard(words[0], words[1]) == "ab"
    assert heard(words[3]) == "cd"
    assert heard(words[3], words[2]) == ""
    assert heard(row("k3f", "done"), row("k3f", "done")) == "ef.."


def test_a_turn_that_failed_says_why_in_the_models_or_the_servers_words_and_once() -> None:
    answers = Answers()
    answers.live = "k3f"
    for record in (
        {"kind": "session", "id": "k3f"},
        {"kind": "finished", "ok": False, "reason": "auth", "message": "no such\x1b[31m key\n"},
    ):
        assert answers.hear({"topic": "event", "run": "k3f", "record": record}, 60, colour=False) == []
    assert answers.why_failed(60, colour=False) == ["  ✗ no such key"]
    far = {
        "kind": "finished",
        "ok": False,
        "message": "can't reach the company's server: nobody listens there",
    }
    answers.hear({"topic": "event", "run": "k3f", "record": far}, 40, colour=False)
    assert answers.why_failed(40, colour=False) == [
        "  ✗ can't reach the company's server:",
        "    nobody listens there",
    ]
    assert answers.why_failed(60, colour=False) == []
    well = {"kind": "finished", "ok": True, "result": "x"}
    answers.hear({"topic": "event", "run": "k3f", "record": well}, 60, colour=False)
    assert answers.why_failed(60, colour=False) == []
