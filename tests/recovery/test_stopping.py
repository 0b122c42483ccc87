"""What a stopped turn has started ends with it, whichever controller sees its end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pancode.core import events as ev
from pancode.core.grants import Grant, Level, Mode
from pancode.core.state import Finished, Run, State, Working, World
from pancode.domains.dispatch.folders import Folders
from pancode.domains.dispatch.stopping import Stopping
from pancode.engine.files import write_json
from pancode.engine.places import Places

GRANT = Grant(Mode.BUILD, Level.AUTO_EDIT)


def run(id_: str, agent: str, state: State, parent: str | None = None) -> Run:
    return Run(
        id=id_, agent=agent, runtime="native", task="x", model=None, grant=GRANT, state=state, queued=1.0,
        parent=parent,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "was_asked", "ends"),
    [("cancelled", True, ["w"]), ("cancelled", False, []), ("done", True, [])],
)
def test_a_worker_that_came_between_a_stop_and_its_turns_end_goes_also_with_the_next_controller(
    tmp_path: Path, status: str, was_asked: bool, ends: list[str]
) -> None:
    places = Places(str(tmp_path), "main", str(tmp_path / "home"), str(tmp_path / "run"))
    (Path(places.runs) / "t").mkdir(parents=True)
    if was_asked:
        write_json(str(Path(places.runs) / "t" / "stop.json"), {"by": "operator", "why": "asked to stop"})
    asked: list[Any] = []
    turn = run("t", "panos", Finished(2.0, status, "stopped", {}))
    world = World(runs={"t": turn, "w": run("w", "dev", Working(1.0, 7), "t")})
    flows: Any = SimpleNamespace(live={})
    Stopping(Folders(places), flows, lambda: world, asked.append).on_change(ev.RunChanged("t", ended=True))
    assert [(fact.run, fact.by) for fact in asked] == [(one, "operator") for one in ends]
