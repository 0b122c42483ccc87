"""Looks at the files that a flow's results depend on: when it begins, and when it has ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pancode.domains.dispatch.flow.definition import Flow
from pancode.domains.dispatch.flow.journal import FlowFolders
from pancode.domains.dispatch.flow.reuse import Ground, Reuse, ground_from, ground_of
from pancode.domains.dispatch.flow.trees import Trees
from pancode.engine import files

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.requests import FlowStart


def about_of(flow: Flow, request: FlowStart) -> dict[str, Any]:
    """Give what tells a flow from others: its file above all, and where it runs."""
    cwd = os.path.realpath(request.cwd)
    return {"name": flow.name, "cwd": cwd, "source": request.source, "resumes": request.resumes}


class Grounding:
    """Gives each flow its ground, and keeps what the next one of the same file needs to know."""

    def __init__(self, folders: FlowFolders, reuse: Reuse, trees: Trees) -> None:
        """Look through `trees`."""
        self._folders = folders
        self._reuse = reuse
        self._trees = trees

    async def begin(self, flow: Flow, request: FlowStart, about: Mapping[str, Any]) -> Ground | None:
        """Give a flow's ground; None where nothing is to be reused."""
        if not flow.caches:
            return None
        tree = await self._trees.look(str(about["cwd"]), request.env)
        if tree is None:
            return None
        if request.resumes is not None:
            earlier = ground_from((self._folders.about(request.resumes) or {}).get("ground"))
            inherited = earlier.tree if earlier else None
        else:
            inherited = self._reuse.inherited(about, tree.digest(but=request.source))
        return ground_of(flow, tree, request.source, inherited, fresh=request.fresh)

    async def note(self, flow_id: str, cwd: str, environment: Mapping[str, str]) -> None:
        """Write down what the files are now, so that the same flow knows later whether they have changed."""
        about = self._folders.about(flow_id) or {}
        tree = await self._trees.look(cwd, environment)
        if tree is not None:
            now = tree.digest(but=about.get("source"))
            files.write_json(self._folders.path(flow_id, "after.json"), {"tree": now})
