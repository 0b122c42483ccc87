"""What the child of the shim takes on before it becomes the agent where there is no bwrap."""

from __future__ import annotations

from pancode.worker.seccomp import program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pancode.worker.profile import Sandbox


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
