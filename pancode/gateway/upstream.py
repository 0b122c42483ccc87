"""Connections to providers: kept for the next request; by TLS, and by the operator's proxy."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from urllib.parse import unquote, urlsplit

import h11

from pancode.gateway.passes import Pass

CONNECT_S = 20.0
"""How long a provider may take to let in; the agents' own limits are longer."""
IDLE_S = 50.0
"""How long an unused connection is kept: the common servers close theirs after sixty seconds and more."""
CHUNK = 1 << 18
HEAD_LIMIT = 1 << 17
_KEPT = 8
_PROXY_HEAD = 1 << 14

Headers = Sequence[tuple[bytes, bytes]]
_Key = tuple[str, str | None, tuple[str, ...]]


class UpstreamError(Exception):
    """A provider can't be reached, or breaks off; `sent` if it may have got the request."""

    def __init__(self, words: str, *, sent: bool) -> None:
        """Keep a sentence."""
        super().__init__(words)
        self.sent = sent


class Line:
    """One connection to a provider; used for one request at a time."""

    def __init__(self, key: _Key, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak HTTP/1.1 on the streams."""
        self.key = key
        self.used = False
        self.idle_since = 0.0
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)

    @property
    def is_fresh(self) -> bool:
        """Whether the other side has not hung up meanwhile."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def ask(self, request: h11.Request, body: bytes) -> h11.Response:
        """Send a request and give the head of the answer; raise UpstreamError."""
        try:
            self._writer.write(self._http.send(request) or b"")
            for part in self._http.send_with_data_passthrough(h11.Data(data=body)) or () if body else ():
                self._writer.write(part)
            self._writer.write(self._http.send(h11.EndOfMessage()) or b"")
            await self._writer.drain()
            while True:
                event = await self._next()
                if isinstance(event, h11.Response):
                    return event
                if not isinstance(event, h11.InformationalResponse):
                    raise UpstreamError("the provider hung up without an answer", sent=True)
        except (OSError, h11.ProtocolError) as error:
            raise UpstreamError(f"the provider broke off: {_words(error)}", sent=True) from None

    async def body(self) -> AsyncIterator[bytes]:
        """Give the answer's body as it comes; raise UpstreamError if it is cut off.

        What has come at once is given at once, however many chunks it was.
        """
        parts: list[bytes] = []
        try:
            while True:
                event = self._http.next_event()
                if isinstance(event, h11.Data):
                    parts.append(bytes(event.data))
                    continue
                if parts:
                    yield b"".join(parts)
                    parts.clear()
                if event is not h11.NEED_DATA:
                    break
                self._http.receive_data(await self._reader.read(CHUNK))
        except (OSError, h11.ProtocolError) as error:
            raise UpstreamError(f"the answer was cut off: {_words(error)}", sent=True) from None
        if not isinstance(event, h11.EndOfMessage):
            raise UpstreamError("the answer was cut off", sent=True)

    def next_cycle(self) -> bool:
        """Get ready for another request; False if there can't be one."""
        if (
            self._http.our_state is not h11.DONE
            or self._http.their_state is not h11.DONE
            or not self.is_fresh
        ):
            return False
        self._http.start_next_cycle()
        self.used = True
        return True

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(Exception):
            self._writer.transport.abort()

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            self._http.receive_data(await self._reader.read(CHUNK))


class Lines:
    """The connections that wait for a request."""

    def __init__(self) -> None:
        """Begin without any."""
        self._idle: dict[_Key, list[Line]] = {}
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}

    async def get(self, to: Pass, *, fresh: bool = False) -> Line:
        """Give a connection to where the pass leads, a kept one unless `fresh`; raise UpstreamError."""
        key = (to.upstream, to.proxy, to.certificates)
        now = asyncio.get_running_loop().time()
        while not fresh and (kept := self._idle.get(key)):
            line = kept.pop()
            if line.is_fresh and now - line.idle_since < IDLE_S:
                return line
            line.close()
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await self._connect(to)
        except TimeoutError:
            raise UpstreamError(f"{to.upstream} doesn't answer", sent=False) from None
        except OSError as error:
            raise UpstreamError(f"can't reach {to.upstream}: {_words(error)}", sent=False) from None
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return Line(key, reader, writer)

    def give_back(self, line: Line) -> None:
        """Keep a connection whose answer is complete, if it can serve again."""
        kept = self._idle.setdefault(line.key, [])
        if len(kept) < _KEPT and line.next_cycle():
            line.idle_since = asyncio.get_running_loop().time()
            kept.append(line)
        else:
            line.close()

    def spare(self, line: Line) -> None:
        """Keep a connection that was made and not needed."""
        line.idle_since = asyncio.get_running_loop().time()
        self._idle.setdefault(line.key, []).append(line)

    def close(self) -> None:
        """Hang up everywhere."""
        for kept in self._idle.values():
            for line in kept:
                line.close()
        self._idle.clear()

    async def _connect(self, to: Pass) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = self._context(to.certificates) if to.tls else None
        if to.proxy is None:
            return await asyncio.open_connection(to.host, to.port, ssl=context, limit=CHUNK)
        proxy = urlsplit(to.proxy)
        reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port or 80, limit=CHUNK)
        try:
            await _through(reader, writer, to, proxy.username, proxy.password)
            if context is not None:
                await writer.start_tls(context, server_hostname=to.host)
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    def _context(self, certificates: tuple[str, ...]) -> ssl.SSLContext:
        known = self._contexts.get(certificates)
        if known is None:
            known = self._contexts[certificates] = _trusting(certificates)
        return known


def _trusting(certificates: Sequence[str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.get_ca_certs() and not os.path.isdir(ssl.get_default_verify_paths().capath or ""):
        import certifi

        context.load_verify_locations(certifi.where())
    for path in certificates:
        is_folder = os.path.isdir(path)
        context.load_verify_locations(None if is_folder else path, path if is_folder else None)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _through(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: Pass, name: str | None, word: str | None
) -> None:
    """Have the operator's proxy connect to the provider; raise OSError."""
    place = f"[{to.host}]:{to.port}" if ":" in to.host else f"{to.host}:{to.port}"
    head = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
    if name is not None:
        pair = f"{unquote(name)}:{unquote(word or '')}".encode()
        head += f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}\r\n"
    writer.write(f"{head}\r\n".encode("latin-1", "replace"))
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise OSError("the proxy doesn't answer by HTTP") from None
    status = answer[:_PROXY_HEAD].split(b"\r\n")[0].decode("latin-1").split(" ", 2)
    if len(status) < 2 or status[1] != "200":  # noqa: PLR2004 -- HTTP's
        raise OSError(f"the proxy says {' '.join(status[1:])}")


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (text or type(error).__name__).lower()
