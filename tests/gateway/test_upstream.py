"""Providers behind TLS and behind the operator's proxy."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from pancode.gateway.process import HOST
from tests.gateway.bed import Bed
from tests.gateway.conftest import Lay

DATA = Path(__file__).parent / "data"
CERTIFICATE = str(DATA / "certificate.pem")
PLAIN: dict[str, object] = {"turns": [{"text": "The answer is 42."}]}


@contextlib.contextmanager
def in_thread(start: Coroutine[Any, Any, asyncio.Server]) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start, loop).result()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry both ways until one side ends."""
    inner = await asyncio.open_connection(HOST, port)
    ways = [asyncio.ensure_future(_copy(*way)) for way in ((reader, inner[1]), (inner[0], writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        inner[1].transport.abort()
        writer.transport.abort()


async def tls_in_front_of(port: int) -> asyncio.Server:
    """Take TLS off and pass the rest on to `port`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, str(DATA / "key.pem"))

    async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await _join(reader, writer, port)

    return await asyncio.start_server(came, HOST, 0, ssl=context)


async def proxy(port: int, heads: list[str], status: bytes = b"200 Go ahead") -> asyncio.Server:
    """Be a proxy that leads every CONNECT to `port`."""

    async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError, asyncio.IncompleteReadError):
            heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
            if not status.startswith(b"200"):
                writer.close()
                return
            await _join(reader, writer, port)

    return await asyncio.start_server(came, HOST, 0)


def test_a_provider_behind_tls_whose_authority_is_trusted(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    with in_thread(tls_in_front_of(model.port)) as port:
        bed.give_pass(upstream=f"https://localhost:{port}", certificates=(CERTIFICATE,))
        assert bed.ask("chat").status == 200
        assert bed.ask("chat").status == 200
    assert bed.ended(2)[1]["usage"]["input"] == 1200


def test_a_provider_that_nobody_vouches_for_is_not_spoken_to(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    with in_thread(tls_in_front_of(model.port)) as port:
        bed.give_pass(upstream=f"https://localhost:{port}")
        heard = bed.ask("chat")
    assert heard.status == 502
    assert "not trusted" in heard.json()["error"]["message"]
    assert model.requests == ()


def test_tls_through_a_proxy_that_wants_a_password(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    heads: list[str] = []
    with in_thread(tls_in_front_of(model.port)) as port, in_thread(proxy(port, heads)) as at:
        _through(bed, port, at)
        assert bed.ask("anthropic").status == 200
    assert heads[0].startswith(f"CONNECT localhost:{port} HTTP/1.1\r\n")
    assert base64.b64encode(b"me:pass word").decode() in heads[0]
    assert model.requests[0].status == 200


def test_a_proxy_that_says_no_is_named(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    with in_thread(proxy(model.port, [], b"407 Who are you")) as at:
        _through(bed, model.port, at)
        heard = bed.ask("anthropic")
    assert heard.status == 502
    assert "the proxy says 407" in heard.json()["error"]["message"]


def _through(bed: Bed, port: int, at: int) -> None:
    there = f"https://localhost:{port}"
    bed.give_pass(upstream=there, certificates=(CERTIFICATE,), proxy=f"http://me:pass%20word@{HOST}:{at}")
