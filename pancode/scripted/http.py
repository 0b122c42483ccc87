"""As much of an HTTP/1.1 server as model clients need, on asyncio streams."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

HEAD_LIMIT = 65_536
BODY_LIMIT = 64 * 1024 * 1024
"""Bytes: far above any real request, so that a broken client can't fill the memory."""
_CHUNK_LINE_LIMIT = 1024


class HttpError(Exception):
    """A request that can't be read: it is answered with `status` and the connection ends."""

    def __init__(self, status: int, message: str) -> None:
        """Keep what is sent to the client."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` without the query, header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def keeps_alive(self) -> bool:
        """Say whether the client wants to send more on this connection."""
        return self.headers.get("connection", "").lower() != "close"


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """Read the next request; None when the client has gone, HttpError when it makes no sense."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long") from None
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != len(("method", "target", "version")) or not words[2].startswith("HTTP/1."):
        raise HttpError(HTTPStatus.BAD_REQUEST, "the first line is not HTTP/1.1")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    try:
        target = urlsplit(words[1])
    except ValueError:
        raise HttpError(HTTPStatus.BAD_REQUEST, "the address can't be read") from None
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(words[0], unquote(target.path), target.query, headers, body)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = await _read_chunks(reader)
    else:
        size = _number(headers.get("content-length", "0"), 10)
        body = await reader.readexactly(size)
    match headers.get("content-encoding", "identity").lower():
        case "identity":
            return body
        case "gzip" | "deflate":
            return _inflated(body)
        case other:
            raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f'can\'t read the encoding "{other}"')


def _inflated(body: bytes) -> bytes:
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = stream.decompress(body, BODY_LIMIT)
    except zlib.error:
        raise HttpError(HTTPStatus.BAD_REQUEST, "the compressed body is broken") from None
    if stream.unconsumed_tail:
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
    return plain


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = await reader.readline()
        if len(line) > _CHUNK_LINE_LIMIT or not line.endswith(b"\n"):
            raise HttpError(HTTPStatus.BAD_REQUEST, "a chunk's size is missing")
        size = _number(line.split(b";")[0].decode("latin-1").strip(), 16)
        if len(body) + size > BODY_LIMIT:
            raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
        if size == 0:
            while (await reader.readline()).strip():
                pass
            return bytes(body)
        body += await reader.readexactly(size)
        await reader.readexactly(2)


def _number(text: str, base: int) -> int:
    try:
        value = int(text, base)
    except ValueError:
        value = -1
    if value < 0:
        raise HttpError(HTTPStatus.BAD_REQUEST, "a length is not a number")
    if value > BODY_LIMIT:
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
    return value


def head_bytes(status: int, headers: dict[str, str]) -> bytes:
    """Write the head of a response; a status without a known name gets a neutral one."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Scripted"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def chunk_bytes(data: bytes) -> bytes:
    """Frame a piece of a body whose length isn't known in advance; empty data ends the body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
