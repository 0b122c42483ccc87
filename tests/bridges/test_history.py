"""Conversations on disk: what was cut off is left out, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pancode.bridges.history import FOLDER, History

CALL = {"type": "function_call", "call_id": "a", "name": "read", "arguments": "{}"}
ANSWER = {"type": "function_call_output", "call_id": "a", "output": "text"}
SAID = {"role": "user", "content": "hello\nthere ✓"}


def test_a_conversation_goes_on_in_another_process(tmp_path: Path) -> None:
    first = History("s1", str(tmp_path))
    asyncio.run(first.add_items([SAID, CALL]))
    asyncio.run(first.add_items([ANSWER]))
    assert asyncio.run(History("s1", str(tmp_path)).get_items()) == [SAID, CALL, ANSWER]
    assert asyncio.run(History("s2", str(tmp_path)).get_items()) == []


def test_a_call_that_was_never_answered_and_a_torn_line_are_left_out(tmp_path: Path) -> None:
    history = History("s1", str(tmp_path))
    history.add([SAID, CALL])
    path = tmp_path / FOLDER / "s1.jsonl"
    path.write_text(path.read_text() + '{"type": "function_ca')
    assert asyncio.run(history.get_items()) == [SAID]


def test_what_is_written_after_a_torn_line_is_not_lost_with_it(tmp_path: Path) -> None:
    history = History("s1", str(tmp_path))
    history.add([SAID])
    path = tmp_path / FOLDER / "s1.jsonl"
    path.write_text(path.read_text() + '{"role": "us')
    history.add([{"role": "user", "content": "again"}])
    assert [item["content"] for item in history.items()] == [SAID["content"], "again"]


def test_items_can_be_taken_back(tmp_path: Path) -> None:
    history = History("s1", str(tmp_path))
    assert asyncio.run(history.pop_item()) is None
    history.add([SAID, CALL, ANSWER])
    assert asyncio.run(history.pop_item()) == ANSWER
    assert history.items() == [SAID, CALL]
    assert asyncio.run(history.get_items(1)) == [SAID]
    asyncio.run(history.clear_session())
    assert history.items() == []


def test_the_name_of_a_conversation_leads_to_no_other_folder(tmp_path: Path) -> None:
    History("../../escaped", str(tmp_path)).add([SAID])
    assert [path.name for path in tmp_path.rglob("*.jsonl")] == ["escaped.jsonl"]
    assert (tmp_path / FOLDER / "escaped.jsonl").exists()
