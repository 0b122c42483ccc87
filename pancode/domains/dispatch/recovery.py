"""After a restart of the controller: the world from the disk, then what is really running.

Nothing is started twice: a shim refuses a run whose journal has begun, and a queued run is only
opened when neither tmux nor its journal knows of a worker.
"""

from __future__ import annotations

from pancode.core import events as ev
from pancode.core.effects import OpenPane
from pancode.core.reduce import reduce
from pancode.core.state import Queued, Run, World
from pancode.domains.dispatch.dispatcher import KEPT_RUNS, Dispatcher, queued_from
from pancode.domains.dispatch.folders import Folders
from pancode.engine import files, processes
from pancode.engine.store import Store
from pancode.engine.tmux.workers import WorkerPane, WorkerPanes


def rebuild(folders: Folders, store: Store, world: World) -> World:
    """Give the world with the runs of the disk in it: all that are live, and the newest ended ones."""
    names = folders.all()
    live = {name for name in names if folders.result(name) is None}
    recent = set(names[-KEPT_RUNS:])
    for name in names:
        if name in live or name in recent:
            world = _replay(folders, store, world, name)
    store.commit()
    return world


def _replay(folders: Folders, store: Store, world: World, run: str) -> World:
    spec = folders.spec(run)
    if spec is None:
        return world
    store.queued(spec)
    world = reduce(world, queued_from(spec))
    for record in files.read_journal(folders.journal(run)):
        store.saw(run, record)
        at = float(record.get("t") or 0.0)
        world = reduce(world, ev.WorkerSaid(run=run, at=at, seq=record["seq"], record=record))
    if result := folders.result(run):
        # A journal that was cut off before its end record: the result is the word that counts.
        at = float(result.get("ended") or 0.0)
        last = ev.WorkerSaid(run=run, at=at, seq=world.runs[run].seq + 1, record={"kind": "ended", **result})
        world = reduce(world, last)
        store.ended(result)
    return world


async def adopt(dispatcher: Dispatcher, panes: WorkerPanes, world: World) -> int:
    """Take up every live run: watch its shim, start it if nothing has, or say that it is lost.

    Gives how many workers were found alive.
    """
    found = {pane.run_id: pane for pane in await panes.all()}
    adopted = 0
    for run in [run for run in world.runs.values() if run.is_live]:
        pane = found.get(run.id)
        known = _living(run, pane, dispatcher.folders.path(run.id))
        if known is not None:
            dispatcher.watch(known)
            adopted += 1
        elif pane is None and isinstance(run.state, Queued) and run.seq == 0:
            dispatcher.open_pane(OpenPane(run.id))
        else:
            dispatcher.shim_ended(run.id)
    return adopted


def _living(run: Run, pane: WorkerPane | None, run_dir: str) -> WorkerPane | None:
    """Give where the run's shim lives, or None if it doesn't.

    A pane's process is the shim's even before it has exec'ed; tmux's mark on the pane says whose it is.
    """
    if pane is not None:
        return pane if not pane.is_dead and processes.is_alive(pane.shim_pid) else None
    if run.shim_pid is not None and processes.is_shim_of(run.shim_pid, run_dir):
        return WorkerPane(run.id, "", "", run.shim_pid)
    return None


def reindex(folders: Folders, store: Store) -> int:
    """Fill an empty index from the run folders; give how many runs were found."""
    names = folders.all()
    for name in names:
        spec = folders.spec(name)
        if spec is None:
            continue
        store.queued(spec)
        for record in files.read_journal(folders.journal(name)):
            store.saw(name, record)
        if result := folders.result(name):
            store.ended(result)
        store.commit()
    return len(names)
