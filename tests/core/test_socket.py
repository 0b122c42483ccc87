"""The controller's socket: clients that don't read, hang up, or ask again and again."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pancode.core.host import Args, Caller
from pancode.engine import socket as sockets
from pancode.engine.gathering import Gathering
from pancode.engine.requests import Requests
from pancode.engine.socket import Connection, listen


def meeting(path: Path, requests: Requests, act: Callable[[socket.socket], Awaitable[None]]) -> None:
    """Serve `requests` at `path`, and let `act` play with a client that is connected."""

    async def meet() -> None:
        server = await listen(str(path), requests.serve)
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, str(path))
        with client:
            await asyncio.wait_for(act(client), 60)
        server.close()

    asyncio.run(meet())


def test_a_client_that_never_reads_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "UNREAD_LIMIT", 1_000_000)
    sent = 0

    async def pour(_: Args, caller: Caller) -> Mapping[str, Any]:
        nonlocal sent
        while not caller.gone:
            await caller.send({"text": "x" * 100_000})
            sent += 1
            await asyncio.sleep(0)
        over.set()
        return {}

    async def never_read(client: socket.socket) -> None:
        await asyncio.get_running_loop().sock_sendall(client, b'{"id": 1, "verb": "pour"}\n')
        await over.wait()

    over = asyncio.Event()
    requests = Requests()
    requests.add("pour", pour)
    meeting(tmp_path / "s", requests, never_read)
    assert 10 <= sent < 100


def test_a_client_that_hangs_up_ends_its_requests_and_leaves_nothing(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def for_ever(_: Args, __: Caller) -> Mapping[str, Any]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    async def at_once(_: Args, __: Caller) -> Mapping[str, Any]:
        return {}

    async def hang_up(client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(2000):
            await loop.sock_sendall(client, b'{"id": 1, "verb": "at_once"}\n')
            assert json.loads(await loop.sock_recv(client, 1000))["ok"]
        await loop.sock_sendall(client, b'{"id": 2, "verb": "for_ever"}\n')
        await asyncio.sleep(0)
        client.close()
        await ended.wait()

    requests = Requests()
    requests.add("for_ever", for_ever)
    requests.add("at_once", at_once)
    meeting(tmp_path / "s", requests, hang_up)
    assert not requests._tasks


def test_workers_lines_are_read_together_until_they_hang_up(tmp_path: Path) -> None:
    many, path = 20, str(tmp_path / "s")
    lines: dict[int, list[bytes]] = {}
    left: set[int] = set()

    async def meet() -> None:
        loop, gathering, gone = asyncio.get_running_loop(), Gathering(), asyncio.Event()

        def joins(connection: Connection, message: dict[str, Any]) -> None:
            number = message["number"]

            def lost() -> None:
                left.add(number)
                if len(left) == many:
                    gone.set()

            connection.on_lost = lost
            connection.hand_over(lines.setdefault(number, []).extend, gathering)
            connection.send({"ack": number})

        async def worker(number: int) -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.setblocking(False)
                await loop.sock_connect(client, path)
                await loop.sock_sendall(client, b'{"number": %d}\nfirst\nsec' % number)
                assert json.loads(await loop.sock_recv(client, 1000)) == {"ack": number}
                for part in (b"ond\n", b"x" * 300_000 + b"\n", b"last\nhalf"):
                    await loop.sock_sendall(client, part)

        server = await listen(path, joins)
        await asyncio.wait_for(asyncio.gather(*map(worker, range(many)), gone.wait()), 60)
        assert not gathering._readers
        server.close()

    asyncio.run(meet())
    whole = [b"first", b"second", b"x" * 300_000, b"last"]
    assert list(lines.values()) == [whole] * many


def test_half_a_letter_of_an_agent_reaches_its_reader_as_a_question_mark(tmp_path: Path) -> None:
    async def say(_: Args, __: Caller) -> Mapping[str, Any]:
        return {"text": "cut \ud83d"}

    async def read(client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, b'{"id": 1, "verb": "say"}\n')
        assert json.loads(await loop.sock_recv(client, 1000))["result"] == {"text": "cut ?"}

    requests = Requests()
    requests.add("say", say)
    meeting(tmp_path / "s", requests, read)


def test_an_answer_that_is_no_json_is_told_as_a_fault(tmp_path: Path) -> None:
    async def odd(_: Args, __: Caller) -> Mapping[str, Any]:
        return {"what": object()}

    async def read(client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, b'{"id": 1, "verb": "odd"}\n')
        assert json.loads(await loop.sock_recv(client, 1000))["error"]["code"] == 70

    requests = Requests()
    requests.add("odd", odd)
    meeting(tmp_path / "s", requests, read)
