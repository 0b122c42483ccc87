"""What `pancode doctor` looks at: each check gives findings, and needs no session unless it says so."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pancode.core.errors import ExitCode, PanError
from pancode.engine.places import Places

State = Literal["ok", "look", "bad"]
MEGABYTE = 1_000_000
LEAST_FREE_MB = 500
"""Of a disk: below this runs may not be able to write what they do."""
NEARLY = 0.9
"""Share of a budget from which it is worth a look."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, in a few words, and what mends it."""

    about: str
    state: State
    words: str
    remedy: str | None = None


Check = Callable[[Places], Iterator[Finding]]


def findings(where: Places) -> list[Finding]:
    """Make every check; one that fails itself is a finding, too."""
    found: list[Finding] = []
    for about, check in CHECKS.items():
        try:
            found += check(where)
        except (PanError, OSError) as error:
            remedy = error.remedy if isinstance(error, PanError) else None
            words = error.problem if isinstance(error, PanError) else str(error)
            found.append(Finding(about, "bad", words, remedy))
    return found


def _controller(where: Places) -> Iterator[Finding]:
    from pancode.cli.client import request

    try:
        told = request("status", places=where)
    except PanError as error:
        if error.code is not ExitCode.UNREACHABLE:
            raise
        yield Finding("controller", "look", "the session is not up", "pancode up")
        return
    live = told["totals"]["live"]
    yield Finding("controller", "ok", f"pid {told['controller']['pid']}, {live} live")
    asking = [row["run_id"] for row in told["workers"] if row["questions"]]
    if asking:
        yield Finding("questions", "look", f"{', '.join(asking)} wait for your answer", "pancode approvals")
    for one in request("budget", places=where)["limits"]:
        used = one.get("used")
        if used is not None and any(figure is not None for figure in one["limit"].values()):
            near = used >= NEARLY
            remedy = "pancode budget" if near else None
            yield Finding(f"budget {one['scope']}", "look" if near else "ok", f"{used:.0%} used", remedy)


def _programs(_: Places) -> Iterator[Finding]:
    from pancode.engine.tmux.version import require_tmux

    yield Finding("tmux", "ok", require_tmux().text)
    git = shutil.which("git")
    missing = "not found: no run can have a clone of its own"
    yield Finding("git", "ok" if git else "bad", git or missing, None if git else "install git")


def _sandbox(where: Places) -> Iterator[Finding]:
    from pancode.domains.safety.api import known_machine

    machine = known_machine(where.home)
    full = machine.sandbox == "full"
    words = machine.sandbox + ("" if full else f": {machine.why}")
    yield Finding("sandbox", "ok" if full else "bad", words, None if full else "pancode sandbox probe")


def _providers(where: Places) -> Iterator[Finding]:
    from pancode.cli.models import here
    from pancode.domains.panconfigure.inforce import InForce
    from pancode.domains.providers import view

    service, environment = here()
    told = view.providers(service, environment)
    answering = [row["id"] for row in told["providers"] if row["state"] == "answers"]
    endpoint = InForce(where, environment).current().endpoint
    if endpoint is not None:
        yield Finding("models", "ok", f"from {endpoint}, which is set")
    elif answering:
        yield Finding("models", "ok", f"from {', '.join(answering)}")
    else:
        yield Finding("models", "look", "no provider has answered", "pancode providers --refresh")
    for row in told["providers"]:
        if row["state"] == "fails" and not row["local"]:
            yield Finding(f"provider {row['id']}", "look", str(row["error"]), "pancode providers --refresh")
    for slip in service.slips():
        yield Finding("panproviders.yaml", "bad", *_sentence(str(slip)))


def _configuration(where: Places) -> Iterator[Finding]:
    from pancode.cli.agents import here
    from pancode.domains.panconfigure.inforce import InForce

    settings = InForce(where, dict(os.environ))
    mistakes = [*settings.mistakes(), *here().mistakes()]
    for one in mistakes:
        yield Finding("configuration", "bad", *_sentence(str(one)))
    if not mistakes:
        yield Finding("configuration", "ok", "no mistake in settings, presets and agents")


def _sentence(text: str) -> tuple[str, str | None]:
    problem, _, remedy = text.partition("\n  try: ")
    return " ".join(problem.split()), remedy or None


def _runs(where: Places) -> Iterator[Finding]:
    from pancode.domains.dispatch.folders import Folders
    from pancode.domains.dispatch.lost import chosen, damaged, lost_runs

    folders = Folders(where)
    lost = chosen(lost_runs(folders), (), folders)
    if lost:
        names = ", ".join(one.run for one in lost[:5])
        yield Finding("runs", "look", f"{len(lost)} lost and not retried: {names}", "pancode recover")
    for name in damaged(folders):
        yield Finding(f"run {name}", "bad", f"its folder can't be read: {where.runs}/{name}")
    if not lost:
        yield Finding("runs", "ok", "none is lost")


def _leftovers(_: Places) -> Iterator[Finding]:
    from pancode.domains.session.leftovers import leftovers

    found = leftovers()
    for one in found:
        yield Finding(f"left {one.kind}", "look", f"{one.what}: {one.why}", "pancode clean")
    if not found:
        yield Finding("leftovers", "ok", "nothing of ended sessions is left running")


def _journals(where: Places) -> Iterator[Finding]:
    for name in ("board.jsonl", "sharing.jsonl"):
        path = os.path.join(where.state, name)
        if os.path.exists(path):
            torn = _torn(path)
            words = f"{torn} of its lines can't be read and don't count" if torn else "whole"
            yield Finding(name, "look" if torn else "ok", words)


def _torn(path: str) -> int:
    with open(path, "rb") as file:
        return sum(not _is_record(line) for line in file if line.strip())


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _audit(_: Places) -> Iterator[Finding]:
    from pancode.domains.safety.audit import audit_path
    from pancode.domains.safety.auditlog import verify

    path = audit_path()
    if not os.path.exists(path):
        return
    found = verify(path)
    words = "whole" if found.is_whole else f"record {found.broken} is wrong: {found.problem}"
    count = f"{found.records} record{'' if found.records == 1 else 's'}"
    yield Finding("audit log", "ok" if found.is_whole else "bad", f"{count}, {words}")


def _disk(where: Places) -> Iterator[Finding]:
    free = shutil.disk_usage(where.home if os.path.isdir(where.home) else "/").free // MEGABYTE
    state: State = "ok" if free >= LEAST_FREE_MB else "bad"
    yield Finding("disk", state, f"{free:,} MB free at {where.home}", None if state == "ok" else "make room")


CHECKS: dict[str, Check] = {
    "controller": _controller,
    "programs": _programs,
    "sandbox": _sandbox,
    "models": _providers,
    "configuration": _configuration,
    "runs": _runs,
    "leftovers": _leftovers,
    "journals": _journals,
    "audit log": _audit,
    "disk": _disk,
}
