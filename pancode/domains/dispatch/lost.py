"""Runs that a crash has taken, as their folders tell it: what was asked, what is left, what became of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pancode.core.errors import ExitCode, PanError
from pancode.core.ids import resolve
from pancode.core.redact import redact
from pancode.domains.dispatch.folders import Folders
from pancode.domains.isolation.api import read as read_changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A run that ended `lost`.

    `ended` are seconds since the epoch; `folder` holds its logs. `clone` is where an isolated run worked,
    `changes` what was collected of that. `retried` is the run that its request was given to again.
    """

    run: str
    agent: str
    task: str
    ended: float
    why: str
    folder: str
    clone: str | None
    changes: Mapping[str, Any] | None
    retried: str | None

    @property
    def told(self) -> dict[str, Any]:
        """Give it as `recover --json` prints it."""
        facts = asdict(self)
        return {"run_id": facts.pop("run"), **facts}


def lost_runs(folders: Folders) -> list[Lost]:
    """Give every run that was lost, the newest first."""
    found = list(_lost(folders))
    if not found:
        return []
    retried = dict(_retries(folders))
    lost = [_about(folders, run, result, retried.get(run)) for run, result in found]
    return sorted(lost, key=lambda each: -each.ended)


def chosen(lost: Collection[Lost], names: Collection[str], folders: Folders) -> list[Lost]:
    """Give the lost runs that `names` mean; without names those that nobody has retried.

    PanError for a name that is no run, and for a run that was not lost.
    """
    if not names:
        return [each for each in lost if each.retried is None]
    known = {each.run: each for each in lost}
    return [known[run] if run in known else _refuse(run, folders) for run in _ids(names, folders)]


def unfinished(folders: Folders) -> list[str]:
    """Give the runs that have neither ended nor are damaged: with no session up, they wait for one."""
    return [run for run in sorted(folders.names()) if folders.result(run) is None and folders.spec(run)]


def damaged(folders: Folders) -> list[str]:
    """Give the runs whose spec can't be read any more."""
    return [run for run in sorted(folders.names()) if folders.is_damaged(run)]


def _ids(names: Collection[str], folders: Folders) -> list[str]:
    every = folders.names()
    return list(dict.fromkeys(resolve(name, every) for name in names))


def _refuse(run: str, folders: Folders) -> Lost:
    result = folders.result(run)
    if result is None:
        raise PanError(f"run {run} has not ended", remedy="pancode up settles it", code=ExitCode.REFUSED)
    raise PanError(
        f"run {run} was not lost: it is {result['status']}",
        remedy=f"pancode retry {run} starts its request once more",
        code=ExitCode.REFUSED,
    )


def _lost(folders: Folders) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for run in folders.names():
        result = folders.result(run)
        if result is not None and result["status"] == "lost":
            yield run, result


def _retries(folders: Folders) -> Iterator[tuple[str, str]]:
    for run in folders.names():
        spec = folders.spec(run) or {}
        request = spec.get("request")
        if isinstance(request, dict) and request.get("retries"):
            yield str(request["retries"]), run


def _about(folders: Folders, run: str, result: Mapping[str, Any], retried: str | None) -> Lost:
    spec = folders.spec(run) or {}
    record = result["evidence"].get("record")
    changes = read_changes(folders.path(run))
    isolation = spec.get("isolation")
    return Lost(
        run=run,
        agent=str(spec.get("agent") or result.get("agent")),
        task=redact(str(spec.get("task") or "")),
        ended=float(result["ended"]),
        why=str((record if isinstance(record, dict) else {}).get("why") or "nobody can say"),
        folder=folders.path(run),
        clone=str(isolation["clone"]) if isinstance(isolation, dict) and isolation.get("base") else None,
        changes=None if changes is None else changes.told,
        retried=retried,
    )
