"""The only door to HTTP: JSON from servers that may be slow, wrong, or none at all.

Its library takes 24 MB and a tenth of a second to import, so a controller leaves it to a process of its own.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

LARGEST = 8_000_000
"""Bytes of an answer; the longest list of models is a tenth of that."""
TRUSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Variables that name further authorities: a company's own, say, whose proxy stands before every server."""
_OK, _MULTIPLE, _UNAUTHORISED, _FORBIDDEN = 200, 300, 401, 403


class HttpError(Exception):
    """Why there is no JSON, in a few lower-case words."""


class Http:
    """Asks servers for JSON."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Ask by this client."""
        self._client = client

    async def json(self, url: str, headers: Mapping[str, str], body: object = None) -> Any:  # noqa: ANN401
        """Give what the server answers to a GET, or to a POST of `body`; HttpError says why nothing."""
        method = "GET" if body is None else "POST"
        try:
            async with self._client.stream(method, url, headers=dict(headers), json=body) as answer:
                _check(answer)
                return _parsed(await _content(answer))
        except httpx.ConnectError as error:
            raise HttpError(_unreached(error)) from None
        except httpx.TimeoutException:
            raise HttpError("it doesn't answer in time") from None
        except httpx.HTTPError as error:
            raise HttpError(f"it speaks no proper HTTP ({type(error).__name__})") from None
        except (httpx.InvalidURL, UnicodeError, ValueError):
            raise HttpError("the address or the key can't be sent") from None


@asynccontextmanager
async def http(
    connect_s: float, total_s: float, proxy: str | None = None, *, tls: bool = True
) -> AsyncIterator[Http]:
    """Open a client that takes no proxy and no login from the environment, and follows no redirects.

    Without `tls` it is for http:// alone: the authorities take longer to load than such servers to answer.
    With it the system's authorities are trusted, those of the library, and those that the environment names.
    """
    verify = _trusting() if tls else False
    timeout = httpx.Timeout(total_s, connect=connect_s)
    async with httpx.AsyncClient(trust_env=False, timeout=timeout, verify=verify, proxy=proxy) as client:
        yield Http(client)


def _trusting() -> ssl.SSLContext:
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    for path in filter(os.path.exists, (os.environ.get(name, "") for name in TRUSTED)):
        is_folder = os.path.isdir(path)
        context.load_verify_locations(None if is_folder else path, path if is_folder else None)
    return context


def _unreached(error: BaseException) -> str:
    """Say why there is no connection, by what the library has met.

    >>> _unreached(OSError("refused"))
    'nobody listens there'
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "there is no machine of that name"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return "it speaks no TLS: is its address http://?"
        cause = cause.__cause__ or cause.__context__
    return "nobody listens there"


def _check(answer: httpx.Response) -> None:
    code = answer.status_code
    if code in (_UNAUTHORISED, _FORBIDDEN):
        raise HttpError(f"it doesn't accept the key (HTTP {code})")
    if not _OK <= code < _MULTIPLE:
        raise HttpError(f"it answers with HTTP {code}")


async def _content(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_bytes():
        content += piece
        if len(content) > LARGEST:
            raise HttpError(f"it answers with more than {LARGEST // 1_000_000} MB")
    return bytes(content)


def _parsed(content: bytes) -> Any:  # noqa: ANN401
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise HttpError("its answer is no JSON, so it is no model server") from None
