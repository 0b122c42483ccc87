"""Key presses on their way from tmux to the controller."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.engine.tmux.conf import press
from pancode.engine.tmux.control import Control
from pancode.engine.tmux.keys import KeyTape, key_letters
from pancode.engine.tmux.server import Server, look


@given(st.lists(st.one_of(st.sampled_from("mas"), st.sampled_from(["read", "erase"]))))
def test_a_tape_gives_each_letter_once_whatever_happens_between(steps: list[str]) -> None:
    tape, text, given_out = KeyTape(), "1:", ""
    erasing: list[str] = []
    for step in steps:
        match step:
            case "read":
                given_out += tape.read(text)
                erasing = tape.erasing()
            case "erase":
                # Tmux may do this much later, or again: only a tape that is as it was read is emptied.
                if erasing and erasing[2] == f"#{{==:#{{@pancode_keys}},{text}}}":
                    text = erasing[3].split()[-1]
            case _:
                text += step
    given_out += tape.read(text)
    assert given_out == "".join(step for step in steps if len(step) == 1)


@pytest.mark.parametrize("text", ["", "x", "1:#(touch never)", "1:,}", "#(touch never):m", "-1:m"])
def test_a_tape_that_was_set_by_hand_never_gets_into_a_format(text: str) -> None:
    tape = KeyTape()
    tape.read(text)
    assert not any("#" in word for word in tape.erasing())


def press_often(server: Server, letters: str) -> None:
    for letter in letters:
        server.run(*press(letter).split(" "))


@contextlib.asynccontextmanager
async def following(server: Server) -> AsyncIterator[AsyncIterator[str]]:
    control = Control(server.path)
    await control.connect()
    letters = key_letters(control)
    try:
        yield letters
    finally:
        await control.close()


async def take(letters: AsyncIterator[str], count: int) -> str:
    async with asyncio.timeout(10):
        return "".join([await anext(letters) for _ in range(count)])


@pytest.mark.tmux
def test_fifty_keys_in_a_burst_come_in_order_and_the_tape_is_empty_again(server: Server) -> None:
    pressed = "mmasmsamma" * 5

    async def main() -> str:
        async with following(server) as letters:
            pressing = asyncio.create_task(asyncio.to_thread(press_often, server, pressed))
            got = await take(letters, len(pressed))
            await pressing
            press_often(server, "s")
            return got + await take(letters, 1)

    assert asyncio.run(main()) == pressed + "s"
    generation, _, rest = server.run("show", "-gv", "@pancode_keys")[0].partition(":")
    assert rest == ""
    assert int(generation) > 1


@pytest.mark.tmux
def test_keys_from_before_the_controller_come_first(server: Server) -> None:
    press_often(server, "mm")

    async def main() -> str:
        async with following(server) as letters:
            press_often(server, "a")
            return await take(letters, 3)

    assert asyncio.run(main()) == "mma"


@pytest.mark.tmux
def test_a_new_controller_gets_only_what_the_old_one_did_not_take(server: Server) -> None:
    async def first() -> str:
        async with following(server) as letters:
            press_often(server, "ms")
            return await take(letters, 2)

    assert asyncio.run(first()) == "ms"
    press_often(server, "a")
    assert asyncio.run(first_one(server)) == "a"


async def first_one(server: Server) -> str:
    async with following(server) as letters:
        return await take(letters, 1)


@pytest.mark.tmux
def test_keys_survive_the_loss_of_the_connection(server: Server) -> None:
    async def main() -> str:
        async with following(server) as letters:
            press_often(server, "m")
            got = await take(letters, 1)
            for number in range(8):
                waiting = asyncio.ensure_future(anext(letters))
                # Lets the wait begin, so that it is a waiting client that is killed.
                await asyncio.to_thread(server.run, "list-clients")
                for pid in server.run("list-clients", "-F", "#{client_pid}"):
                    os.kill(int(pid), signal.SIGKILL)
                await asyncio.to_thread(press_often, server, "as"[number % 2])
                got += await asyncio.wait_for(waiting, 60)
            return got

    assert asyncio.run(main()) == "m" + "as" * 4
    assert look(server.path).state == "alive"


@pytest.mark.tmux
def test_the_letters_end_with_the_server(server: Server) -> None:
    async def main() -> list[str]:
        async with following(server) as letters:
            rest = asyncio.create_task(collect(letters))
            await asyncio.to_thread(server.kill, look(server.path).pid)
            return await asyncio.wait_for(rest, 60)

    assert asyncio.run(main()) == []


async def collect(letters: AsyncIterator[str]) -> list[str]:
    return [letter async for letter in letters]
