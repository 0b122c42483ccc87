"""What is said to the conversation, where no session is needed: who may, and what a refusal leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Queued, Run, World
from pancode.domains.panos.session import Around
from pancode.domains.panos.talk import Talk

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
        agents = SimpleNamespace(get=lambda _: SimpleNamespace(runtime="other"))
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


def a_full_conversation(base: Path) -> None:
    one = {"id": "r0", "title": "x", "run": "r0", "turns": 1, "at": 1.0, "window": 100}
    (base / "conversations.json").write_text(json.dumps({"v": 1, "current": "r0", "conversations": [one]}))
    (base / "runs" / "r0").mkdir(parents=True)
    answer = {"kind": "response", "parts": [], "usage": {"input_tokens": 99, "output_tokens": 1}}
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


def test_where_the_summary_is_refused_that_is_the_answer(tmp_path: Path) -> None:
    a_full_conversation(tmp_path)
    desk = Desk(tmp_path)
    told = asyncio.run(desk.talk.ask({"text": "and now?"}, CALLER))
    assert told["result"] == REFUSED
    assert len(desk.asked) == 1
