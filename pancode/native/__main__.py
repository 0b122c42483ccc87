"""`python -m pancode.native`: the native host of one session; tmux starts it and keeps it."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from pancode.native.door import Guard, listen


def main() -> int:
    """Warm up, then fork a loop for whoever asks; by the exit status tmux's loop starts it again or not."""
    parser = argparse.ArgumentParser(prog="pancode.native", description="The native host of one session.")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--runs", required=True, help="the directory of the session's runs")
    parser.add_argument("--controller", required=True, help="the controller's socket")
    args = parser.parse_args()
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s native %(levelname)s %(message)s")
    try:
        listener = listen(args.socket)
    except OSError as error:
        sys.stderr.write(f"native: {error}\n")
        return 1
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    # Whoever connects meanwhile waits in the socket.
    from pancode.native import host, warm

    return host.Host(listener, Guard(args.runs, args.controller), warm.up()).serve()


if __name__ == "__main__":
    sys.exit(main())
