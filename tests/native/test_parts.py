"""What needs no session: the conversation on the disk, the bounds, what errors are taken for."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart

from pancode.core.grants import Grant, Level, Mode
from pancode.domains.dispatch.nativehost import NativeHost
from pancode.engine.places import Places
from pancode.native import child, compacting, live, loop
from pancode.native.acting import Acting
from pancode.native.asked import Announced, Asked, pass_on, receive
from pancode.native.control import Control, Verdict
from pancode.native.ending import END_AFTER, WARN_AFTER, End, Fullness, Repeats, Scouting
from pancode.native.job import Job
from pancode.native.journal import Done, Journal
from pancode.native.lines import LONGEST, Lines
from pancode.native.messages import LEFT_OPEN, Messages, arguments
from pancode.native.records import Records
from pancode.native.retries import TRIES, Trouble, read, wait_before
from pancode.native.spares import ANNOUNCED_S, Spare, Spares, pair
from pancode.native.toolbox import MOST_SAID, Toolbox
from pancode.native.visible import NOTHING, session_now, shown

BUILD = Grant(Mode.BUILD, Level.AUTO_EDIT)
READING = ["read", "grep", "find", "ls"]


def calling(*calls: ToolCallPart) -> ModelResponse:
    return ModelResponse(parts=list(calls))


def test_a_conversation_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "k3f"
    folder.mkdir()
    journal, messages = Journal(str(folder)), Messages()
    assert journal.load() is None
    messages.ask("do it")
    messages.answered(calling(ToolCallPart("ls", '{"path', "c1")))
    journal.save(messages)
    size = (folder / "history.jsonl").stat().st_size
    messages.results([(messages.open_calls[0], "a.py")], "a word")
    journal.save(messages)
    assert (folder / "history.jsonl").read_bytes()[size:].count(b"do it") == 0, "a step is appended"
    with (folder / "history.jsonl").open("a") as file:
        file.write('[{"kind": "resp')  # Of a loop that was killed.
    after = Journal(str(folder))
    found = after.load()
    assert found is not None
    assert (found.all, found.begun) == (messages.all, 0)
    found.answered(ModelResponse(parts=[TextPart("Done.")]))
    after.save(found)
    again = Journal(str(folder)).load()
    assert again is not None
    assert (again.all, len(again.answers)) == (found.all, 2)


def test_a_conversation_that_goes_on_names_what_was_said_before_and_forgets_it_for_a_summary(
    tmp_path: Path,
) -> None:
    def turn(run: str, earlier: str | None) -> tuple[Journal, Messages]:
        (tmp_path / run).mkdir(exist_ok=True)
        journal = Journal(str(tmp_path / run))
        messages = Messages() if earlier is None else journal.follow(str(tmp_path / earlier))
        messages.ask(f"do {run}")
        messages.answered(ModelResponse(parts=[TextPart(f"Done {run}.")]))
        journal.save(messages)
        return journal, messages

    first = Messages()
    first.ask("do the first thing")
    first.answered(ModelResponse(parts=[TextPart("x" * 5000)]))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "history.json").write_bytes(b'{"v":1,"begun":0,"messages":%b}' % first.dump())
    turn("b", "a/history.json")
    journal, messages = turn("c", "b/history.jsonl")
    assert (tmp_path / "c" / "history.jsonl").stat().st_size < 2000
    found = Journal(str(tmp_path / "c")).load()
    assert found is not None
    assert (found.all, found.begun, found.turns) == (messages.all, 4, 1)
    messages.begin_anew(compacting.summed_up("do c", "All went well."))
    journal.begin_anew(messages)
    messages.answered(ModelResponse(parts=[TextPart("Then.")]))
    journal.save(messages)
    found = Journal(str(tmp_path / "c")).load()
    assert found is not None
    assert (found.all, found.turns) == (messages.all, 2)
    assert len(found.all) == 2
    turn("e", "c/history.jsonl")
    after = Journal(str(tmp_path / "e")).load()
    assert after is not None
    assert (len(after.all), after.begun, after.turns) == (4, 2, 1)
    (tmp_path / "a" / "history.json").write_text("")
    with pytest.raises(ValueError, match=r"a/history\.json is not there any more"):
        Journal(str(tmp_path / "d")).follow(str(tmp_path / "b" / "history.jsonl"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("history.json", text) for text in ("", "{", "[]", '{"v": 99, "messages": []}', '{"v": 1}')),
        *(("history.jsonl", text) for text in ("{}\n", "[]\n", '{"v": 2}\nx\n', '{"v": 2}\n{}\n')),
    ],
)
def test_a_history_that_is_none_is_said_to_be_none(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 -- whoever reads it has its own words
        Journal(str(tmp_path)).load()


@pytest.mark.parametrize("summary", ["I have read a lot.", ""])
@pytest.mark.parametrize("window", [1000, None])
def test_a_window_that_fills_in_the_middle_of_a_turn_is_emptied_for_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, summary: str, window: int | None
) -> None:
    """Where the window is known that happens before it is full, else when the server says so."""
    (tmp_path / "now.json").write_text('{"mode": "build", "level": "auto-edit"}')
    native = {"now": str(tmp_path / "now.json"), "tools": ["read"], "role": "worker", "remote": False}
    native |= {"window": window, "model": "m", "system": "", "history": None}
    asked: list[list[Any]] = []

    async def answer(_made: object, messages: list[Any], *_: object) -> AsyncIterator[Any]:
        if compacting.tokens(messages) > 1000:
            raise ModelHTTPError(400, "m", {"error": {"message": "maximum context length is 1000 tokens"}})
        if messages[-1] is compacting.ASKING:
            yield ModelResponse(parts=[TextPart(summary)])
            return
        asked.append(messages)
        if len(asked) < 4:
            yield calling(ToolCallPart("read", {"path": "a"}, f"c{len(asked)}"))
        else:
            yield ModelResponse(parts=[TextPart("Done.")])

    class Reads:
        remote = None

        async def perform(self, messages: Messages) -> None:
            messages.results([(each, "y" * 1900) for each in messages.open_calls])

    async def worked() -> None:
        job = Job(
            run="k3f", folder=str(tmp_path), task="read it all", cwd=str(tmp_path), given=BUILD, socket="",
            native=cast(Any, native), max_turns=None, report_after=None,
        )  # fmt: skip
        journal, acting = Journal(str(tmp_path)), cast(Acting, Reads())
        control = Control()
        working = loop.Loop(job, cast(Any, None), journal, cast(Any, records), control, acting)
        await working.work(loop.opened(job, journal))

    said: list[dict[str, Any]] = []
    records = SimpleNamespace(say=said.append)
    monkeypatch.setattr(loop, "steps", answer)
    asyncio.run(worked())
    assert (said[-1]["kind"], said[-1]["ok"], said[-1]["turns"]) == ("finished", True, 4)
    assert "fills the model's window" in next(each for each in said if each["kind"] == "notice")["text"]
    left = json.dumps([str(each) for each in asked[-1]])
    assert "read it all" in left
    assert ("I have read a lot" in left) == bool(summary)
    assert ("has left out the rest" in left) != bool(summary)
    found = Journal(str(tmp_path)).load()
    assert found is not None
    assert found.turns == 4


def test_a_turn_that_was_cut_off_is_answered_before_the_next_one_begins() -> None:
    messages = Messages()
    messages.ask("do it")
    messages.answered(calling(ToolCallPart("bash", {"command": "make"}, "c1")))
    messages.ask("and now?")
    assert [part.content for part in messages.all[-1].parts if hasattr(part, "content")] == [
        LEFT_OPEN,
        "and now?",
    ]
    assert messages.open_calls == []


def test_what_the_tools_end_says_is_bounded() -> None:
    async def called() -> Done:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(json.dumps({"id": 1, "ok": True, "text": "x" * (MOST_SAID + 9)}).encode() + b"\n")
            ours.setblocking(False)
            lines = Lines(*await asyncio.open_unix_connection(sock=ours, limit=LONGEST))
            toolbox = Toolbox()
            toolbox.attach(lines, 0)
            done, _ = await toolbox.call(toolbox.number(), "ls", {}, lambda _: None)
            lines.close()
        return done

    assert len(asyncio.run(called()).text) < MOST_SAID + 100


def test_calls_that_only_read_are_made_together_and_answered_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tools' end answers the first two in the other order, once it has both; the third comes alone."""
    (tmp_path / "now.json").write_text('{"mode": "build", "level": "auto-edit"}')
    native = {"now": str(tmp_path / "now.json"), "tools": None, "role": "worker", "remote": False}
    asked: list[str] = []

    async def yes(_control: Control, action: Any) -> Verdict:
        asked.append(action["tool"])
        return Verdict(allow=True, why="")

    async def answered(theirs: Lines) -> None:
        first, second = [await theirs.hear() for _ in range(2)]
        for call in (second, first):
            await theirs.say({"id": call["id"], "ok": True, "text": call["tool"]})
        third = await theirs.hear()
        await theirs.say({"id": third["id"], "ok": True, "text": third["tool"]})

    async def performed(records: int) -> Messages:
        lines = []
        for end in socket.socketpair():
            end.setblocking(False)
            lines.append(Lines(*await asyncio.open_unix_connection(sock=end, limit=LONGEST)))
        job = Job(
            run="k3f", folder=str(tmp_path), task="", cwd=str(tmp_path), given=BUILD, socket="",
            native=cast(Any, native), max_turns=None, report_after=None,
        )  # fmt: skip
        control = Control()
        toolbox = Toolbox()
        toolbox.attach(lines[0], 0)
        acting = Acting(job, Journal(str(tmp_path)), Records(records), control, toolbox)
        messages = Messages()
        messages.ask("do it")
        calls: tuple[tuple[str, dict[str, str]], ...] = (
            ("read", {"path": "a"}),
            ("ls", {}),
            ("write", {"path": "a", "content": ""}),
        )
        messages.answered(calling(*(ToolCallPart(name, args, name) for name, args in calls)))
        await asyncio.gather(acting.perform(messages), answered(lines[1]))
        for each in lines:
            each.close()
        return messages

    monkeypatch.setattr(Control, "ask", yes)
    with open(os.devnull, "wb") as records:
        messages = asyncio.run(performed(records.fileno()))
    results = [part.content for part in messages.all[-1].parts if isinstance(part, ToolReturnPart)]
    assert results == ["read", "ls", "write"]
    assert sorted(asked) == ["ls", "read", "write"]


