"""After a restart of the controller: the world from the disk, then what is really running.

Nothing is started twice: a shim refuses a run whose journal has begun, and a queued run is only
left to the scheduler when neither tmux nor its journal knows of a worker. A folder that can't be
read is named in the log, and costs only itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from pancode.core import events as ev
from pancode.core.state import Queued, Run, Stopping, World
from pancode.domains.dispatch.dispatcher import Dispatcher
from pancode.domains.dispatch.folders import Folders
from pancode.domains.dispatch.opening import by_run
from pancode.domains.dispatch.pausing import asked_again
from pancode.domains.dispatch.replay import replayed
from pancode.domains.dispatch.shelf import KEPT_RUNS
from pancode.engine import clock, files, processes
from pancode.engine.store import Store
from pancode.engine.tmux.workers import WorkerPane, WorkerPanes


def rebuild(
    dispatcher: Dispatcher, store: Store, world: World, panes: Mapping[str, WorkerPane] | None = None
) -> World:
    """Give the world with the runs of the disk in it: all that may be live, and the newest ended ones.

    A run that the index doesn't know as ended, though its folder does, ended just now: it is taken in
    as live, and `adopt` tells its end to everybody whom it concerns.
    """
    folders, known = dispatcher.folders, set(store.ids())
    folders.clear_unwritten(panes or ())
    names = set(folders.names())
    indexed = [name for name in store.ended_ids() if name in names]
    settled = set(indexed)
    live: list[Run] = []
    ended: list[Run] = []
    for spec in _specs(dispatcher, [*(names - settled), *indexed[-KEPT_RUNS:]]):
        run_id = spec["run"]
        has_ended = run_id in settled or (run_id not in known and folders.result(run_id) is not None)
        store.queued(spec)
        pane = (panes or {}).get(run_id)
        is_indexed = run_id in settled
        seen = _nothing if is_indexed else _unseen(store, run_id)
        try:
            run = replayed(folders, spec, has_ended=has_ended, is_indexed=is_indexed, pane=pane, seen=seen)
        except Exception as error:  # noqa: BLE001 -- whatever is wrong in one folder, the others count
            dispatcher.note(f"run {run_id} can't be read back: {type(error).__name__}: {error}")
            continue
        (live if run.is_live else ended).append(run)
        if not run.is_live and not (is_indexed and os.path.exists(folders.path(run_id, "result.json"))):
            dispatcher.finish_books(run)
    store.commit()
    ended = ended[-KEPT_RUNS:]
    for run in sorted(ended, key=lambda run: run.state.since):
        dispatcher.shelf.keep(run)
    return World(world.session, {run.id: run for run in sorted([*ended, *live], key=lambda run: run.queued)})


def _unseen(store: Store, run: str) -> Callable[[str, Mapping[str, Any]], None]:
    """Give what notes those records of a run in the index that it lacks: its last ones, if any."""
    last = store.last_seq(run)

    def saw(run: str, record: Mapping[str, Any]) -> None:
        if record["seq"] > last:
            store.saw(run, record)

    return saw


def _nothing(_: str, __: Mapping[str, Any]) -> None:
    """Leave a record alone that the index has."""


def _specs(dispatcher: Dispatcher, names: list[str]) -> list[dict[str, Any]]:
    """Give the specs of these runs, oldest first; one that can't be read is noted."""
    specs = []
    for name in names:
        spec = dispatcher.folders.spec(name)
        if spec is not None:
            specs.append(spec)
            dispatcher.remember_key(spec)
        elif dispatcher.folders.is_damaged(name):
            path = dispatcher.folders.path(name, "spec.json")
            dispatcher.note(f"run {name} is left out: {path} can't be read")
    return sorted(specs, key=lambda spec: float(spec["created"]))


async def adopt(dispatcher: Dispatcher, panes: Mapping[str, WorkerPane], world: World) -> int:
    """Take up every live run: watch its shim, start it if nothing has, or tell how it ended.

    Gives how many workers were found alive.
    """
    adopted = 0
    dispatcher.folders.sweep({run.id for run in world.runs.values() if run.is_live and run.seq == 0})
    dispatcher.gatekeeper.sweep({run.id for run in world.runs.values() if run.is_live})
    for run in world.runs.values():
        if not run.is_live:
            dispatcher.said_before(run.id)
            continue
        if not dispatcher.survived(run.id):
            dispatcher.shim_ended(run.id, why="the machine was started again while the run was under way")
            continue
        pane = panes.get(run.id)
        known = _living(run, pane, dispatcher.folders.path(run.id))
        if known is not None:
            dispatcher.watch(known)
            adopted += 1
        elif pane is None and isinstance(run.state, Queued) and run.seq == 0:
            pass  # Nothing has started it yet: the scheduler will.
        elif pane is not None and run.seq == 0 and not pane.is_dead:
            # Its worker is about to begin, or never was ordered: an earlier controller died in between.
            dispatcher.begin_again(pane)
        else:
            dispatcher.shim_ended(run.id)
        _stop_again(dispatcher, run)
        if (again := asked_again(dispatcher.folders, run, clock.now())) is not None:
            dispatcher.post(again)
    return adopted


async def found(panes: WorkerPanes) -> dict[str, WorkerPane]:
    """Give tmux's panes by the runs that they belong to."""
    return by_run(await panes.all())


def _stop_again(dispatcher: Dispatcher, run: Run) -> None:
    """Repeat a stop that was asked for and may not have reached the shim."""
    order = files.read_json(dispatcher.folders.path(run.id, "stop.json"))
    if order is None or (isinstance(run.state, Stopping) and not order.get("force")):
        return
    dispatcher.post(
        ev.StopAsked(
            run=run.id,
            at=clock.now(),
            by=str(order.get("by")),
            why=str(order.get("why")),
            force=bool(order.get("force")),
        )
    )


def _living(run: Run, pane: WorkerPane | None, run_dir: str) -> WorkerPane | None:
    """Give where the run's shim lives, or None if it doesn't, or hasn't begun."""
    if not processes.is_shim_of(run.shim_pid, run_dir):
        return None
    return WorkerPane(run.id, pane.pane if pane else "", pane.window if pane else "", run.shim_pid or 0)


def reindex(folders: Folders, store: Store) -> tuple[int, list[str]]:
    """Fill an empty index from the run folders; give how many runs were found, and what can't be read."""
    count, damaged = 0, []
    for name in sorted(folders.names()):
        spec = folders.spec(name)
        if spec is None:
            damaged += [name] if folders.is_damaged(name) else []
            continue
        count += 1
        store.queued(spec)
        for record in files.read_journal(folders.journal(name)):
            store.saw(name, record)
        if result := folders.result(name):
            store.ended(result)
        store.commit()
    return count, damaged
