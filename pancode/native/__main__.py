"""`python -m pancode.native`: the native host of one session; tmux starts it and keeps it."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys

from pancode.native.door import Guard, listen
from pancode.native.upgrade import LOOK_S


def main() -> int:
    """Warm up, then fork a loop for whoever asks; by the exit status tmux's loop starts it again or not."""
    parser = argparse.ArgumentParser(prog="pancode.native", description="The native host of one session.")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--runs", required=True, help="the directory of the session's runs")
    parser.add_argument("--controller", required=True, help="the controller's socket")
    parser.add_argument(
        "--look-s", type=float, default=LOOK_S, help="seconds between two looks at the program"
    )
    parser.add_argument("--listener", type=int, help="the descriptor of the socket, from an earlier program")
    args = parser.parse_args()
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s native %(levelname)s %(message)s")
    try:
        listener = listen(args.socket) if args.listener is None else _taken_over(args.listener)
    except OSError as error:
        sys.stderr.write(f"native: {error}\n")
        return 1
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    # Whoever connects meanwhile waits in the socket.
    from pancode.native import host, warm

    guard = Guard(args.runs, args.controller)
    if host.Host(listener, guard, warm.up(), args.look_s).serve():
        _replace(listener)
    return 0


def _taken_over(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)
    return socket.socket(fileno=fd)


def _replace(listener: socket.socket) -> None:
    """Become the program that is on the disk; whoever connects meanwhile waits in the socket."""
    listener.set_inheritable(True)
    words = sys.argv[1:]
    if "--listener" in words:
        words = words[: words.index("--listener")]
    own = [sys.executable, "-P", "-m", "pancode.native", *words, "--listener", str(listener.fileno())]
    os.execv(own[0], own)  # noqa: S606 -- our own program


if __name__ == "__main__":
    sys.exit(main())
