"""The console script. `mode` and `safety` go straight to the controller; all else to the full CLI.

The straight way imports nothing but os and the socket: a key-like verb should feel like a key.
"""

from __future__ import annotations

import sys

STRAIGHT = ("mode", "safety")
OWN_VERBS = ("classify", "explain", "prove")
"""What stands behind `safety` and is no level."""


def main() -> int:
    """Run the command line of this process; the result is its exit status."""
    words = sys.argv[1:]
    match words:
        case [verb] if verb in STRAIGHT:
            status = _straight(verb, None)
        case [verb, value] if verb in STRAIGHT and not value.startswith("-") and value not in OWN_VERBS:
            status = _straight(verb, value)
        case _:
            status = None
    if status is not None:
        return status
    from pancode.cli.main import run

    return run(words)


def _straight(verb: str, value: str | None) -> int | None:
    """Ask the controller and print its answer; None when the full CLI must take over."""
    import _socket

    from pancode.engine import places
    from pancode.worker.lean_json import dumps, loads

    try:
        path = places.find().socket
        link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        link.settimeout(5.0)
        link.connect(path)
        link.sendall(dumps({"id": 1, "verb": verb, "args": {"value": value}}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            piece = link.recv(65536)
            if not piece:
                return None
            answer += piece
        told = loads(answer.decode())
    except Exception:  # noqa: BLE001 -- the full CLI tells what is wrong, in a sentence
        return None
    if not isinstance(told, dict) or not told.get("ok"):
        return None
    sys.stdout.write(f"{told['result']['text']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
