"""What runs inside a sandbox just before the agent, and how to tell whether it has become the agent."""

from __future__ import annotations

import posix
import sys

from pancode.worker.files import read

ENV = "/usr/bin/env"
_LARGEST_ENV = 1 << 20
NOT_FOUND, NOT_RUN, FAILED = 127, 126, 125
_RULES = "8"


class Stage:
    """bwrap ignores signals, and so would the agent: `env` undoes that, or a small program of ours.

    `words` go before the agent's own. `reads_rules`: it wants the descriptor with the Landlock rules.
    """

    __slots__ = ("_before", "_program", "_says", "reads_rules", "words")

    def __init__(self, program: str, *, landlock: bool) -> None:
        """Choose the way to run `program`; raise OSError."""
        self._program = program
        # To `env` a word with "=" would be a variable.
        self.reads_rules = landlock or "=" in program or not _env_does()
        if self.reads_rules:
            self._says = __file__.rpartition("/")[0] + "/inner.py"
            self.words = [sys.executable, "-I", "-S", self._says, _RULES, "--"]
        else:
            self._says = ENV
            self.words = [ENV, "--default-signal", "--"]
        self._before: tuple[bytes, ...] = ()

    def after(self, command: list[str]) -> None:
        """Say how the command line begins of the program that runs this stage."""
        starts = (command, self.words)
        self._before = tuple(b"".join(_bytes(word) + b"\0" for word in words) for words in starts)

    def passed(self, inner: int) -> int | None:
        """Give the pid of the agent below the sandbox's first process; None if it can't be seen (yet)."""
        try:
            children = read(f"/proc/{inner}/task/{inner}/children").split()
            for child in children:
                words = read(f"/proc/{int(child)}/cmdline")
                if words and not words.startswith(self._before):
                    return int(child)
        except OSError:
            pass
        return None

    def complaint(self, text: str, code: int | None) -> str:
        """Give step and reason when this stage says that it couldn't run the agent; nothing otherwise."""
        if code not in (NOT_FOUND, NOT_RUN, FAILED):
            return ""
        for line in text.splitlines():
            if line.startswith(f"{self._says}: ") and (code == FAILED or self._program in line):
                reason = line.rpartition(": ")[2].lower()
                return f"{'sandbox' if code == FAILED else 'exec'}:{reason}"
        return ""


def _env_does() -> bool:
    """Whether this machine's `env` can set signals back; read off it, which takes less than asking it."""
    try:
        if posix.stat(ENV).st_size > _LARGEST_ENV:
            return False
        return b"default-signal" in read(ENV)
    except OSError:
        return False


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")
