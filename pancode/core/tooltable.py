"""Which tools the orchestrator sees in which mode, and what each level says to a call of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pancode.core.actions import DECISIONS, ActionClass, Decision
from pancode.core.grants import Level, Mode

_ALL = frozenset(Mode)
_BUILD = frozenset({Mode.BUILD})
_NOT_REVIEW = frozenset({Mode.ADMIN, Mode.PLAN, Mode.BUILD})
_NOT_PLAN = frozenset({Mode.ADMIN, Mode.BUILD, Mode.REVIEW})


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: in which modes it is shown, and the class of what a call of it does.

    `is_local` for those that act in the orchestrator's own sandbox; the others act in the controller.
    """

    name: str
    modes: frozenset[Mode]
    kind: ActionClass
    is_local: bool = False


TOOLS: tuple[Tool, ...] = (
    Tool("read", _ALL, ActionClass.FILE_READ, is_local=True),
    Tool("bash", _ALL, ActionClass.BASH_EXEC, is_local=True),
    Tool("grep", _ALL, ActionClass.FILE_READ, is_local=True),
    Tool("find", _ALL, ActionClass.FILE_READ, is_local=True),
    Tool("ls", _ALL, ActionClass.FILE_READ, is_local=True),
    Tool("edit", _BUILD, ActionClass.FILE_WRITE, is_local=True),
    Tool("write", _BUILD, ActionClass.FILE_WRITE, is_local=True),
    Tool("shadow_explore", _ALL, ActionClass.AGENT_DISPATCH),
    Tool("task_write", _NOT_REVIEW, ActionClass.FILE_WRITE),
    Tool("task_check", _NOT_REVIEW, ActionClass.FILE_READ),
    Tool("task_update", _NOT_REVIEW, ActionClass.FILE_WRITE),
    Tool("task_list", _NOT_REVIEW, ActionClass.FILE_READ),
    Tool("dispatch_agent", _NOT_PLAN, ActionClass.AGENT_DISPATCH),
    Tool("batch_dispatch", _NOT_PLAN, ActionClass.AGENT_DISPATCH),
    Tool("dispatch_chain", _NOT_PLAN, ActionClass.AGENT_DISPATCH),
    Tool("pan_read_config", _ALL, ActionClass.FILE_READ),
    Tool("pan_apply_config", _NOT_REVIEW, ActionClass.FILE_WRITE),
)
"""The table: a tool that has no row here is shown in no mode."""

_BY_NAME = {tool.name: tool for tool in TOOLS}
ASKS_INSTEAD = frozenset({"pan_apply_config"})
"""Tools whose call becomes a question to a person where the level would block it."""


def shown(mode: Mode, *, local: bool | None = None) -> tuple[str, ...]:
    """Give the names of the tools that are shown in a mode, in the table's order; `local` narrows them.

    >>> {mode.value: len(shown(mode)) for mode in Mode}
    {'admin': 15, 'plan': 12, 'build': 17, 'review': 10}
    """
    return tuple(tool.name for tool in TOOLS if mode in tool.modes and local in (None, tool.is_local))


def verdict(name: str, modes: Iterable[Mode], level: Level) -> tuple[Decision, str]:
    """Say whether a call may be made, and why not. `modes` are all that have a say: each must show it.

    >>> verdict("dispatch_agent", [Mode.PLAN], Level.FULL_AUTO)
    (<Decision.BLOCK: 'block'>, 'plan mode has no tool "dispatch_agent"')
    >>> verdict("dispatch_agent", [Mode.BUILD], Level.SUGGEST)[1]
    'the level suggest starts no workers'
    """
    tool = _BY_NAME.get(name)
    if tool is None:
        return Decision.BLOCK, f'there is no tool "{name}"'
    hidden = next((mode for mode in modes if mode not in tool.modes), None)
    if hidden is not None:
        return Decision.BLOCK, f'{hidden.value} mode has no tool "{name}"'
    decision = DECISIONS[tool.kind][level]
    if decision is Decision.ALLOW:
        return decision, ""
    if name in ASKS_INSTEAD:
        return Decision.ASK, f"at the level {level.value} a person decides about every setting"
    dispatches = tool.kind is ActionClass.AGENT_DISPATCH
    words = "starts no workers" if dispatches else f"blocks what {tool.kind.meaning}"
    return decision, f"the level {level.value} {words}"


def kind_of(name: str) -> ActionClass:
    """Give the class of what a call of the tool does; what nobody knows for a tool without a row."""
    tool = _BY_NAME.get(name)
    return ActionClass.NOT_UNDERSTOOD if tool is None else tool.kind
