"""Takes the token out of a request and puts the provider's key in."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from pancode.gateway.passes import Pass

Headers = Sequence[tuple[bytes, bytes]]
_PLACES = (b"x-api-key", b"x-goog-api-key", b"api-key", b"authorization")
_BEARER = b"bearer "


def token_in(headers: Headers, target: str) -> str:
    """Give the token of a request, wherever its API has keys; "" if there is none.

    >>> token_in([(b"authorization", b"Bearer pan-1")], "/"), token_in([], "/v1beta/models?key=pan-2")
    ('pan-1', 'pan-2')
    """
    for name, value in headers:
        if name in _PLACES:
            key = value[len(_BEARER) :] if value[: len(_BEARER)].lower() == _BEARER else value
            if key.startswith(b"pan-"):
                return key.decode("latin-1").strip()
    return next((text for name, text in _query(target) if name == "key" and text.startswith("pan-")), "")


def with_key(headers: Headers, target: str, token: str, to: Pass) -> tuple[list[tuple[bytes, bytes]], str]:
    """Give headers and target for the provider: its own name as the host, and its key for the token.

    Compression is not asked for: what is counted has to be read.
    """
    secret, key = token.encode("latin-1"), to.key.encode("latin-1", "replace")
    found = [(b"host", to.authority.encode())]
    for name, value in headers:
        if name in (b"host", b"accept-encoding", b"content-length", b"transfer-encoding", b"expect"):
            continue
        if name in _PLACES and secret in value:
            if to.bearer and name != b"authorization":
                found.append((b"authorization", b"Bearer " + key))
                continue
            found.append((name, value.replace(secret, key)))
        else:
            found.append((name, value))
    found.append((b"accept-encoding", b"identity"))
    return found, _retargeted(target, token, to.key)


def _retargeted(target: str, token: str, key: str) -> str:
    if token not in target:
        return target
    path, _, _ = target.partition("?")
    pairs = [(name, key if text == token else text) for name, text in _query(target)]
    return f"{path}?{urlencode(pairs)}"


def _query(target: str) -> list[tuple[str, str]]:
    return parse_qsl(target.partition("?")[2], keep_blank_values=True)
