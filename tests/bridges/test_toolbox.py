"""The tools of SDKs that bring none: asked about, done by the tool server, told either way."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pancode.bridges.toolbox import Toolbox, offered
from pancode.bridges.wire import Job, Wire
from tests.bridges.hooked import hook_port, yes_or_no

Play = Callable[[Toolbox], Awaitable[Any]]


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    monkeypatch.chdir(tmp_path)
    return lambda: [json.loads(line) for line in (tmp_path / "records").read_text().splitlines()]


def play(job: Job, act: Play) -> Any:
    async def all_of_it(wire: Wire) -> Any:
        async with Toolbox(wire, hidden=["SECRET"]) as toolbox:
            return await act(toolbox)

    with open("records", "wb") as out:
        return asyncio.run(all_of_it(Wire(job, out.fileno())))


def writer(port: int, **more: Any) -> Job:
    return Job("do it", level="auto-edit", read_only=False, port=port, ask_s=20, **more)


@pytest.mark.parametrize(
    ("job", "names"),
    [
        (Job("x", level="auto-edit", read_only=False, port=1), "read grep find ls write edit bash"),
        (Job("x", level="suggest", read_only=False, port=1), "read grep find ls bash"),
        (Job("x", level="full-auto", read_only=True), "read grep find ls"),
        (Job("x", level="full-auto", read_only=False, tools=("bash", "web", "read")), "read bash"),
    ],
)
def test_the_grant_and_the_agent_say_what_is_offered(job: Job, names: str) -> None:
    assert " ".join(tool.name for tool in offered(job)) == names


def test_a_call_is_asked_about_done_and_told(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hush")
    with hook_port(lambda _: yes_or_no(True)) as (port, asked):
        args = {"command": "echo made > a.txt; echo [$SECRET]"}
        text = play(writer(port), lambda toolbox: toolbox.call("bash", args, "c1"))
    assert "[]" in text
    assert Path("a.txt").read_text() == "made\n"
    assert asked == [{"tool": "shell", "cwd": os.getcwd(), "command": args["command"]}]
    started, finished = record()
    assert (started["kind"], started["id"], started["name"]) == ("tool_started", "c1", "shell")
    assert (finished["kind"], finished["ok"]) == ("tool_finished", True)


def test_a_refused_call_is_not_done_and_the_model_reads_why(record: Any) -> None:
    with hook_port(lambda _: yes_or_no(False, "not in this house")) as (port, _):
        args = {"path": "a.txt", "content": "x"}
        text = play(writer(port), lambda toolbox: toolbox.call("write", args, "c1"))
    assert text == "refused: not in this house"
    assert not Path("a.txt").exists()
    assert [one["kind"] for one in record()] == ["tool_started", "refused", "tool_finished"]


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("launch_missiles", {}, 'there is no tool "launch_missiles"'),
        ("bash", {"command": "ls"}, 'there is no tool "bash"'),
        ("read", "{broken", "the arguments must be an object"),
        ("read", {"paht": "a"}, 'read has no argument "paht"'),
    ],
)
def test_what_can_not_be_done_is_an_answer_and_nobody_is_asked(
    record: Any, name: str, args: object, says: str
) -> None:
    with hook_port(lambda _: yes_or_no(True)) as (port, asked):
        text = play(writer(port, tools=("read",)), lambda toolbox: toolbox.call(name, args))
    assert says in text
    assert asked == []
    assert record()[-1]["ok"] is False


def test_calls_run_beside_each_other_and_each_gets_its_own_answer(record: Any) -> None:
    async def both(toolbox: Toolbox) -> list[str]:
        # Each waits for what the other one makes.
        until = "until [ -e {} ]; do sleep 0.05; done; echo {}"
        words = (f"{until.format('b', 'first')} | tee a", f"echo x > b; {until.format('a', 'second')}")
        return await asyncio.gather(*(toolbox.call("bash", {"command": each}) for each in words))

    with hook_port(lambda _: yes_or_no(True)) as (port, _):
        first, second = play(writer(port), both)
    assert "first" in first
    assert "second" in second
    assert len({one["id"] for one in record()}) == 2