def test_questions_that_are_open_together_each_get_their_answer() -> None:
    class Wire:
        """A line to a shim that answers one after the other, when it has all of them."""

        def __init__(self) -> None:
            self.asked: list[dict[str, Any]] = []
            self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def say(self, message: dict[str, Any]) -> None:
            self.asked.append(message)
            if len(self.asked) == 3:
                for each in self.asked:
                    self.heard.put_nowait({"id": each["id"], "allow": each["ask"] != "b", "why": each["ask"]})

        async def hear(self) -> dict[str, Any]:
            for _ in range(9):  # Whoever had the answer before goes on first.
                await asyncio.sleep(0)
            return await self.heard.get()

    async def asked() -> list[Verdict]:
        control = Control()
        hearing = asyncio.create_task(control.live(cast(Any, Wire())))
        verdicts = await asyncio.gather(*(control.ask(cast(Any, name)) for name in "abc"))
        hearing.cancel()
        return verdicts

    verdicts = asyncio.run(asyncio.wait_for(asked(), 20))
    assert verdicts == [Verdict(True, "a"), Verdict(False, "b"), Verdict(True, "c")]


def test_what_a_command_prints_is_told_in_lines_and_never_in_floods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_S", 0.0)
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    told, records = [], SimpleNamespace(say=lambda event: told.append(event["text"]))

    async def printed() -> None:
        quick, long = (live.Live(cast("Records", records), name) for name in ("quick", "long"))
        quick.feed("no line yet")
        quick.end()
        for text in ("one", " line\n10%\r", "100%\r\n", "".join(f"{n}\n" for n in range(20)), "z" * 9999):
            long.feed(text)
            await asyncio.sleep(0.01)
        long.end()

    asyncio.run(printed())
    assert told[:2] == ["one line\n", "100%\n"]
    assert told[2].splitlines() == ["… 10 lines", *map(str, range(10, 20))]
    assert told[3] == "z" * live.LONGEST_LINE + "\n"


