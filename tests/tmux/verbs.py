"""Runs a verb of `pancode` as its own process, with small stand-ins for the programs in the panes."""

from __future__ import annotations

import os
import sys

from pancode.cli.main import run
from pancode.domains.session import programs

HERE = os.path.dirname(os.path.abspath(__file__))

SMALL = programs.Programs(
    controller=(sys.executable, "-P", os.path.join(HERE, "small_controller.py")),
    console=("sh", "-c", "printf '\\033[?2004h'; echo THE-CONSOLE; exec cat"),
    fleet=("sh", "-c", "echo THE-FLEET; exec cat"),
)

if __name__ == "__main__":
    programs.own_programs = lambda places: SMALL  # noqa: ARG005 -- the name is part of its type
    sys.exit(run(sys.argv[1:]))
