"""What the child of the shim takes on before it becomes bwrap or the agent: limits, Landlock, the filter."""

from __future__ import annotations

import posix

from pancode.worker.seccomp import program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.profile import Sandbox

FILTER = 5
"""The descriptor that bwrap reads the filter from."""


def limit_core() -> None:
    """Leave no memory images in the worktree, there may be secrets in them."""
    from resource import RLIMIT_CORE, setrlimit

    setrlimit(RLIMIT_CORE, (0, 0))


def write_filter(profile: Sandbox) -> None:
    """Give bwrap its filter for system calls; raise OSError or UnknownMachineError."""
    posix.write(FILTER, program(unix=profile["unix"]))
    posix.lseek(FILTER, 0, 0)


def landlock(profile: Sandbox) -> None:
    """Put the whole wall round this process where there is no bwrap; raise LandlockError or OSError."""
    from pancode.worker.kernel import filter_calls
    from pancode.worker.landlock import LandlockError, restrict

    alone = profile["grade"]["net"] != "open"
    restrict(profile["readable"], profile["writable"], _ports(profile) if alone else None)
    if not filter_calls(program(unix=profile["unix"], only_tcp=alone)):
        raise LandlockError("the kernel refuses the filter for system calls")


def _ports(profile: Sandbox) -> list[int]:
    from pancode.worker.sandbox import doors

    return [*doors(profile["network"]), *(forward["to"] for forward in profile["network"]["forwards"])]
