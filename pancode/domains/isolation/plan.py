"""What is about to be written into the operator's tree, noted down before it is."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from dataclasses import asdict, dataclass

from pancode.domains.isolation import changes as books
from pancode.domains.isolation.changes import Changes
from pancode.engine import files

V = 1
_STAGE = re.compile(r"\.pancode-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Takes `paths` in the work tree `root` from how the tree `before` has them to how `after` has them.

    `what` names it in words. `move` are the commits between which the branch moves, `left` what is written
    down of the run at the end. The files are written to `stage`, a directory in `root`, first; `staged`
    says that all of them are there. One that `takes_back` half of another plan is never given up.
    """

    what: str
    root: str
    before: str
    after: str
    paths: tuple[str, ...]
    left: Changes | None = None
    move: tuple[str, str] | None = None
    stage: str = ""
    staged: bool = False
    takes_back: bool = False

    @property
    def files(self) -> str:
        """Give the directory of the staged files, relative to the root."""
        return f"{self.stage}/{'back' if self.takes_back else 'new'}"


def new_stage() -> str:
    """Give a name for the directory of staged files; it is removed as a whole, so no other name will do.

    >>> _STAGE.fullmatch(new_stage()) is not None
    True
    """
    return f".pancode-{secrets.token_hex(4)}"


def write(path: str, plan: Plan) -> None:
    """Write the plan down; PanError if the disk refuses."""
    left = None if plan.left is None else books.as_written(plan.left)
    # Escaped, as a path may hold any bytes.
    files.write_atomic(path, json.dumps({"v": V, **asdict(plan), "left": left}) + "\n")


def read(path: str) -> Plan | None:
    """Read the plan that is under way; None if there is none, or none that makes sense."""
    told = files.read_json(path)
    if told is None or told.pop("v", None) != V or not _STAGE.fullmatch(str(told.get("stage"))):
        return None
    with contextlib.suppress(TypeError, ValueError, KeyError):
        told["left"] = told["left"] and books.parse(told["left"])
        told["paths"] = tuple(told["paths"])
        told["move"] = told["move"] and tuple(told["move"])
        return Plan(**told)
    return None


def forget(path: str) -> None:
    """Remove the plan: it is carried out, or was given up."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
