"""What the user sets about sandbox and questions: `sandbox:` and `questions:` of pansafety.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ASK_S = 600.0
"""Seconds until a question that nobody answered meets its deadline."""
WAIT_S = 7 * 86_400.0
"""Seconds that a shim holds a question which is to wait for an answer: longer than any run."""
PROCESSES = 2048
"""Processes and threads of one worker: a build with many jobs stays below, a fork bomb doesn't."""


class OnDeadline(StrEnum):
    """What becomes of a question at its deadline."""

    DENY = "deny"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits of one worker's whole tree; None = no limit."""

    memory: int | None = None  # bytes
    processes: int | None = PROCESSES
    cpu: float | None = None  # cores
    cpu_time: int | None = None  # seconds
    file_size: int | None = None  # bytes


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """The user's wishes; the defaults hold where no file says anything.

    `readable` and `writable` are absolute paths that workers see besides the worktree; `hosts` are
    "name:port" or "*.name:port" besides the model's. Only the user's own file can widen any of these.
    """

    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    unix: bool = False  # whether workers may make AF_UNIX sockets
    landlock: bool = False  # a second wall behind bwrap's; costs a start of Python more
    limits: ResourceLimits = ResourceLimits()
    ask_s: float = ASK_S
    on_deadline: OnDeadline = OnDeadline.DENY
    notifier: str | None = None  # run for each question; split into words as a shell does, run without one
    bell: bool = True  # whether a question rings the terminal's bell

    @property
    def held_s(self) -> float:
        """Give the seconds that an action is held before the shim itself denies it."""
        return WAIT_S if self.on_deadline is OnDeadline.WAIT else self.ask_s
