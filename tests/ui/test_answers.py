"""What the command pane says of Panos's turns, from their records."""

from __future__ import annotations

from pancode.domains.ui.answers import Answers


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
