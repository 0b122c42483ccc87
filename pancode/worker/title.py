"""What process lists show of a forked worker: its own run, not the command line of its parent."""

from __future__ import annotations

import posix

from pancode.worker.files import read

_ARG_START = 45
"""Where `arg_start` and `arg_end` stand in /proc/self/stat, counted from the state that follows the name."""


def show(words: list[str]) -> bool:
    """Show `words` as this process's command line; False where there is no room, or the kernel refuses."""
    text = b"\0".join(word.encode("utf-8", "surrogateescape") for word in words) + b"\0"
    try:
        fields = read("/proc/self/stat").rpartition(b") ")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_START + 1])
        if len(text) > end - start:
            return False
        memory = posix.open("/proc/self/mem", posix.O_WRONLY | posix.O_CLOEXEC)
        try:
            # The interpreter has copied its arguments long ago.
            posix.pwrite(memory, text.ljust(end - start, b"\0"), start)
        finally:
            posix.close(memory)
    except (OSError, ValueError, IndexError):
        return False
    return True
