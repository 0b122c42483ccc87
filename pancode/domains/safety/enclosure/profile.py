"""Builds the sandbox of one run: everything the shim needs to enclose the agent, and what of it is kept."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.enclosure import base, grade
from pancode.domains.safety.enclosure.asks import EnclosureAsk
from pancode.domains.safety.enclosure.home import OUT, git_config, home_mounts, home_path, logins
from pancode.domains.safety.enclosure.mounts import (
    Kind,
    Mount,
    arranged,
    grants,
    hiding,
    options,
    reading,
    within,
)
from pancode.domains.safety.enclosure.network import network, reach
from pancode.domains.safety.enclosure.protection import Protection, protect
from pancode.domains.safety.enclosure.repository import Guard, guard
from pancode.domains.safety.enclosure.toolchains import toolchains
from pancode.domains.safety.enclosure.worktree import WorkTree, find
from pancode.domains.safety.guarantees import (
    LOGIN_READABLE,
    NO_HOOK,
    NO_LIMITS,
    RULES_INCOMPLETE,
    UNIX_HIDDEN,
    Weakness,
)
from pancode.worker.seccomp import program

if TYPE_CHECKING:
    from typing import Literal

    from pancode.domains.safety.settings import ResourceLimits
    from pancode.worker.profile import Grade, Login, Network, Resources, Sandbox
    from pancode.worker.profile import Kind as SandboxKind

NAMESPACES = (
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
    "--unshare-cgroup-try", "--disable-userns", "--die-with-parent", "--cap-drop", "ALL",
)  # fmt: skip
DEVICES = ("--dev", "/dev", "--proc", "/proc")
_WRITABLE_ANYWAY = ("/tmp", "/var/tmp", "/run", "/dev", "/proc")  # noqa: S108 -- inside
_WRITABLE_DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "tty", "pts", "ptmx", "shm"))


@dataclass(frozen=True, slots=True)
class _Parts:
    """What has been found out about one run."""

    tree: WorkTree
    kind: SandboxKind
    mounts: list[Mount]
    guard: Guard
    protection: Protection
    accepted: list[Weakness]


def build(ask: EnclosureAsk) -> Sandbox:
    """Give the sandbox for `ask`; nothing is written.

    PanError REFUSED names what can't be promised here and the `--accept-weaker` that lets it pass.
    """
    kind, accepted = grade.kind(ask)
    tree = find(ask)
    writable = ask.grant.may_write
    repository = guard(tree.root, writable=writable, repository=ask.repository)
    protection = protect(ask, tree, writable=writable)
    _check_rules(ask, tree)
    mounts = arranged(_mounts(ask, tree, repository, protection))
    parts = _Parts(tree, kind, mounts, repository, protection, [*accepted, *protection.accepted])
    return _sandbox(ask, parts)


def _mounts(ask: EnclosureAsk, tree: WorkTree, repository: Guard, protection: Protection) -> list[Mount]:
    """Give everything that is seen; of two mounts at one place the later counts."""
    programs = [ask.needs.binary] if ask.needs.binary else []
    found = base.machine(ask.machine.hidden, root=ask.machine.root)
    found += toolchains(tree, ask.environment, programs)
    found += home_mounts(ask)
    found += _wished(ask, tree)
    found.append(Mount(_how(ask), tree.root))
    found += reading(os.path.join(ask.run_dir, "files"), *ask.shows)
    found += [Mount(Kind.WRITE, os.path.join(ask.run_dir, OUT))] if ask.needs.out else []
    found += [*repository.mounts, *git_config(ask, repository.config)]
    return _without_hidden([*found, *protection.mounts], protection)


def _wished(ask: EnclosureAsk, tree: WorkTree) -> list[Mount]:
    """Give what the user's settings add, with the places of secrets hidden in it."""
    found = reading(*(path for path in ask.settings.readable if os.path.exists(path)))
    found += [Mount(_how(ask), path) for path in ask.settings.writable if os.path.isdir(path)]
    tops = [each.target for each in found]
    secret = [path for path in tree.secret if any(within(path, top) for top in tops) and os.path.exists(path)]
    return [*found, *(hiding(path) for path in secret)]


def _how(ask: EnclosureAsk) -> Kind:
    return Kind.WRITE if ask.grant.may_write else Kind.READ


def _without_hidden(mounts: list[Mount], protection: Protection) -> list[Mount]:
    """Leave out what would show again a part of what the rules hide."""
    masks = set(protection.masks)
    hidden = [
        each
        for each in protection.mounts
        if each.kind in (Kind.EMPTY, Kind.BLANK) and each.target not in masks
    ]
    tops = [each.target for each in hidden]
    shown = [each for each in mounts if not any(within(each.target, top) for top in tops)]
    return [*shown, *hidden]


