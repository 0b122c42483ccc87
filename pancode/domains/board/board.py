"""The board as everybody asks it: people by the socket, workers through their shim. One set of rules."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.host import Args
from pancode.core.ids import resolve
from pancode.domains.board.journal import Journal
from pancode.domains.board.tasks import MOST_TASKS, Task, find, ordered
from pancode.engine import clock

OPERATOR = "operator"


class Board:
    """Answers list, show, create, update and check; `by` is "operator" or the id of the run that asks."""

    def __init__(
        self,
        journal: Journal,
        runs: Callable[[], set[str]],
        state_of: Callable[[str], str | None],
        clock_now: Callable[[], float] = clock.now,
    ) -> None:
        """`runs` gives the ids of all runs, `state_of` what state one is in, as far as that is known."""
        self._journal = journal
        self._runs = runs
        self._state_of = state_of
        self._now = clock_now

    def answer(self, verb: str, args: Args, by: str, call: str | None = None) -> Mapping[str, Any]:
        """Carry out one verb; PanError says why not. A change with a key `call` is made once."""
        from pancode.domains.board.requests import Check, Create, Listing, Update, parse

        if call is not None and (done := self._journal.of_call.get(call)) in self._journal.tasks:
            return self.told(self._journal.tasks[str(done)])
        match verb:
            case "list":
                listing = parse(Listing, args)
                return {"tasks": [self.told(task) for task in ordered(self._journal.tasks, listing.status)]}
            case "show":
                return self.told(find(self._journal.tasks, parse(Check, args).id))
            case "create":
                return self.told(self._create(parse(Create, args), by, call))
            case "check":
                checked = parse(Check, args)
                return self.told(self._change(checked.id, {"status": "done"}, by, call))
            case "update":
                update = parse(Update, args)
                given = update.model_dump(exclude={"id"}, exclude_none=True)
                given["link"] = [resolve(run, self._runs()) for run in update.link]
                linked = set(find(self._journal.tasks, update.id).runs)
                given["unlink"] = [resolve(run, linked) for run in update.unlink]
                return self.told(self._change(update.id, given, by, call))
            case _:
                raise PanError(
                    f'the board knows no "{verb}"', remedy="pancode task --help", code=ExitCode.USAGE
                )

    def created_by(self, by: str) -> int:
        """Count the tasks of one author."""
        return sum(task.author == by for task in self._journal.tasks.values())

    def changed_by(self, by: str) -> int:
        """Count the changes that one author has made to tasks."""
        tasks = self._journal.tasks.values()
        return sum(change.by == by for task in tasks for change in task.history)

    def _create(self, asked: Any, by: str, call: str | None) -> Task:  # noqa: ANN401 -- its module is loaded with the first request
        tasks = self._journal.tasks
        if len(tasks) >= MOST_TASKS:
            raise PanError(f"the board is full: {MOST_TASKS} tasks", code=ExitCode.REFUSED)
        runs = [resolve(run, self._runs()) for run in asked.runs]
        if by != OPERATOR and by not in runs:
            runs.append(by)
        id_ = _new_id(set(tasks))
        record = {"kind": "task_created", "id": id_, "by": by, "title": asked.title, "runs": runs}
        record |= {} if call is None else {"call": call}
        task = self._journal.write({**record, "description": asked.description}, self._now())
        return task if task is not None else tasks[id_]

    def _change(self, prefix: str, given: Mapping[str, Any], by: str, call: str | None) -> Task:
        task = find(self._journal.tasks, prefix)
        record = {"kind": "task_changed", "id": task.id, "by": by, **given}
        record |= {} if call is None else {"call": call}
        return self._journal.write(record, self._now()) or task

    def told(self, task: Task) -> dict[str, Any]:
        """Give a task as `--json` has it."""
        runs = [{"run_id": run, "state": self._state_of(run)} for run in task.runs]
        return {**asdict(task), "runs": runs}


def _new_id(taken: set[str]) -> str:
    while (id_ := f"t-{secrets.token_hex(3)}") in taken:
        pass
    return id_
