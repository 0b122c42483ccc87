"""How the gateway shows that it is the session's own: whoever else listens on its port can't answer."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import socket
from enum import Enum, auto

PORT_FILE = "gateway.port"
"""In the runtime directory: the port, and what only this session's programs know."""
PATH = "/.pancode-gateway/"
_ANSWER_S = 2.0
_MOST = 4096


class Who(Enum):
    """Who is at the other end of a connection; one that says nothing may be ours on a busy machine."""

    OURS = auto()
    STRANGER = auto()
    SILENT = auto()


def new(port: int) -> dict[str, object]:
    """Give what the port's file says."""
    return {"port": port, "secret": secrets.token_hex(24)}


def answer(runtime: str, target: str) -> bytes | None:
    """Give the answer to a request for `target`; None if that is no question of this kind."""
    if not target.startswith(PATH):
        return None
    try:
        with open(os.path.join(runtime, PORT_FILE), encoding="utf-8") as file:
            secret = str(json.load(file)["secret"])
    except (OSError, ValueError, KeyError, TypeError):
        return b""
    return _proof(secret, target.removeprefix(PATH))


def _proof(secret: str, question: str) -> bytes:
    return hmac.new(secret.encode(), question.encode("utf-8", "replace"), hashlib.sha256).hexdigest().encode()


def who(line: socket.socket, secret: str) -> Who:
    """Ask who is at the other end of a connection, which stays open.

    Who hangs up, or gives no answer in time, is silent.
    """
    question = secrets.token_hex(16)
    proof = _proof(secret, question)
    line.settimeout(_ANSWER_S)
    heard = b""
    with contextlib.suppress(OSError):
        line.sendall(f"GET {PATH}{question} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        while len(heard) < _MOST and not heard.endswith(proof) and (data := line.recv(_MOST)):
            heard += data
    if not heard:
        return Who.SILENT
    is_proved = heard.startswith(b"HTTP/1.1 200 ") and heard.endswith(proof)
    return Who.OURS if is_proved else Who.STRANGER
