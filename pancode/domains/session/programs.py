"""Which programs a session's panes run."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from pancode.engine.places import Places

_FINAL = "0|2|3|4|5|10|11|12"
"""Exit codes after which a new start would end the same way; see docs/exit-codes.md."""

KEEP_RUNNING = f"""\
log=$1; shift; quick=0
while :; do
  begun=$(date +%s)
  "$@" 2>>"$log"; code=$?
  case $code in {_FINAL}) break;; esac
  if [ $(($(date +%s) - begun)) -lt 5 ]; then quick=$((quick + 1)); else quick=0; fi
  [ $quick -lt 5 ] && {{ sleep 0.1; continue; }}
  [ $code -eq 137 ] || break
  sleep 1
done
[ $code -eq 0 ] || tmux set -g @pancode_problem "controller ended ($code): pancode up starts it again"
exit $code
"""
"""Starts the controller again 0.1 s after it was killed or crashed.

After five short lives in a row one that crashed is given up, and one that was killed has to wait longer.
"""


@dataclass(frozen=True, slots=True)
class Programs:
    """The command lines of the controller, the command pane and the status pane."""

    controller: tuple[str, ...]
    console: tuple[str, ...]
    fleet: tuple[str, ...]


def own_programs(places: Places) -> Programs:
    """Give PanCode's own programs, on this interpreter.

    `-P` keeps the project's directory out of the import path: a file there must not replace a module.
    """
    python = (sys.executable, "-P", "-m")
    return Programs(
        controller=(*python, "pancode.app", "--session", places.session, "--project", places.project),
        console=(*python, "pancode.cli.console"),
        fleet=(*python, "pancode.domains.ui.fleet"),
    )


def controller_argv(places: Places, programs: Programs) -> list[str]:
    """Give the command line of the controller's pane."""
    return ["sh", "-c", KEEP_RUNNING, "pancode-controller", places.log, *programs.controller]