def test_a_paused_run_calls_no_tool_of_the_controllers_either(tmp_path: Path) -> None:
    called: list[str] = []

    async def far(_call: str, name: str, _args: object) -> Done:
        called.append(name)
        return Done(ok=True, text="x")

    async def nothing(_numbers: object) -> None:
        return

    async def performed(records: int) -> list[str]:
        control = Control()
        control.going.clear()
        job, toolbox = SimpleNamespace(report_after=None), SimpleNamespace(cancel=nothing)
        acting = Acting(cast(Any, job), Journal(str(tmp_path)), Records(records), control, cast(Any, toolbox))
        acting.remote = cast(Any, SimpleNamespace(call=far))
        messages = Messages()
        messages.ask("do it")
        messages.answered(calling(ToolCallPart("dispatch_agent", {"task": "x"}, "c1")))
        performing = asyncio.create_task(acting.perform(messages))
        for _ in range(5):
            await asyncio.sleep(0)
        meanwhile = list(called)
        control.going.set()
        await performing
        return meanwhile

    with open(os.devnull, "wb") as records:
        assert asyncio.run(performed(records.fileno())) == []
    assert called == ["dispatch_agent"]


def test_a_torn_line_of_a_killed_loop_costs_nothing_else(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.begin(2, 0, 7)
    journal.end(2, 0, Done(ok=True, text="one"))
    journal.begin(2, 1, 8)
    with (tmp_path / "tool_calls.jsonl").open("a") as file:
        file.write('{"step": 2, "place": 1, "ok": tr')
    after = Journal(str(tmp_path))
    after.begin(2, 2, 9)
    assert after.calls(2) == ({0: Done(ok=True, text="one")}, {1: 8, 2: 9})
    assert after.calls(4) == ({}, {})
    after.clear()
    assert after.calls(2) == ({}, {})


@pytest.mark.parametrize("raw", ['{"a"', "[]", "3", '"x"'])
def test_arguments_that_are_none_are_a_sentence_and_leave_the_history_readable(raw: str) -> None:
    call = ToolCallPart("ls", raw, "c1")
    with pytest.raises(ValueError, match="make the call again"):
        arguments(call)
    messages = Messages()
    messages.ask("x")
    messages.answered(calling(call))
    messages.results([(call, "no")])
    assert arguments(call) == {"unreadable": raw}


def test_the_same_call_again_and_again_is_told_and_then_ended() -> None:
    seen = Repeats()
    words = [seen.note("ls", "{}", "x") for _ in range(END_AFTER - 1)]
    assert [word is None for word in words] == [True] * (WARN_AFTER - 1) + [False] * (END_AFTER - WARN_AFTER)
    with pytest.raises(End):
        seen.note("ls", "{}", "x")
    assert seen.note("ls", "{}", "another result") is None


def test_a_conversation_that_is_full_again_after_each_summary_is_ended() -> None:
    full = Fullness()
    for turns in (9, 10, 30, 31, 32):
        full.note(turns)
    with pytest.raises(End, match="after each summary"):
        full.note(33)


def test_a_scout_is_told_to_report_and_ended_if_it_does_not() -> None:
    scout = Scouting(2)
    assert [scout.note() is None for _ in range(3)] == [True, False, True]
    with pytest.raises(End):
        scout.note()


@pytest.mark.parametrize(
    ("status", "reason", "again"),
    [
        (401, "auth", False),
        (404, "model-unknown", False),
        (400, "agent-error", False),
        (429, "rate-limit", True),
        (500, "overload", True),
        (502, "network", True),
        (529, "overload", True),
    ],
)
def test_an_http_error_is_taken_for_what_it_is(status: int, reason: str, again: bool) -> None:
    trouble = read(ModelHTTPError(status, "m", {"message": "no"}))
    assert (trouble.reason, trouble.again, trouble.why, trouble.http) == (reason, again, "no", status)


def test_a_limit_of_the_budget_is_never_tried_again() -> None:
    body = {"error": {"message": "stopped by PanCode's budget: 1 USD are spent"}}
    trouble = read(ModelHTTPError(400, "m", body))
    assert (trouble.reason, trouble.again) == ("budget", False)


def test_tries_are_bounded_and_so_is_what_is_waited_for() -> None:
    busy = Trouble("busy", "rate-limit", 429, again=True)
    assert wait_before(TRIES, busy) is not None
    assert wait_before(TRIES + 1, busy) is None
    assert wait_before(2, Trouble("busy", "rate-limit", 429, again=True, wait_s=3600.0)) is None


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        ("Mon, 02 Nov 2020 01:00:00 GMT", 0, 0),
        ("Wed, 02 Nov 2095 01:00:00 GMT", 10**9, 10**10),
        ("x", 0, 0),
    ],
)
def test_retry_after_is_read_in_both_forms(said: str, least: float, most: float) -> None:
    class Response:
        headers = {"retry-after": said}  # noqa: RUF012 -- as httpx has it

    class CauseError(Exception):
        response = Response()

    error = ModelHTTPError(429, "m", None)
    error.__cause__ = CauseError()
    assert least <= (read(error).wait_s or 0.0) <= most


