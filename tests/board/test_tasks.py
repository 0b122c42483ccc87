"""The board's tasks from its journal: what counts, what is refused, what survives a torn line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pancode.core.errors import PanError
from pancode.domains.board.board import OPERATOR, Board
from pancode.domains.board.journal import Journal
from pancode.domains.board.tasks import MOST_TASKS, added_up, find


def a_board(path: Path) -> Board:
    ticks = iter(range(1, 10_000))
    return Board(Journal(str(path)), lambda: {"k3f", "m5e"}, {"k3f": "done"}.get, lambda: float(next(ticks)))


def test_a_task_is_created_changed_linked_and_checked(tmp_path: Path) -> None:
    board = a_board(tmp_path)
    made = board.answer("create", {"title": "  fix\nthe tests ", "description": "all\nof them"}, OPERATOR)
    assert (made["title"], made["description"], made["status"]) == ("fix the tests", "all\nof them", "todo")
    assert made["id"].startswith("t-")
    assert len(made["id"]) == 8
    changed = board.answer("update", {"id": made["id"][2:5], "status": "doing", "link": ["k"]}, OPERATOR)
    assert changed["runs"] == [{"run_id": "k3f", "state": "done"}]
    board.answer("update", {"id": made["id"], "title": "fix", "link": ["m5e"], "unlink": ["k3f"]}, "m5e")
    done = board.answer("check", {"id": made["id"]}, OPERATOR)
    assert (done["status"], done["title"], done["created"]) == ("done", "fix", 1.0)
    assert [(change["by"], change["what"]) for change in done["history"]] == [
        ("operator", "created"),
        ("operator", "status todo -> doing, linked k3f"),
        ("m5e", "new title, linked m5e, unlinked k3f"),
        ("operator", "status doing -> done"),
    ]
    again = board.answer("check", {"id": made["id"]}, OPERATOR)
    assert again["history"] == done["history"]
    assert a_board(tmp_path).answer("show", {"id": made["id"]}, OPERATOR) == done


def test_tasks_are_listed_by_how_far_they_are(tmp_path: Path) -> None:
    board = a_board(tmp_path)
    ids = {word: board.answer("create", {"title": word}, OPERATOR)["id"] for word in ("a", "b", "c", "d")}
    for word, status in (("a", "done"), ("c", "doing"), ("d", "blocked")):
        board.answer("update", {"id": ids[word], "status": status}, OPERATOR)
    assert [task["title"] for task in board.answer("list", {}, OPERATOR)["tasks"]] == ["c", "d", "b", "a"]
    done = board.answer("list", {"status": "done"}, OPERATOR)["tasks"]
    assert [task["title"] for task in done] == ["a"]


def test_a_runs_own_task_is_linked_to_it(tmp_path: Path) -> None:
    made = a_board(tmp_path).answer("create", {"title": "found a fault"}, "k3f")
    assert (made["author"], made["runs"]) == ("k3f", [{"run_id": "k3f", "state": "done"}])


@pytest.mark.parametrize(
    ("verb", "args", "words"),
    [
        ("create", {"title": " "}, "title"),
        ("create", {"title": "x" * 201}, "title"),
        ("create", {"title": "x", "description": "x" * 4001}, "description"),
        ("create", {"title": "x", "runs": ["nobody"]}, 'no run "nobody"'),
        ("create", {"title": "x", "status": "done"}, "status"),
        ("update", {"id": "t-000000", "status": "done"}, 'no task "t-000000"'),
        ("update", {"id": "t-000000", "status": "later"}, "status"),
        ("check", {}, "id"),
        ("drop", {}, 'knows no "drop"'),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, verb: str, args: dict[str, Any], words: str
) -> None:
    board = a_board(tmp_path)
    with pytest.raises(PanError, match=words):
        board.answer(verb, args, OPERATOR)
    assert not (tmp_path / "board.jsonl").exists()


def test_secrets_and_what_acts_on_a_terminal_stay_out(tmp_path: Path) -> None:
    board = a_board(tmp_path)
    title = "use \x1b]52;c;eA==\x07 and sk-ant-api03-" + "a" * 40
    made = board.answer("create", {"title": title, "description": "PASSWORD=hunter2hunter2"}, OPERATOR)
    text = (tmp_path / "board.jsonl").read_text()
    assert "\x1b" not in made["title"]
    assert "a" * 40 not in text
    assert "hunter2" not in text


def test_a_torn_line_costs_itself_only(tmp_path: Path) -> None:
    board = a_board(tmp_path)
    first = board.answer("create", {"title": "one"}, OPERATOR)["id"]
    path = tmp_path / "board.jsonl"
    with path.open("a") as file:
        file.write('{"v": 1, "seq": 2, "t": 3, "kind": "task_cre')
    board = a_board(tmp_path)
    second = board.answer("create", {"title": "two"}, OPERATOR)["id"]
    assert {task["id"] for task in a_board(tmp_path).answer("list", {}, OPERATOR)["tasks"]} == {first, second}
    assert path.stat().st_mode & 0o777 == 0o600


def test_records_without_sense_change_nothing() -> None:
    odd = [{"kind": "task_changed", "id": "t-1"}, {"kind": "other"}, {"kind": "task_created", "id": "t-2"}]
    assert list(added_up(odd)) == ["t-2"]
    assert added_up([*odd, *odd])["t-2"].history == added_up(odd)["t-2"].history


def test_the_board_is_bounded_and_a_short_id_must_be_clear(tmp_path: Path) -> None:
    board = a_board(tmp_path)
    tasks = board._journal.tasks
    made = board.answer("create", {"title": "one"}, OPERATOR)
    one = tasks[made["id"]]
    tasks.update({f"t-{number:06x}": one for number in range(MOST_TASKS)})
    with pytest.raises(PanError, match="full"):
        board.answer("create", {"title": "two"}, OPERATOR)
    with pytest.raises(PanError, match="could be"):
        find(tasks, "t-0")
