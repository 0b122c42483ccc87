"""What a gateway bears: connections that dawdle, floods of calls, a stranger on its port."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import pytest

from pancode.gateway import front as fronts
from pancode.gateway import hello
from pancode.gateway.front import Asked, Front
from pancode.gateway.hello import Who
from pancode.gateway.process import HOST
from pancode.gateway.room import Lobby, Room
from tests.gateway.conftest import Lay

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n"


async def answered(room: Room, *pieces: bytes, knows: bool = True) -> bytes:
    """Send the pieces to a front of this process and give all that comes back until it hangs up."""

    async def answer(asked: Asked, front: Front) -> None:
        front.begin(200, [(b"content-length", str(len(asked.body)).encode())])
        front.send(asked.body)
        front.end()

    async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Front(reader, writer, room, lambda _, __: "k3f" if knows else None, Lobby()).serve(answer)

    server = await asyncio.start_server(came, HOST, 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for piece in pieces:
            writer.write(piece)
        try:
            heard = await asyncio.wait_for(reader.read(), 20)
        except ConnectionResetError:
            heard = b""
        writer.close()
        return heard


@pytest.mark.parametrize(
    "pieces",
    [(), (HEAD,), (HEAD + b"content-length: 9\r\n\r\n", b"half")],
    ids=["says nothing", "half a head", "half a body"],
)
def test_who_dawdles_is_hung_up_on(pieces: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRANGER_S", "HEAD_S", "BODY_S"):
        monkeypatch.setattr(fronts, name, 0.05)
    assert asyncio.run(answered(Room(), *pieces)) == b""


def test_one_that_may_rest_is_given_the_time_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float | None] = []
    monkeypatch.setattr(Front, "_due", lambda _, seconds: given.append(seconds))

    async def answer(_: Asked, front: Front) -> None:
        front.may_rest()
        front.begin(200, [(b"content-length", b"0")])
        front.end()

    async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Front(reader, writer, Room(), lambda _, __: None, Lobby()).serve(answer)

    async def story() -> None:
        async with await asyncio.start_server(came, HOST, 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(HEAD + b"content-length: 0\r\n\r\n" + HEAD + b"connection: close\r\n\r\n")
            await asyncio.wait_for(reader.read(), 20)
            writer.close()

    asyncio.run(story())
    waits = [seconds for seconds in given if seconds in (fronts.STRANGER_S, fronts.IDLE_S)]
    assert waits == [fronts.STRANGER_S, fronts.IDLE_S]


def test_more_than_there_is_room_for_is_told_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(most=100)
    whole = HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n"
    assert asyncio.run(answered(room, whole % 101 + b"x" * 101)).startswith(b"HTTP/1.1 503 ")
    assert asyncio.run(answered(room, whole % 100 + b"x" * 100)).startswith(b"HTTP/1.1 200 ")
    monkeypatch.setattr(fronts, "EARLY_LIMIT", 50)
    assert asyncio.run(answered(room, whole % 60 + b"x" * 60, knows=False)).startswith(b"HTTP/1.1 401 ")
    assert room.take(100), "all of it is there again"


def test_a_run_has_its_calls_counted() -> None:
    room = Room(calls=2)
    assert [room.begin("a"), room.begin("a"), room.begin("a"), room.begin("b")] == [True, True, False, True]
    room.end("a")
    assert room.begin("a")


class Line:
    """A connection that notes whether it was hung up on."""

    def __init__(self) -> None:
        self.is_open = True

    def hang_up(self) -> None:
        self.is_open = False


def test_a_flood_of_connections_keeps_no_other_run_out() -> None:
    lobby = Lobby(lines=6, strangers=3, of_run=4)
    flood = [Line() for _ in range(5)]
    assert all(lobby.enter(one) for one in flood)
    assert [one.is_open for one in flood] == [False, False, True, True, True], "the oldest make way"
    mine = Line()
    assert lobby.enter(mine)
    assert lobby.name(mine, "mine")
    greedy = [Line() for _ in range(5)]
    assert [lobby.enter(one) and lobby.name(one, "greedy") for one in greedy] == [True] * 4 + [False]
    lobby.leave(greedy[0])
    assert lobby.name(greedy[4], "greedy"), "a place that was given back"
    assert mine.is_open
    last = Line()
    assert lobby.enter(last)
    assert lobby.name(last, "another")
    assert not lobby.enter(Line()), "all of them are runs"


def test_a_stranger_on_the_port_is_not_taken_for_the_gateway(lay: Lay) -> None:
    bed, _ = lay({"turns": []})
    told = hello.new(bed.port)
    (bed.base / hello.PORT_FILE).write_text(json.dumps(told))
    with socket.create_connection((HOST, bed.port), timeout=10) as line:
        assert hello.who(line, str(told["secret"])) is Who.OURS
    with socket.create_connection((HOST, bed.port), timeout=10) as line:
        assert hello.who(line, "another session's") is Who.STRANGER
    with socket.create_server((HOST, 0)) as stranger:

        def talk() -> None:
            with stranger.accept()[0] as line:
                line.recv(1 << 12)
                line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        with socket.create_connection(stranger.getsockname(), timeout=10) as line:
            assert hello.who(line, str(told["secret"])) is Who.STRANGER
        thread.join()
