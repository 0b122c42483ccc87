"""What the enclosure is told: the ask for one run, and what the machine can enforce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pancode.core.grants import Grant
from pancode.domains.agents.api import AgentNeeds
from pancode.domains.safety.settings import SandboxSettings

PROXY_PORT = 61801
"""Inside, on 127.0.0.1: the proxy to the listed hosts. Above the ports that kernels hand out."""
HOOK_PORT = 61802
"""Inside, on 127.0.0.1: where an agent's hook asks."""


@dataclass(frozen=True, slots=True)
class Canary:
    """One forbidden act that the probe really tried; `stopped` None: it couldn't be, and `note` says why."""

    name: str
    what: str
    stopped: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this machine can enforce, as the probe found it by trying.

    `sandbox` is the strongest grade whose canaries all held; `why` says in a sentence what stands in the
    way of a stronger one. `hidden` are paths below /etc that only root may read.
    """

    sandbox: Literal["full", "fs-only", "none"]
    why: str | None = None
    bwrap: str | None = None
    bwrap_version: str | None = None
    landlock_abi: int = 0
    limits: Literal["systemd", "cgroup", "rlimit", "none"] = "rlimit"
    root: bool = False
    hidden: tuple[str, ...] = ()
    canaries: tuple[Canary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclosureAsk:
    """What is asked of `build` for one run. Paths are absolute.

    `environment` is the operator's. `home_files` maps paths relative to HOME to the texts that the worker
    finds there and can't change. `zero_access` and `read_only` are existing paths from the rules, `hosts`
    and `barred_hosts` theirs, too; `ruled` fills all of them in. `repository` is the project's own work
    tree, whose objects a clone may borrow.
    """

    grant: Grant
    cwd: str
    run_dir: str
    pancode_home: str
    environment: Mapping[str, str]
    machine: Machine
    needs: AgentNeeds = field(default_factory=AgentNeeds)
    endpoint: str | None = None
    settings: SandboxSettings = field(default_factory=SandboxSettings)
    home_files: Mapping[str, str] = field(default_factory=dict)
    hook_port: int | None = None  # where the agent's hook asks, see `ports`; None: it has no hook
    proxy_port: int = PROXY_PORT
    allow_hosts: tuple[str, ...] = ()  # "host:port", asked for by the operator for this run alone
    zero_access: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    accept: frozenset[str] = frozenset()
    conversation_home: str | None = None  # the private home of the conversation's first run
    shows: tuple[str, ...] = ()  # what of PanCode's own state is visible, beside the run's files
    repository: str | None = None
    hosts: tuple[str, ...] = ()
    barred_hosts: tuple[str, ...] = ()
    rules: str = ""  # a digest of the rules
    rules_complete: bool = True  # whether all paths that the rules mean have been looked for
