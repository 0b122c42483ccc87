"""Which programs a session's panes run."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from pancode.engine.places import Places
from pancode.engine.tmux.keeping import kept

_GIVEN_UP = """\
[ $code -eq 0 ] || tmux set -g @pancode_problem "controller ended ($code): pancode up starts it again"
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
    return kept("pancode-controller", places.log, programs.controller, _GIVEN_UP)
