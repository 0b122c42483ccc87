"""The two process attributes that Python doesn't offer, by way of libc's `prctl`."""

from __future__ import annotations

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> bool:
    """Make this process the parent of every orphan below it; False where that can't be done."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal: int) -> bool:
    """Ask for `signal` when the parent dies; False where that can't be done."""
    return _prctl(PR_SET_PDEATHSIG, signal)


def _prctl(option: int, value: int) -> bool:
    arguments = (option, value, 0, 0, 0)
    try:
        # The package `ctypes` costs 2.4 ms and a megabyte on the way to the agent; its C half 0.5 ms.
        import _ctypes

        address = _ctypes.dlsym(_ctypes.dlopen(None, 2), "prctl")  # type: ignore[arg-type]
        return bool(_ctypes.call_function(address, arguments) == 0)
    except (ImportError, AttributeError, TypeError, OSError):
        pass
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(*arguments) == 0)
    except (ImportError, AttributeError, OSError):
        return False
