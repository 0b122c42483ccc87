"""A hook port of the tests' own: it answers as the shim does, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

Says = Callable[[dict[str, Any]], bytes]


def yes_or_no(allow: bool, why: str = "") -> bytes:
    out = json.dumps({"allow": allow, "why": why})
    return json.dumps({"out": out, "err": "", "exit": 0 if allow else 2}).encode()


@contextlib.contextmanager
def hook_port(says: Says) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Give the port, and the list that the questions will be in."""
    asked: list[dict[str, Any]] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with line:
                data = b""
                while part := line.recv(1 << 16):
                    data += part
                if data:
                    asked.append(json.loads(data))
                    line.sendall(says(asked[-1]))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], asked
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