def _check_rules(ask: EnclosureAsk, tree: WorkTree) -> None:
    for path in ask.zero_access:
        if within(tree.root, path):
            raise PanError(
                f'a rule gives no access to "{path}", where the worker would work',
                remedy="change zero_access in pansafety.yaml, or start it elsewhere",
                code=ExitCode.REFUSED,
            )


def _sandbox(ask: EnclosureAsk, parts: _Parts) -> Sandbox:
    enclosed = parts.kind == "bwrap"
    net: Network = network(ask, parts.tree.home)
    readable, writable = _landlock(parts)
    own = logins(ask)
    found: Sandbox = {
        "kind": parts.kind,
        "program": ask.machine.bwrap if enclosed else None,
        "options": _options(parts) if enclosed else [],
        "readable": readable,
        "writable": writable,
        "landlock": parts.kind == "landlock" or (ask.settings.landlock and ask.machine.landlock_abi > 0),
        "unix": ask.settings.unix,
        "filter": _filter(unix=ask.settings.unix) if enclosed else "",
        "worktree": parts.tree.root,
        "masks": [*parts.guard.masks, *parts.protection.masks] if enclosed else [],
        "stubs": _stubs(parts) if enclosed else {},
        "home": None if parts.kind == "none" else home_path(ask),
        "network": net,
        "logins": [] if parts.kind == "none" else own,
        "resources": _resources(ask.settings.limits),
        "grade": _grade(ask, parts, net, own),
        "ask_s": ask.settings.ask_s,
        "policy": "",
    }
    return {**found, "policy": _digest(found, ask.rules)}


@lru_cache(maxsize=2)
def _filter(*, unix: bool) -> str:
    return program(unix=unix).hex()


def _stubs(parts: _Parts) -> dict[str, str | None]:
    return {**parts.guard.stubs, **dict.fromkeys(parts.protection.sockets)}


def _options(parts: _Parts) -> list[str]:
    return [
        *NAMESPACES,
        *DEVICES,
        *options(parts.mounts),
        *("--remount-ro", "/"),
        *("--chdir", parts.tree.cwd),
    ]


def _landlock(parts: _Parts) -> tuple[list[str], list[str]]:
    """Give what Landlock grants: as the only wall paths outside, as the second wall paths inside."""
    if parts.kind != "bwrap":
        readable, writable = grants(parts.mounts)
        return [*readable, "/dev", "/proc"], [*writable, *_WRITABLE_DEVICES]
    writable = [each.target for each in parts.mounts if each.kind is Kind.WRITE]
    return ["/"], [*writable, *_WRITABLE_ANYWAY]


def _resources(limits: ResourceLimits) -> Resources:
    return {
        "memory_bytes": limits.memory,
        "processes": limits.processes,
        "cpu_cores": limits.cpu,
        "file_bytes": limits.file_size,
        "cpu_s": limits.cpu_time,
    }


def _grade(ask: EnclosureAsk, parts: _Parts, net: Network, own: list[Login]) -> Grade:
    machine, names = ask.machine, [each["source"] for each in own]
    lost = [*grade.losses(ask, parts.accepted), *parts.guard.lost, *parts.protection.said]
    lost += [] if ask.rules_complete else [RULES_INCOMPLETE]
    lost += [NO_LIMITS] if machine.limits == "none" else []
    lost += [UNIX_HIDDEN] if ask.settings.unix else []
    lost += [LOGIN_READABLE] if names else []
    lost += [NO_HOOK] if ask.hook_port is None and ask.needs.binary else []
    return {
        "sandbox": "full" if parts.kind == "bwrap" else "fs-only" if parts.kind == "landlock" else "none",
        "net": "open" if parts.kind == "none" else reach(ask, net),
        "unix": _unix(ask, parts.kind),
        "limits": machine.limits,
        "hook": "none" if ask.hook_port is None else "asked",
        "landlock": parts.kind == "landlock" or (ask.settings.landlock and machine.landlock_abi > 0),
        "root": machine.root,
        "login": names,
        "accepted": sorted({each.name for each in parts.accepted}),
        "lost": list(dict.fromkeys(lost)),
    }


def _unix(ask: EnclosureAsk, kind: SandboxKind) -> Literal["denied", "hidden-only", "open"]:
    if kind == "none":
        return "open"
    if not ask.settings.unix:
        return "denied"
    return "hidden-only" if kind == "bwrap" else "open"


def _digest(sandbox: Sandbox, rules: str) -> str:
    text = json.dumps([sandbox, rules], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
