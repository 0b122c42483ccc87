"""What Python doesn't offer of the kernel, by way of libc."""

from __future__ import annotations

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
_MOST_CAPABILITIES = 64


def adopt_orphans() -> bool:
    """Make this process the parent of every orphan below it; False where that can't be done."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal: int) -> bool:
    """Ask for `signal` when the parent dies; False where that can't be done."""
    return _prctl(PR_SET_PDEATHSIG, signal)


def keep_to_oneself() -> bool:
    """Have no other process read this one's memory, environment and descriptors by /proc, or trace it.

    What it starts is not meant: a program begins without. False where that can't be done.
    """
    return _prctl(PR_SET_DUMPABLE, 0)


def no_new_privileges() -> bool:
    """Have no program give this process more rights than it has; False where that can't be done."""
    for capability in range(_MOST_CAPABILITIES):
        # Root would get them back from its next program. Fails for those that don't exist, and for others.
        _prctl(PR_CAPBSET_DROP, capability)
    return _prctl(PR_SET_NO_NEW_PRIVS, 1)


def filter_calls(program: bytes) -> bool:
    """Have the kernel ask the BPF `program` about each system call; False where that can't be done."""
    from _struct import pack
    from array import array

    code = array("B", program)
    filters = pack("@HP", len(program) // 8, code.buffer_info()[0])
    return call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filters, 0, 0) == 0


def _prctl(option: int, value: int) -> bool:
    return call("prctl", option, value, 0, 0, 0) == 0


def call(function: str, *arguments: int | bytes | None) -> int:
    """Call a function of libc that takes integers or the addresses of bytes, and gives an integer.

    -1 also where it can't be called at all.
    """
    try:
        # The package `ctypes` costs 2.4 ms and a megabyte on the way to the agent; its C half 0.5 ms.
        import _ctypes

        address = _ctypes.dlsym(_ctypes.dlopen(None, 2), function)  # type: ignore[arg-type]
        return int(_ctypes.call_function(address, arguments))
    except (ImportError, AttributeError, TypeError, OSError):
        pass
    try:
        import ctypes

        return int(getattr(ctypes.CDLL(None), function)(*arguments))
    except (ImportError, AttributeError, OSError):
        return -1
