"""The way out of a sandbox to the session's task board: passed on, bounded, answered by the controller."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pancode.worker.board import ANSWER_S, LONGEST, MOST_OPEN, Board
from pancode.worker.pan import request
from pancode.worker.question import Question
from tests.worker.conftest import until
from tests.worker.test_hooks import FINISHED, LIST, MakeAsker, ask

__all__ = ["ask"]
CLIENT = Path(__file__).parents[2] / "pancode" / "worker" / "pan.py"
ASKED = {"pancode_board": {"verb": "list", "args": {}}}


def by_client(words: str) -> str:
    """Give shell code in which the agent asks the board by its own command."""
    run = f"{sys.executable} -I -S {CLIENT} PORT {words} >out0 2>err0"
    return f"({run}; echo $? >exit0) & wait; echo '{json.dumps(FINISHED)}'"


def test_a_request_is_written_down_passed_on_and_answered(ask: MakeAsker) -> None:
    asker = ask(then=by_client("task create fix it -d 'all of it'"))
    asked = asker.hear("board_asked")
    assert (asked["id"], asked["verb"]) == ("b1", "create")
    assert asked["args"] == {"title": "fix it", "description": "all of it"}
    assert asker.controller is not None
    asker.controller.say(do="board", id="b1", ok=True, text='{"id": "t-1"}')
    assert asker.outcome() == ('{"id": "t-1"}\n', "", 0)
    assert asker.hear("board_answered")["ok"] is True
    assert asker.shim.end() == 0
    assert not asker.shim.events("asked")


def test_a_no_is_told(ask: MakeAsker) -> None:
    asker = ask(then=by_client("task check t-1"))
    asker.hear("board_asked")
    assert asker.controller is not None
    asker.controller.say(do="board", id="b7", ok=True, text="to nobody")
    asker.controller.say(do="board", id="b1", ok=False, text="there is no task")
    assert asker.outcome() == ("", "pancode: there is no task\n", 1)


def test_an_action_is_asked_beside_it(ask: MakeAsker) -> None:
    asker = ask(LIST, json.dumps(ASKED, separators=(",", ":")).encode())
    kinds = {asker.hear("asked")["kind"], "board_asked"}
    assert len(kinds) == 2
    asker.answer("a1", allow=True, why="")
    until(lambda: asker.shim.events("board_asked"), "the other one")
    assert asker.controller is not None
    asker.controller.say(do="board", id="b1", ok=True, text="[]")
    assert asker.outcome(0)[2] == 0
    assert asker.shim.end() == 0


@pytest.mark.parametrize(
    "data", [b'{"pancode_board":3}', b'{"pancode_board":{"verb":1,"args":{}}}', b'{"pancode_board":{' * 9]
)
def test_nonsense_is_told_and_not_passed_on(ask: MakeAsker, data: bytes) -> None:
    asker = ask(data, controlled=False)
    out, err, code = asker.outcome()
    assert (out, code) == ("", 1)
    assert "can't be asked" in err
    assert asker.shim.end() == 0
    assert not asker.shim.events("board_asked")


def a_question(asked: Any) -> tuple[Question, socket.socket]:
    ours, theirs = socket.socketpair()
    question = Question.__new__(Question)
    question.data = bytearray(json.dumps(asked).encode())
    question.id, question.action, question.until = "", None, 0.0
    question._line = ours
    question._read = question._gone = lambda _: None
    return question, theirs


def test_what_nobody_answers_is_given_up_and_what_is_too_much_is_refused() -> None:
    records: list[dict[str, Any]] = []

    def note(record: dict[str, Any], _: object) -> bool:
        records.append(record)
        return True

    board = Board(note)
    ends = []
    for _ in range(MOST_OPEN + 1):
        question, end = a_question(ASKED)
        board.ask(question)
        ends.append(end)
    assert b"can't be asked" in ends[-1].recv(4096)
    assert len(records) == MOST_OPEN
    due = board.next_at()
    assert due is not None
    assert 0 < due - time.monotonic() <= ANSWER_S
    board.tick(due + 1)
    assert b"doesn't answer" in ends[0].recv(4096)
    assert board.next_at() is None
    big, last = a_question({"pancode_board": {"verb": "create", "args": {"title": "x" * LONGEST}}})
    board.ask(big)
    assert b"can't be asked" in last.recv(4096)
    for each in (*ends, last):
        each.close()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("task list", ("list", {})),
        ("task list done", ("list", {"status": "done"})),
        ("task show t-1", ("show", {"id": "t-1"})),
        ("task create a b -d c", ("create", {"title": "a b", "description": "c"})),
        ("task update t-1 --run k3f", ("update", {"id": "t-1", "link": ["k3f"]})),
        ("task check t-1 t-2", None),
        ("task create", None),
        ("task update t-1 --status", None),
        ("task show t-1 --status done", None),
        ("task remove t-1", None),
        ("share list", ("share_list", {})),
        ("share list build", ("share_list", {"namespace": "build"})),
        ("share get port -n build", ("share_get", {"key": "port", "namespace": "build"})),
        ("share set port 80 81", ("share_set", {"key": "port", "value": "80 81"})),
        ("share set port - --ttl 9", ("share_set", {"key": "port", "value": "all of it", "ttl": 9.0})),
        ("share append port 80 -n b", ("share_append", {"key": "port", "value": "80", "namespace": "b"})),
        ("share set port", None),
        ("share set port 80 --ttl soon", None),
        ("share get port --ttl 3", None),
        ("share restore x", None),
        ("list", None),
        ("", None),
    ],
)
def test_words_stand_for_a_request(words: str, expected: object) -> None:
    assert request(words.split(), lambda: "all of it") == expected


def test_words_without_sense_are_explained(tmp_path: Path) -> None:
    command = f"{sys.executable} -I -S {CLIENT} 1 remove x 2>{tmp_path}/err"
    assert os.waitstatus_to_exitcode(os.system(command)) == 2  # noqa: S605 -- our own words
    assert "task create TITLE" in (tmp_path / "err").read_text()
