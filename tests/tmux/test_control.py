"""The control connection: quoting, errors, order, time limits and coming back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable

import pytest

from pancode.core.errors import ExitCode
from pancode.engine.tmux.control import Control
from pancode.engine.tmux.failure import TmuxError, TmuxGoneError, TmuxTimeoutError
from pancode.engine.tmux.lines import Notice
from pancode.engine.tmux.server import Server, look

pytestmark = pytest.mark.tmux

HOSTILE = [
    "plain",
    "two words",
    "",
    "a;",
    ";",
    "\\;",
    "a ; kill-server",
    "'; kill-server ; '",
    '" ; kill-server ; "',
    "$HOME ${HOME} `id` $(id)",
    "~",
    "~root/x",
    "#(touch /tmp/never) #{pid} #[fg=red]",
    "%if 1",
    "%begin 1 2 1",
    "{ kill-server }",
    "}",
    "# comment",
    "back\\slash \\n \\u1234",
    "tab\there",
    "\x01\x1b[31m\x7f",
    "é ü 你好 🚀",
    "-t x",
    "A=b",
]


@contextlib.asynccontextmanager
async def opened(
    server: Server,
    on_notice: Callable[[Notice], None] = lambda _notice: None,
    on_gone: Callable[[], None] = lambda: None,
) -> AsyncIterator[Control]:
    control = Control(server.path, on_notice=on_notice, on_gone=on_gone)
    await control.connect()
    try:
        yield control
    finally:
        await control.close()


def client_pids(server: Server) -> list[int]:
    return [int(line) for line in server.run("list-clients", "-F", "#{client_pid}")]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_arrives_as_it_is_and_nothing_is_run(server: Server, text: str) -> None:
    async def main() -> None:
        async with opened(server) as control:
            await control.command("set-buffer", "-b", "x", "--", f"<{text}>")
            await control.command("set", "-g", "@x", text)

    asyncio.run(main())
    assert server.run("show-buffer", "-b", "x") == [f"<{text}>"]
    length = server.run("display-message", "-p", "#{n:@x}")
    assert length == [str(len(text.encode()))]


def test_lines_in_a_text_stay_lines(server: Server) -> None:
    async def main() -> list[str]:
        async with opened(server) as control:
            await control.command("set-buffer", "-b", "x", "one\n%end 1 1 1\n three")
            return await control.command("show-buffer", "-b", "x")

    assert asyncio.run(main()) == ["one", "%end 1 1 1", " three"]


def test_a_nul_is_refused_before_anything_is_sent(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as control:
            with pytest.raises(ValueError, match="NUL"):
                await control.command("set", "-g", "@x", "a\0b")
            assert await control.command("display-message", "-p", "ok") == ["ok"]

    asyncio.run(main())


def test_a_refused_command_raises_with_the_words_of_tmux_and_the_next_one_works(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as control:
            with pytest.raises(TmuxError, match="can't find pane") as caught:
                await control.command("kill-pane", "-t", "%99")
            assert caught.value.message == "can't find pane: %99"
            with pytest.raises(TmuxError, match="unknown command"):
                await control.chain([["set", "-g", "@a", "1"], ["bogus"]])
            assert await control.command("display-message", "-p", "ok") == ["ok"]

    asyncio.run(main())


def test_answers_of_many_commands_at_once_go_to_their_askers(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as control:
            asked = (control.command("display-message", "-p", f"n{number}") for number in range(500))
            assert await asyncio.gather(*asked) == [[f"n{number}"] for number in range(500)]

    asyncio.run(main())


def test_a_command_that_inserts_others_answers_once(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as control:
            both = control.command("if-shell", "-F", "1", "display-message -p a ; display-message -p b")
            after = control.command("display-message", "-p", "c")
            assert [*await asyncio.gather(both, after)] == [["a", "b"], ["c"]]

    asyncio.run(main())


def test_a_long_line_passes(server: Server) -> None:
    async def main() -> None:
        async with opened(server) as control:
            text = "x" * 1_000_000
            await control.command("set-buffer", "-b", "x", text)
            assert await control.command("show-buffer", "-b", "x") == [text]

    asyncio.run(main())


def test_a_server_that_is_stopped_gives_a_time_out_and_answers_later(server: Server) -> None:
    pid = look(server.path).pid

    async def main() -> None:
        async with opened(server) as control:
            os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(TmuxTimeoutError):
                    await control.command("display-message", "-p", "lost", seconds=0.2)
            finally:
                os.kill(pid, signal.SIGCONT)
            assert await control.command("display-message", "-p", "ok") == ["ok"]

    asyncio.run(main())


def test_a_killed_client_comes_back_and_says_so(server: Server) -> None:
    async def main() -> None:
        back = asyncio.Event()

        def take(notice: Notice) -> None:
            if notice.name == "reconnected":
                back.set()

        async with opened(server, take) as control:
            waiting = asyncio.create_task(control.command("wait-for", "never", seconds=None))
            for pid in await asyncio.to_thread(client_pids, server):
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(TmuxGoneError):
                await waiting
            assert await control.command("display-message", "-p", "ok") == ["ok"]
            await asyncio.wait_for(back.wait(), 60)

    asyncio.run(main())


def test_the_end_of_the_server_is_told_once(server: Server) -> None:
    async def main() -> None:
        gone: list[str] = []
        told = asyncio.Event()

        def tell() -> None:
            gone.append("gone")
            told.set()

        async with opened(server, on_gone=tell) as control:
            await asyncio.to_thread(server.kill, look(server.path).pid)
            await asyncio.wait_for(told.wait(), 60)
            with pytest.raises(TmuxGoneError) as caught:
                await control.command("display-message", "-p", "x")
        assert caught.value.code is ExitCode.UNREACHABLE
        assert gone == ["gone"]

    asyncio.run(main())


def test_new_windows_elsewhere_are_noticed(server: Server) -> None:
    async def main() -> None:
        seen: asyncio.Queue[str] = asyncio.Queue()
        async with opened(server, lambda notice: seen.put_nowait(notice.name)):
            await asyncio.to_thread(server.run, "new-window", "-d", "-t", "=pan:", "cat")
            while await asyncio.wait_for(seen.get(), 60) != "unlinked-window-add":
                pass

    asyncio.run(main())


def test_without_a_server_connecting_is_refused(world: object, tmp_path: object) -> None:
    control = Control(f"{tmp_path}/none.sock")

    with pytest.raises(TmuxGoneError):
        asyncio.run(control.connect())


def test_a_person_who_detaches_all_others_does_not_part_us_for_long(server: Server) -> None:
    async def main() -> None:
        back = asyncio.Event()
        async with opened(
            server, lambda notice: back.set() if notice.name == "reconnected" else None
        ) as control:
            await asyncio.to_thread(server.run, "detach-client", "-s", "_ctl")
            await asyncio.wait_for(back.wait(), 60)
            assert await control.command("display-message", "-p", "ok") == ["ok"]

    asyncio.run(main())