def test_a_stream_without_its_end_was_cut() -> None:
    error = ModelAPIError("m", "Streamed response ended without a `finish_reason`")
    assert read(error).reason == "stream-cut"


def test_a_loop_that_stands_by_gets_the_request_and_one_that_has_ended_gets_none() -> None:
    asked, spares = Asked("/runs/k3f", 0, "a key"), Spares(lambda: None)
    assert spares.hand(asked, (0,)) is None
    (gone, ours), (theirs, other) = pair(), pair()
    gone.close()
    spares.add(Spare(7, ours))
    spares.add(Spare(8, other))
    assert spares.next_at() is None
    spares.announce("/runs/k3f")
    assert receive(theirs, 2) == (Announced(("/runs/k3f",)), [])
    pipe = os.pipe()
    assert spares.hand(asked, pipe) == 8
    found, fds = receive(theirs, 2)
    os.write(fds[1], b"x")
    assert (found, os.read(pipe[0], 1), "a key" in repr(found)) == (asked, b"x", False)
    assert spares.hand(asked, pipe) is None
    for fd in (*pipe, *fds):
        os.close(fd)
    theirs.close()


def test_a_request_that_was_made_early_is_made_anew_if_the_mode_has_changed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = tmp_path / "now.json"
    now.write_text('{"mode": "plan", "level": "auto-edit"}')
    native = {"now": str(now), "tools": None, "role": "worker", "remote": False}
    native |= {"model": "m", "system": "", "history": None}
    offers: list[bool] = []

    async def stood() -> None:
        key, made = asyncio.Event(), asyncio.Event()

        async def answer(*asked: Any) -> AsyncIterator[Any]:
            offers.append("write" in [tool.name for tool in asked[3].function_tools])
            made.set()
            await key.wait()
            yield ModelResponse(parts=[TextPart("Done.")])

        async def nothing() -> None: ...

        monkeypatch.setattr(loop, "steps", answer)
        gate, client = SimpleNamespace(open=lambda _: key.set()), SimpleNamespace(aclose=nothing)
        job = Job(
            run="k3f", folder=str(tmp_path), task="do it", cwd=str(tmp_path), given=BUILD, socket="",
            native=cast(Any, native), max_turns=None, report_after=None,
        )  # fmt: skip
        journal = Journal(str(tmp_path))
        prepared = child.Prepared(
            job, journal, cast(Any, SimpleNamespace(gate=gate, client=client)), loop.opened(job, journal)
        )
        (theirs, ours), lines, pipe = pair(), socket.socketpair() + socket.socketpair(), os.pipe()
        standing = asyncio.create_task(child.stand(theirs, prepared))
        await made.wait()
        now.write_text('{"mode": "build", "level": "auto-edit"}')
        given = [os.dup(lines[0].fileno()), os.dup(lines[2].fileno()), pipe[1]]
        pass_on(ours, Asked(str(tmp_path), 0, "key"), given)
        await standing
        told = os.read(pipe[0], 1 << 16)
        assert [json.loads(each)["kind"] for each in told.splitlines()] == [
            "session",
            "turn",
            "usage",
            "finished",
        ]
        for line in (ours, *lines):
            line.close()
        for fd in (*given, pipe[0]):
            os.close(fd)

    monkeypatch.setattr(child, "_call_oneself", lambda _: None)
    asyncio.run(stood())
    assert offers == [False, True]


