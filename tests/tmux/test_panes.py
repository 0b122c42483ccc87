"""Worker panes: opening, marking, listing, closing, and hearing of their end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest

from pancode.engine.tmux.control import Control
from pancode.engine.tmux.deaths import Deaths, nudge, start_ticks
from pancode.engine.tmux.failure import TmuxError
from pancode.engine.tmux.panes import Panes
from pancode.engine.tmux.server import Server, look
from tests.terminal import wait_until

pytestmark = pytest.mark.tmux


@contextlib.asynccontextmanager
async def opened(server: Server) -> AsyncIterator[tuple[Control, Panes]]:
    control = Control(server.path)
    await control.connect()
    try:
        yield control, Panes(control)
    finally:
        await control.close()


def words_of(pid: int) -> list[str]:
    # Until the program is exec'ed, the pane's process is a fork of tmux and shows its words.
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        return file.read().split("\0")[:-1]


def test_a_worker_gets_a_marked_window_and_the_focus_stays(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as (_, panes):
            ref = await panes.new_worker_window(
                "k3f", "codex", ["sleep", "1000"], "/", {"PANCODE_RUN_ID": "k3f"}
            )
            row = next(row for row in await panes.list_panes() if row.run_id)
            assert (row.run_id, row.pane, row.window, row.window_name) == (
                "k3f",
                ref.pane,
                ref.window,
                "w:k3f",
            )
            assert (row.pid, row.dead, row.session) == (ref.pid, False, "pan")
            assert (row.server_pid, row.server_start > 0) == (look(server.path).pid, True)
            await asyncio.to_thread(wait_until, lambda: words_of(ref.pid) == ["sleep", "1000"], "sleep runs")

    asyncio.run(main())
    assert server.run("display-message", "-p", "-t", "=pan:", "#{window_name}") == ["pan"]
    assert server.run("show", "-p", "-v", "-t", "=pan:=w:k3f", "@agent") == ["codex"]


def test_words_reach_the_program_as_they_are(server: Server) -> None:
    words = ["a;", ";", "$HOME", "#(touch never)", "two words", "é", "", "~"]

    async def main() -> list[str]:
        async with opened(server) as (_, panes):
            ref = await panes.new_worker_window(
                "k3f", "shell", ["tail", "-f", "/dev/null", "--", *words], "/", {}
            )
            await asyncio.to_thread(wait_until, lambda: words_of(ref.pid)[:1] == ["tail"], "tail runs")
            return words_of(ref.pid)[4:]

    assert asyncio.run(main()) == words


def test_the_same_run_can_have_a_second_pane(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as (_, panes):
            first = await panes.new_worker_window("k3f", "codex", ["true"], "/", {})
            second = await panes.new_worker_window("k3f", "codex", ["sleep", "1000"], "/", {})
            rows = {row.pane: row for row in await panes.list_panes() if row.run_id == "k3f"}
            assert set(rows) == {first.pane, second.pane}
            assert first.window != second.window

    asyncio.run(main())


def test_an_overview_takes_runs_until_it_is_full(server: Server) -> None:
    server.run("new-window", "-d", "-t", "=pan:", "-n", "wall", "cat")
    for option, value in (("@pancode_slots", "2"), ("@pancode_arrangement", "tiled")):
        server.run("set", "-w", "-t", "=pan:=wall", option, value)

    async def main() -> None:
        async with opened(server) as (_, panes):
            for number in range(3):
                await panes.new_worker_window(f"r{number}", "shell", ["sleep", "1000"], "/", {})
            rows = {row.run_id: row for row in await panes.list_panes() if row.run_id}
            assert [rows[f"r{number}"].window_name for number in range(3)] == ["wall", "wall", "w:r2"]
            assert [row.run_id for row in await panes.list_panes() if row.window_name == "wall"] == [
                "",
                "r0",
                "r1",
            ]
            await panes.close_pane(rows["r0"].pane)
            await panes.new_worker_window("r3", "shell", ["sleep", "1000"], "/", {})
            rows = {row.run_id: row for row in await panes.list_panes() if row.run_id}
            assert {run: row.window_name for run, row in rows.items()} == {
                "r1": "wall",
                "r2": "w:r2",
                "r3": "wall",
            }

    asyncio.run(main())


def test_options_are_sent_only_when_they_change(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as (control, panes):
            ref = await panes.new_worker_window("k3f", "codex", ["sleep", "1000"], "/", {})
            await panes.set_options(ref.pane, {"@state": "working", "@cost": "$1"})
            await control.command("set", "-p", "-t", ref.pane, "@cost", "by another")
            await panes.set_options(ref.pane, {"@state": "working", "@cost": "$1"})
            assert await control.command("show", "-pv", "-t", ref.pane, "@cost") == ["by another"]
            panes.forget()
            await panes.set_options(ref.pane, {"@cost": "#(touch never)\n$2"})
            assert await control.command("show", "-pv", "-t", ref.pane, "@cost") == ["(touch never) $2"]
            await panes.set_globals({"@pancode_mode": "plan"})
            assert await control.command("show", "-gv", "@pancode_mode") == ["plan"]

    asyncio.run(main())


def test_closing_takes_the_window_along_and_a_second_time_is_no_error(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as (_, panes):
            ref = await panes.new_worker_window("k3f", "codex", ["sleep", "1000"], "/", {})
            await panes.close_pane(ref.pane)
            await panes.close_pane(ref.pane)
            assert [row.run_id for row in await panes.list_panes() if row.run_id] == []

    asyncio.run(main())


def test_a_program_that_is_not_there_leaves_a_dead_pane(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as (_, panes):
            ref = await panes.new_worker_window("k3f", "x", ["/no/such/program"], "/", {})
            assert ref.pane.startswith("%")
            async with asyncio.timeout(10):
                while not next(row for row in await panes.list_panes() if row.run_id).dead:
                    nudge(look(server.path).pid)

    asyncio.run(main())


def test_a_death_is_heard_at_once_and_the_pane_stays_to_be_read(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as (_, panes):
            ref = await panes.new_worker_window("k3f", "x", ["sleep", "1000"], "/", {})
            died: asyncio.Queue[int] = asyncio.Queue()
            deaths = Deaths(died.put_nowait)
            started = start_ticks(ref.pid)
            assert started is not None
            assert not deaths.watch(ref.pid, started + 1)
            assert deaths.watch(ref.pid, started)
            os.kill(ref.pid, signal.SIGKILL)
            assert await asyncio.wait_for(died.get(), 60) == ref.pid
            nudge(look(server.path).pid)
            async with asyncio.timeout(10):
                while not (row := next(row for row in await panes.list_panes() if row.run_id)).dead:
                    nudge(row.server_pid)
            deaths.close()

    asyncio.run(main())


def test_what_is_gone_already_is_not_watched() -> None:
    async def main() -> None:
        process = await asyncio.create_subprocess_exec("true")
        await process.wait()
        deaths = Deaths(lambda _pid: None)
        assert not deaths.watch(process.pid)

    asyncio.run(main())


def test_without_the_session_opening_is_refused(server: Server) -> None:
    server.run("kill-session", "-t", "=pan")

    async def main() -> None:
        async with opened(server) as (_, panes):
            with pytest.raises(TmuxError):
                await panes.new_worker_window("k3f", "x", ["true"], "/", {})

    asyncio.run(main())


def test_showing_a_run_makes_its_window_current(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as (_, panes):
            ref = await panes.new_worker_window("k3f", "x", ["sleep", "1000"], "/", {})
            await panes.show(ref)
            assert await panes.attached() == 0

    asyncio.run(main())
    wait_until(
        lambda: server.run("display-message", "-p", "-t", "=pan:", "#{window_name}") == ["w:k3f"],
        "the run's window is shown",
    )
