"""Classes of action, and what each safety level says to each of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pancode.core.grants import Grant, Level


class ActionClass(StrEnum):
    """What an action does, as far as the policy tells actions apart; the names are public."""

    FILE_READ = "file_read", "reads files of the work directory or of the machine's toolchains"
    SECRET_READ = "secret_read", "reads a key, a password or another secret"
    FILE_WRITE = "file_write", "writes inside the work directory; adds to the local git history"
    GOVERNANCE_WRITE = (
        "governance_write",
        "changes files that others obey or execute: agent settings, git hooks",
    )
    FILE_DELETE = "file_delete", "deletes one named file, or what a command rebuilds"
    BASH_EXEC = "bash_exec", "executes code of the project"
    NETWORK = "network", "talks to a listed host"
    NETWORK_UNLISTED = "network_unlisted", "talks to a host that is not listed, or uploads"
    GIT_PUSH = "git_push", "pushes commits, without force"
    BASH_DESTRUCTIVE = "bash_destructive", "destroys files or data beyond what a command rebuilds"
    GIT_DESTRUCTIVE = "git_destructive", "destroys git refs, history or the state of a remote"
    SYSTEM_MODIFY = "system_modify", "changes the machine: privileges, services, other processes, the sandbox"
    AGENT_DISPATCH = "agent_dispatch", "starts another worker"
    NOT_UNDERSTOOD = "not_understood", "nobody knows what it does"

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Carry the sentence that the documentation and `explain` print."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class Decision(StrEnum):
    """The answer to an action. Ordered from the mildest to the strictest."""

    ALLOW = "allow"
    ASK = "ask"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """Order the decisions: 0 is the mildest."""
        return list(Decision).index(self)


def strictest(*decisions: Decision) -> Decision:
    """Give the strictest of `decisions`; ALLOW if there are none.

    >>> strictest(Decision.ALLOW, Decision.BLOCK, Decision.ASK)
    <Decision.BLOCK: 'block'>
    """
    return max(decisions, key=lambda one: one.rank, default=Decision.ALLOW)


_ALLOW, _ASK, _BLOCK = Decision.ALLOW, Decision.ASK, Decision.BLOCK
_ROWS: Mapping[ActionClass, tuple[Decision, Decision, Decision]] = {
    ActionClass.FILE_READ: (_ALLOW, _ALLOW, _ALLOW),
    ActionClass.SECRET_READ: (_BLOCK, _BLOCK, _BLOCK),
    ActionClass.FILE_WRITE: (_BLOCK, _ALLOW, _ALLOW),
    ActionClass.GOVERNANCE_WRITE: (_BLOCK, _BLOCK, _ASK),
    ActionClass.FILE_DELETE: (_BLOCK, _ALLOW, _ALLOW),
    ActionClass.BASH_EXEC: (_BLOCK, _ALLOW, _ALLOW),
    ActionClass.NETWORK: (_BLOCK, _ALLOW, _ALLOW),
    ActionClass.NETWORK_UNLISTED: (_BLOCK, _BLOCK, _ASK),
    ActionClass.GIT_PUSH: (_BLOCK, _BLOCK, _ASK),
    ActionClass.BASH_DESTRUCTIVE: (_BLOCK, _BLOCK, _ASK),
    ActionClass.GIT_DESTRUCTIVE: (_BLOCK, _BLOCK, _ASK),
    ActionClass.SYSTEM_MODIFY: (_BLOCK, _BLOCK, _BLOCK),
    ActionClass.AGENT_DISPATCH: (_BLOCK, _ALLOW, _ALLOW),
    ActionClass.NOT_UNDERSTOOD: (_BLOCK, _BLOCK, _ASK),
}
DECISIONS: Mapping[ActionClass, Mapping[Level, Decision]] = {
    kind: dict(zip(Level, row, strict=True)) for kind, row in _ROWS.items()
}
"""The table of the policy: class x level. Every class has a row; a class without one is no class."""

SEVERITY: tuple[ActionClass, ...] = (
    ActionClass.FILE_READ,
    ActionClass.NETWORK,
    ActionClass.FILE_WRITE,
    ActionClass.FILE_DELETE,
    ActionClass.BASH_EXEC,
    ActionClass.AGENT_DISPATCH,
    ActionClass.GIT_PUSH,
    ActionClass.NETWORK_UNLISTED,
    ActionClass.NOT_UNDERSTOOD,
    ActionClass.GOVERNANCE_WRITE,
    ActionClass.BASH_DESTRUCTIVE,
    ActionClass.GIT_DESTRUCTIVE,
    ActionClass.SECRET_READ,
    ActionClass.SYSTEM_MODIFY,
)
"""From the mildest to the severest: of the parts of one command the severest gives the command its class."""

DESTRUCTIVE = frozenset(
    {ActionClass.BASH_DESTRUCTIVE, ActionClass.GIT_DESTRUCTIVE, ActionClass.SYSTEM_MODIFY}
)
"""The classes that `safety classify` reports as destructive."""

_CHANGING = frozenset(
    {
        ActionClass.FILE_WRITE,
        ActionClass.FILE_DELETE,
        ActionClass.GOVERNANCE_WRITE,
        ActionClass.GIT_PUSH,
        ActionClass.BASH_DESTRUCTIVE,
        ActionClass.GIT_DESTRUCTIVE,
    }
)


def severest(*kinds: ActionClass) -> ActionClass:
    """Give the severest of `kinds`; FILE_READ if there are none."""
    found: ActionClass = max(kinds, key=SEVERITY.index, default=ActionClass.FILE_READ)
    return found


def decide_class(kind: ActionClass, grant: Grant) -> Decision:
    """Give what `grant` says to an action of the class `kind`, before any rule of the user's.

    A worker that may not write has its mutations blocked at every level; it may run what its level
    lets it run, since its mounts are read-only.
    """
    if kind in _CHANGING and not grant.may_write:
        return Decision.BLOCK
    return DECISIONS[kind][grant.level]
