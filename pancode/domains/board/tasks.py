"""The tasks of the board, added up from the records of its journal; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pancode.core.errors import ExitCode, PanError

STATUSES = ("todo", "doing", "blocked", "done")
MOST_TASKS = 2000
MOST_RUNS = 50
"""Runs that one task can be linked to."""
LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 4000

Tasks = Mapping[str, "Task"]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a task's history: when, by whom ("operator", or a run's id), what."""

    at: float
    by: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to be done; `runs` are those that work on it, or have."""

    id: str
    title: str
    description: str = ""
    status: str = "todo"
    runs: tuple[str, ...] = ()
    author: str
    created: float
    updated: float
    history: tuple[Change, ...] = ()


def added_up(records: Iterable[Mapping[str, Any]]) -> dict[str, Task]:
    """Give the tasks after all records; one that makes no sense changes nothing."""
    tasks: dict[str, Task] = {}
    for record in records:
        task = after(tasks, record)
        if task is not None:
            tasks[task.id] = task
    return tasks


def after(tasks: Tasks, record: Mapping[str, Any]) -> Task | None:
    """Give the task that a record is about as it is after it; None if it changes none."""
    id_, kind = str(record.get("id")), record.get("kind")
    at, by = float(record.get("t") or 0.0), str(record.get("by"))
    known = tasks.get(id_)
    if kind == "task_created" and known is None:
        task = Task(
            id=id_,
            title=str(record.get("title")),
            description=str(record.get("description") or ""),
            runs=tuple(map(str, record.get("runs") or ())),
            author=by,
            created=at,
            updated=at,
        )
        return replace(task, history=(Change(at, by, "created"),))
    if kind == "task_changed" and known is not None:
        return _changed(known, record, at, by)
    return None


def _changed(task: Task, record: Mapping[str, Any], at: float, by: str) -> Task | None:
    said: list[str] = []
    new = task
    for key in ("title", "description", "status"):
        value = record.get(key)
        if isinstance(value, str) and value != getattr(task, key):
            new = replace(new, **{key: value})  # type: ignore[arg-type]
            said.append(f"{key} {getattr(task, key)} -> {value}" if key == "status" else f"new {key}")
    runs = tuple(dict.fromkeys((*task.runs, *map(str, record.get("link") or ()))))
    runs = tuple(run for run in runs if run not in (record.get("unlink") or ()))
    if runs != task.runs:
        said += [f"linked {run}" for run in runs if run not in task.runs]
        said += [f"unlinked {run}" for run in task.runs if run not in runs]
        new = replace(new, runs=runs)
    if not said:
        return None
    return replace(new, updated=at, history=(*task.history, Change(at, by, ", ".join(said))))


def find(tasks: Tasks, prefix: str) -> Task:
    """Give the one task that an id, or its beginning with or without "t-", means; PanError NOT_FOUND."""
    if prefix in tasks:
        return tasks[prefix]
    whole = prefix if prefix.startswith("t-") else f"t-{prefix}"
    found = [task for id_, task in tasks.items() if prefix and id_.startswith(whole)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise PanError(f'there is no task "{prefix}"', remedy="pancode task list", code=ExitCode.NOT_FOUND)
    named = ", ".join(task.id for task in found[:6])
    raise PanError(f'"{prefix}" could be {named}', remedy="type more of it", code=ExitCode.NOT_FOUND)


def ordered(tasks: Tasks, status: str | None = None) -> list[Task]:
    """Give the tasks as they are listed: doing, blocked, to do, done; the oldest first."""
    ranks = {"doing": 0, "blocked": 1, "todo": 2, "done": 3}
    chosen = [task for task in tasks.values() if status in (None, task.status)]
    return sorted(chosen, key=lambda task: (ranks.get(task.status, 2), task.created, task.id))
