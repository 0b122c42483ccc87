"""Start of the bridge: `python -I -m pancode.bridges.acp`, with the job on standard input."""

from __future__ import annotations

from pancode.bridges.acp.session import work
from pancode.bridges.wire import run

if __name__ == "__main__":
    run(work)
