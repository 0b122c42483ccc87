"""A sandboxed worker on the board: by the command in its prompt, under its own name, within bounds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pancode.core.errors import PanError
from pancode.core.events import WorkerSaid
from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Run, Working, World
from pancode.domains.board.board import OPERATOR, Board
from pancode.domains.board.journal import Journal
from pancode.domains.board.workers import LONGEST_ANSWER, MOST_CHANGED, MOST_CREATED, Workers
from tests.session.conftest import Session, a_session

ADAPTER = '''
"""An agent that reads the board's command from its prompt, and runs it with the words of its task."""

ID, NAME, BINARY, INSTALL = "boarder", "Boarder", "sh", "nothing to install"
VERSIONS, VERSION_ARGS, SECRETS, PASS_ENV, READS = ("1",), ("-c", "echo 1"), (), (), ()
CAN = frozenset({"system_prompt"})
PROGRAM = """
import json, re, shlex, subprocess, sys
command = re.search("`([^`]*/pan.py [0-9]+) task`", sys.argv[2])[1]
for words in sys.argv[1].split(";"):
    done = subprocess.run(shlex.split(command) + shlex.split(words), text=True, capture_output=True)
    print(json.dumps({"text": str(done.returncode) + " " + done.stdout + done.stderr}), flush=True)
"""


def launch(request):
    argv = [PYTHON, "-I", "-S", "-c", PROGRAM, request["task"], request["system_prompt"]]
    return {"argv": argv, "env": {}, "secret_env": {}, "files": {}}


def hook_asks(payload):
    return {"tool": payload["tool"]}


def hook_says(allow, why):
    return {"out": "", "err": why, "exit": 0 if allow else 2}


class Session:
    def __init__(self, previous=None):
        self.said = []

    def feed(self, record):
        self.said.append(record["text"].strip())
        yield {"kind": "text", "text": self.said[-1]}
        yield {"kind": "finished", "ok": True, "result": "\\n".join(self.said)}

    def noise(self, line):
        return []

    def end(self, files):
        return []
'''


@pytest.fixture
def session() -> Iterator[Session]:
    with a_session() as made:
        home = Path(made.places.home)
        (home / "adapters").mkdir(parents=True, exist_ok=True)
        (home / "adapters" / "boarder.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
        (home / "panagents.yaml").write_text("agents:\n  boarder: {description: Works, runtime: boarder}\n")
        made.pancode("up", "--detach")
        yield made


@pytest.mark.tmux
@pytest.mark.skipif(not os.path.exists("/usr/bin/bwrap"), reason="needs bwrap")
def test_a_worker_works_on_the_board_under_its_own_name(session: Session) -> None:
    made = session.json("task", "create", "fix the login")
    words = (
        f"task list; task create found a fault -d 'in a.py'; task update {made['id']} --status doing;"
        " task check t-nothing"
    )
    result = session.json("run", "--agent", "boarder", words)
    said = result["result"].splitlines()
    assert '"title": "fix the login"' in said[0]
    assert "there is no task" in said[-2] + said[-1]
    tasks = {task["title"]: task for task in session.json("task", "list")["tasks"]}
    assert tasks["found a fault"]["author"] == result["run_id"]
    assert tasks["found a fault"]["runs"][0]["run_id"] == result["run_id"]
    assert tasks["fix the login"]["status"] == "doing"
    assert tasks["fix the login"]["history"][-1]["by"] == result["run_id"]
    kinds = [record["kind"] for record in session.journal(result["run_id"])]
    assert kinds.count("board_asked") == kinds.count("board_answered") == 4


def a_run(level: Level = Level.AUTO_EDIT) -> Run:
    return Run(
        id="k3f", agent="dev", runtime="codex", task="t", model=None, queued=0.0,
        grant=Grant(Mode.BUILD, level), state=Working(0.0, 5),
    )  # fmt: skip


def said(verb: str, args: object = None, run: str = "k3f") -> WorkerSaid:
    record = {"kind": "board_asked", "id": "b1", "verb": verb, "args": args or {}}
    return WorkerSaid(run=run, at=1.0, seq=1, record=record)


def test_what_a_worker_may_ask_is_bounded(tmp_path: Path) -> None:
    board = Board(Journal(str(tmp_path)), lambda: {"k3f"}, lambda _: None)
    orders: list[dict[str, Any]] = []
    workers = Workers(board, lambda: World(runs={"k3f": a_run()}), lambda _, order: orders.append(order))
    for _ in range(MOST_CREATED + 1):
        workers.hear(said("create", {"title": "x"}))
    assert [order["ok"] for order in orders] == [True] * MOST_CREATED + [False]
    for word in ("drop", "update"):
        workers.hear(said(word, {"id": "t-1", "author": "operator"}))
        assert orders[-1]["ok"] is False
    strict = Workers(
        board, lambda: World(runs={"k3f": a_run(Level.SUGGEST)}), lambda _, order: orders.append(order)
    )
    for word, ok in (("list", True), ("check", False)):
        strict.hear(said(word))
        assert orders[-1]["ok"] is ok
    lowered = World(runs={"k3f": a_run()}, session=replace(World().session, level=Level.SUGGEST))
    Workers(board, lambda: lowered, lambda _, order: orders.append(order)).hear(said("check"))
    assert "at the level suggest" in orders[-1]["text"]
    one = next(iter(board._journal.tasks))
    for number in range(MOST_CHANGED - MOST_CREATED):
        workers.hear(said("update", {"id": one, "title": f"x {number}"}))
    assert orders[-1]["ok"] is True
    workers.hear(said("check", {"id": one}))
    assert (orders[-1]["ok"], board._journal.tasks[one].status) == (False, "todo")
    before = len(orders)
    workers.hear(said("list", run="m5e"))
    workers.hear(WorkerSaid(run="k3f", at=1.0, seq=2, record={"kind": "text"}))
    assert len(orders) == before


def test_a_run_is_taken_off_a_task_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    board = Board(Journal(str(tmp_path)), lambda: {"k3f", "m5e"}, lambda _: None)
    made = board.answer("create", {"title": "x", "runs": ["k3f"]}, OPERATOR)
    with pytest.raises(PanError, match="m5e"):
        board.answer("update", {"id": made["id"], "unlink": ["m5e"]}, OPERATOR)
    assert board.answer("update", {"id": made["id"], "unlink": ["k3"]}, OPERATOR)["runs"] == []


def test_answers_fit_a_line_of_the_shims(tmp_path: Path) -> None:
    board = Board(Journal(str(tmp_path)), set, lambda _: None)
    first = board.answer("create", {"title": "é" * 200, "description": "é" * 4000}, OPERATOR)
    task = board._journal.tasks[first["id"]]
    board._journal.tasks.update({f"t-{number:06x}": task for number in range(1900)})
    orders: list[dict[str, Any]] = []
    workers = Workers(board, lambda: World(runs={"k3f": a_run()}), lambda _, order: orders.append(order))
    workers.hear(said("list"))
    assert '"cut": true' in orders[0]["text"]
    assert len(orders[0]["text"].encode()) <= LONGEST_ANSWER