def test_the_controller_announces_runs_on_one_connection_for_as_long_as_the_host_lives(
    tmp_path: Path,
) -> None:
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    os.makedirs(places.runtime)
    native = NativeHost(places, cast(Any, None))
    native.announce("/runs/k3f")  # Nobody is there to hear it.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(places.native_socket)
        listener.listen()
        for run in ("m5a", "p2c"):
            asyncio.run(native.ready())
            line, _ = listener.accept()
            with line:
                asyncio.run(native.ready())
                native.announce(f"/runs/{run}")
                assert receive(line, 2) == (Announced((f"/runs/{run}",)), [])


def test_a_loop_that_was_announced_is_let_go_when_nobody_comes_or_the_run_has_begun_before() -> None:
    lines = [pair() for _ in range(3)]
    fresh = iter([Spare(7 + place, ours) for place, (_, ours) in enumerate(lines)])
    spares = Spares(lambda: next(fresh))
    spares.announce("/runs/k3f")
    spares.announce("/runs/m5a")
    until = spares.next_at()
    assert until is not None
    assert spares.hand(Asked("/runs/k3f", 1, ""), ()) == 9
    assert spares.is_due(time.monotonic() + ANNOUNCED_S)
    assert [lines[place][0].recv(99) == b"" for place in (0, 1)] == [False, False]
    assert [lines[place][0].recv(99) for place in (0, 1)] == [b"", b""]
    for theirs, _ in lines:
        theirs.close()


@pytest.mark.parametrize(
    "data", [b"{", b"[]\n", b'{"folder": "/runs/k3f"}\n', b'{"folder": "a", "generation": [], "key": ""}\n']
)
def test_what_is_no_request_for_a_loop_is_none(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        assert receive(theirs, 0) == (None, [])


@pytest.mark.parametrize("text", [None, "", "{}", '{"mode": "build"}', '{"mode": "x", "level": "full-auto"}'])
def test_where_nobody_says_which_mode_holds_nothing_may_be_changed(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "now.json"
    if text is not None:
        path.write_text(text)
    assert session_now(str(path)) == NOTHING
    assert [tool.name for tool in shown(BUILD, BUILD.within(*NOTHING), None)] == READING


def test_a_run_never_has_more_than_it_was_given() -> None:
    reviewing = Grant(Mode.REVIEW, Level.AUTO_EDIT)
    now = reviewing.within(Mode.BUILD, Level.FULL_AUTO)
    assert not now.may_write
    assert [tool.name for tool in shown(reviewing, now, None)] == [*READING, "bash"]
    assert [tool.name for tool in shown(BUILD, BUILD, ("read", "bash"))] == ["read", "bash"]
