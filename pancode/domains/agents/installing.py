"""Installs what a runtime needs of npm: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.discover import which
from pancode.domains.agents.npm import FILES, below, folder, too_old
from pancode.engine.npm import CI
from pancode.engine.npm import install as run_npm
from pancode.engine.shipped import npm_dir


def provide(
    adapters: Mapping[str, Adapter], name: str, home: str, path: str, version_of: Callable[[str], str | None]
) -> str:
    """Install what runtime `name` needs, with the npm in `path`; give the folder.

    PanError NOT_FOUND where it needs nothing of npm, PREREQUISITE where its program or npm won't do.
    """
    adapter = adapters.get(name)
    if adapter is None or adapter.npm is None:
        there = ", ".join(each.id for each in adapters.values() if each.npm)
        raise PanError(
            f'PanCode installs nothing for "{name}"', remedy=f"one of {there}", code=ExitCode.NOT_FOUND
        )
    program, npm = which(adapter.binary, path), which("npm", path)
    if program is None or npm is None:
        missing = adapter.binary if program is None else "npm"
        raise PanError(
            f'there is no program "{missing}" in PATH', remedy=adapter.install, code=ExitCode.PREREQUISITE
        )
    if below(found := version_of(program), adapter.least):
        problem = f"{adapter.name} can't run: {too_old(adapter.binary, adapter.least, found)}"
        raise PanError(problem, remedy=adapter.install, code=ExitCode.PREREQUISITE)
    return _install(home, adapter.npm, npm)


def _install(home: str, name: str, npm: str) -> str:
    """Install the packages of runtime `name` with the program at `npm`; give the folder.

    What was there stays as it is if that fails: PanError ENVIRONMENT says how.
    """
    where = folder(home, name)
    os.makedirs(os.path.dirname(where), mode=0o700, exist_ok=True)
    fresh = tempfile.mkdtemp(prefix=f".{name}-", dir=os.path.dirname(where))
    try:
        for file in FILES:
            shutil.copyfile(os.path.join(npm_dir(), name, file), os.path.join(fresh, file))
        problem = run_npm(npm, fresh)
        if problem is not None:
            raise PanError(
                f'"npm {" ".join(CI)}" has failed: {problem}',
                remedy="check the network and the npm settings of this machine, then do it again",
                code=ExitCode.ENVIRONMENT,
            )
        shutil.rmtree(where, ignore_errors=True)
        os.rename(fresh, where)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return where
