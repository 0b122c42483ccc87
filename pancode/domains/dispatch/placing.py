"""Where a run works: in the directory it was asked for, in a clone of its own, or beside another run."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.state import Run
from pancode.domains.agents.api import ORCHESTRATOR, SHELL, Agents
from pancode.domains.dispatch.folders import Folders, Order
from pancode.domains.dispatch.outside import Outside
from pancode.domains.isolation.api import Isolated, Isolation, isolates, root_of
from pancode.engine import places

if TYPE_CHECKING:
    from pancode.domains.dispatch.requests import RunRequest


class Placing:
    """Decides it, from what was asked and from who else works there."""

    def __init__(self, outside: Outside, folders: Folders, agents: Agents, isolation: Isolation) -> None:
        """Look at live runs through `outside` and `folders`."""
        self._outside = outside
        self._folders = folders
        self._agents = agents
        self._isolation = isolation
        self._trees: dict[str, str] = {}

    def place(
        self, order: Order, request: RunRequest, continued: Run | None
    ) -> tuple[Order, Isolated | None]:
        """Give the order with the directory that the run really gets, and its isolation if it has one.

        PanError REFUSED where no clone can be made, NOT_FOUND where there is no run to be beside.
        """
        if request.beside is not None:
            return replace(order, cwd=self._beside(request.beside)), None
        earlier = None if continued is None else self._folders.spec(continued.id)
        goes_on = bool(earlier and earlier.get("isolation")) and request.isolate is not False
        if not goes_on and not self._is_isolated(order, request):
            return order, None
        before = earlier if goes_on else None
        isolation = self._isolation.plan(order.run, order.cwd, before, request.start_from)
        inside = os.path.relpath(str(isolation["from"]), str(isolation["root"]))
        return replace(order, cwd=os.path.normpath(os.path.join(str(isolation["clone"]), inside))), isolation

    def _is_isolated(self, order: Order, request: RunRequest) -> bool:
        root = root_of(order.cwd)
        return isolates(
            request.isolate,
            may_write=order.grant.may_write,
            is_agent=self._agents.get(request.agent).runtime != SHELL,
            in_repository=root is not None,
            others_write=root is not None and self._others_write(root),
        )

    def _others_write(self, root: str) -> bool:
        live = {run.id: run for run in self._outside.world().runs.values() if run.is_live}
        self._trees = {run: tree for run, tree in self._trees.items() if run in live}
        # The orchestrator writes for the operator, between the workers that it starts: as the operator would.
        return any(
            run.grant.may_write
            and not run.isolated
            and run.agent != ORCHESTRATOR
            and self._tree(run.id) == root
            for run in live.values()
        )

    def _tree(self, run: str) -> str:
        if run not in self._trees:
            spec = self._folders.spec(run) or {}
            sandbox: dict[str, Any] = spec.get("sandbox") or {}
            tree = sandbox.get("worktree") or places.project_root(str(spec.get("cwd") or "/"))
            self._trees[run] = str(tree)
        return self._trees[run]

    def _beside(self, run: str) -> str:
        cwd = str((self._folders.spec(run) or {}).get("cwd") or "")
        if not os.path.isdir(cwd):
            raise PanError(
                f"the directory of run {run} is not there any more",
                remedy="run it again",
                code=ExitCode.NOT_FOUND,
            )
        return cwd
