"""What is said to the conversation, where no session is needed: who may, and what a refusal leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Queued, Run, World
from pancode.domains.panos.api import SUMMARY_ASKED
from pancode.domains.panos.book import Book
from pancode.domains.panos.gatehouse import Gatehouse
from pancode.domains.panos.session import Around
from pancode.domains.panos.talk import Talk
from pancode.domains.panos.thread import thread
from pancode.domains.safety.api import Word

REFUSED = {"status": "failed", "reason": "budget"}
CALLER = cast(Any, SimpleNamespace(pid=1, gone=False))
LIVE = Run(
    id="t1",
    agent="panos",
    runtime="native",
    task="x",
    model=None,
    queued=0.0,
    state=Queued(0.0),
    grant=Grant(Mode.BUILD, Level.AUTO_EDIT),
)


class Desk:
    """A conversation, and what it asks of the controller; every new turn is refused."""

    def __init__(self, base: Path, *, is_worker: bool = False, live: bool = False) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        places = SimpleNamespace(state=str(base), runs=str(base / "runs"), project=str(base))
        agents = SimpleNamespace(
            get=lambda _: SimpleNamespace(runtime="other"), forks=lambda runtime: runtime == "forker"
        )
        world = World(runs={"t1": LIVE} if live else {})
        self.talk = Talk(
            Around(lambda: world, self._ask),
            cast(Any, places),
            cast(Any, agents),
            cast(Any, None),
            cast(Any, None),
            dict,
            lambda _: is_worker,
        )

    async def _ask(self, verb: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append((verb, args))
        return {"run_id": f"r{len(self.asked)}", "result": REFUSED}


def a_full_conversation(base: Path, window: int = 100_000) -> None:
    one = {"id": "r0", "title": "x", "run": "r0", "turns": 1, "at": 1.0, "window": window}
    (base / "conversations.json").write_text(json.dumps({"v": 1, "current": "r0", "conversations": [one]}))
    (base / "runs" / "r0").mkdir(parents=True)
    answer = {"kind": "response", "parts": [], "usage": {"input_tokens": window, "output_tokens": 1}}
    (base / "runs" / "r0" / "history.json").write_text(json.dumps({"v": 1, "messages": [answer]}))


@pytest.mark.parametrize("do", [None, "new", "compact"])
def test_what_a_worker_says_of_its_variables_reaches_no_run(tmp_path: Path, do: str | None) -> None:
    desk = Desk(tmp_path, is_worker=True)
    asked = {"do": do, "env": {"PANCODE_ENDPOINT": "http://elsewhere"}}
    if do is None:
        asyncio.run(desk.talk.conversation(asked, CALLER))
    else:
        with pytest.raises(PanError, match="a worker can't"):
            asyncio.run(desk.talk.conversation(asked, CALLER))
    assert desk.talk.env_of("t1") == {}


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("ask", {"text": "x", "new": True}),
        ("conversation", {"do": "new"}),
        ("conversation", {"do": "resume", "conversation": "r0"}),
    ],
)
def test_another_conversation_waits_for_the_turn_under_way(
    tmp_path: Path, verb: str, args: dict[str, Any]
) -> None:
    a_full_conversation(tmp_path)
    desk = Desk(tmp_path, live=True)
    with pytest.raises(PanError, match="under way") as refused:
        asyncio.run(getattr(desk.talk, verb)(args, CALLER))
    assert (refused.value.code, desk.asked) == (ExitCode.CONFLICT, [])


def turns_of(base: Path, *runs: str, runtime: str = "native") -> None:
    """Make the folders of turns that go on one from the other, the last one under way."""
    for run, before in zip(runs, (None, *runs), strict=False):
        folder = base / "runs" / run
        folder.mkdir(parents=True, exist_ok=True)
        spec = {"run": run, "runtime": runtime, "task": f"say {run}", "continues": before, "created": 1.0}
        (folder / "spec.json").write_text(json.dumps(spec))
    for run in runs[:-1]:
        (base / "runs" / run / "result.json").write_text(
            json.dumps({"status": "done", "result": f"of {run}"})
        )


def told(desk: Desk, do: str, **args: str) -> dict[str, Any]:
    return dict(asyncio.run(desk.talk.conversation({"do": do, **args}, CALLER)))


def test_a_branch_begins_at_a_turn_and_leaves_the_other_as_it_was(tmp_path: Path) -> None:
    a_full_conversation(tmp_path)
    turns_of(tmp_path, "r0", "r1", "r2")
    book = Book(str(tmp_path))
    for run, before in (("r1", "r0"), ("r2", "r1")):
        book.turn(run, "x", 2.0, continues=before)
    desk = Desk(tmp_path)
    assert told(desk, "checkpoint", label=" here  now ")["checkpoints"][0]["label"] == "here now"
    assert told(desk, "restore", label="here now")["conversation"]["id"] == "r0"
    now = told(desk, "fork", run="r1")["conversation"]
    assert (now["id"], now["run"], now["turns"], now["forked"], now["base"]) == ("r0-2", "r1", 2, "r0", "r1")
    asyncio.run(desk.talk.ask({"text": "another way"}, CALLER))
    assert desk.asked[-1][1]["run"] == "r1"
    book = Book(str(tmp_path))
    book.turn("r3", "another way", 3.0, continues="r1")
    assert [(one.id, one.run, one.turns) for one in book.all] == [("r0-2", "r3", 3), ("r0", "r2", 3)]
    book.resume("r0")
    book.fork("r0", "r2", 3, 4.0)
    book.turn("r4", "in the branch", 5.0, continues="r2")
    assert [(one.id, one.run) for one in book.all] == [("r0-3", "r4"), ("r0-2", "r3"), ("r0", "r2")]
    desk = Desk(tmp_path)
    assert told(desk, "name", title="a\x1b b")["conversation"]["title"] == "a b"
    assert told(desk, "restore", label="here now")["conversation"]["id"] == "r0"
    said = [(one.run, one.said, one.answer) for one in thread(str(tmp_path / "runs"), "r2")]
    assert said == [("r0", "say r0", "of r0"), ("r1", "say r1", "of r1"), ("r2", "say r2", None)]


def test_what_has_no_branches_says_why(tmp_path: Path) -> None:
    with pytest.raises(PanError, match="no conversation"):
        told(Desk(tmp_path), "fork")
    a_full_conversation(tmp_path)
    turns_of(tmp_path, "r0", runtime="cli")
    desk = Desk(tmp_path)
    for args, words in (({"run": "zz"}, "no turn"), ({}, "one thread")):
        with pytest.raises(PanError, match=words):
            told(desk, "fork", **args)
    with pytest.raises(PanError, match="no checkpoint"):
        told(desk, "restore", label="x")
    with pytest.raises(PanError, match="under way"):
        told(Desk(tmp_path, live=True), "fork")


def test_a_program_that_keeps_the_conversation_branches_it_where_it_stands(tmp_path: Path) -> None:
    a_full_conversation(tmp_path)
    turns_of(tmp_path, "r0", "r1", runtime="forker")
    Book(str(tmp_path)).turn("r1", "x", 2.0, continues="r0")
    (tmp_path / "runs" / "r0" / "history.json").unlink()
    desk = Desk(tmp_path)
    with pytest.raises(PanError, match="only where it stands"):
        told(desk, "fork", run="r0")
    assert told(desk, "fork")["conversation"]["id"] == "r0-2"
    asyncio.run(desk.talk.ask({"text": "another way"}, CALLER))
    assert (desk.asked[-1][1]["run"], desk.asked[-1][1]["fork"]) == ("r1", True)
    book = Book(str(tmp_path))
    book.resume("r0")
    book.turn("r2", "x", 3.0, continues="r1")
    book.resume("r0-2")
    with pytest.raises(PanError, match="r0 has gone on since"):
        asyncio.run(Desk(tmp_path).talk.ask({"text": "too late"}, CALLER))
    turns_of(tmp_path, "r1", "r3", runtime="forker")
    book.turn("r3", "another way", 4.0, continues="r1")
    desk = Desk(tmp_path)
    asyncio.run(desk.talk.ask({"text": "and on"}, CALLER))
    assert (desk.asked[-1][1]["run"], "fork" in desk.asked[-1][1]) == ("r3", False)


def test_where_the_summary_is_refused_that_is_the_answer(tmp_path: Path) -> None:
    a_full_conversation(tmp_path)
    desk = Desk(tmp_path)
    told = asyncio.run(desk.talk.ask({"text": "and now?"}, CALLER))
    assert told["result"] == REFUSED
    assert [args["run"] for _, args in desk.asked] == ["r0"]
    assert SUMMARY_ASKED in desk.asked[0][1]["text"]


def test_a_summary_starts_nothing(tmp_path: Path) -> None:
    written: list[Any] = []
    summary = replace(LIVE, task=f"{SUMMARY_ASKED}: what I want")
    gatehouse = Gatehouse(lambda: World(runs={"t1": summary}), written.append, "main")
    assert gatehouse.visible(LIVE)
    assert gatehouse.visible(summary) == []
    assert not gatehouse.judge(summary, "dispatch_agent", {"task": "x"}).goes_on
    assert written[0].decision is Word.BLOCKED


def test_where_the_tools_alone_fill_the_window_nothing_is_compacted(tmp_path: Path) -> None:
    a_full_conversation(tmp_path, window=100)
    desk = Desk(tmp_path)
    asyncio.run(desk.talk.ask({"text": "and now?"}, CALLER))
    assert [args["text"] for _, args in desk.asked] == ["and now?"]
