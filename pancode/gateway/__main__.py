"""`python -m pancode.gateway`: the gateway of one session; tmux starts it and keeps it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from pancode.gateway.call import QUIET_S
from pancode.gateway.controller import PATIENCE_S
from pancode.gateway.process import Options, live


def main() -> int:
    """Read where to work, and work; the exit status tells tmux's loop whether to start it again."""
    parser = argparse.ArgumentParser(prog="pancode.gateway", description="The gateway of one session.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--runtime", required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--quiet", type=float, default=QUIET_S)
    parser.add_argument("--patience", type=float, default=PATIENCE_S)
    args = parser.parse_args()
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s gateway %(levelname)s %(message)s")
    try:
        asyncio.run(live(Options(args.port, args.runtime, args.socket, args.quiet, args.patience)))
    except OSError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
