"""What a person is told when something is wrong: the problem, the remedy, and the exit code."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """Every exit status of `pancode`; documented in docs/exit-codes.md, which is generated from here."""

    DONE = 0, "the verb did what it was asked; a waited-for run ended `done`"
    FAILED = 1, "a waited-for run ended `failed`"
    USAGE = 2, "the command line is wrong; nothing was done"
    PREREQUISITE = 3, "a program that is needed is missing or too old; the message says what to install"
    NOT_FOUND = (
        4,
        "there is no such run, agent, session, layout or file; `run` with an unknown agent is refused",
    )
    REFUSED = 5, "a gate said no (docs/dispatch.md lists them); nothing was started"
    TIMEOUT = 6, "a waited-for run ended `timeout`"
    BUDGET = 7, "a waited-for run ended `budget`"
    CANCELLED = 8, "a waited-for run was stopped by somebody"
    LOST = 9, "a waited-for run is `lost`: its worker vanished without an end record"
    CONFIG = 10, "a file of yours has a mistake; the message names file and line"
    CONFLICT = 11, "something else holds what is needed, such as a second controller"
    ENVIRONMENT = 12, "a directory, socket or disk can't be used as it is"
    UNREACHABLE = 13, "the session's controller doesn't answer"
    BUG = 70, "a fault in PanCode itself; the traceback is in the log that the message names"
    INTERRUPTED = 130, "stopped by Ctrl-C"

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Carry the sentence that the documentation prints beside the number."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class PanError(Exception):
    """An expected failure: `problem` is one lower-case sentence, `remedy` says what to do about it."""

    def __init__(self, problem: str, *, remedy: str | None = None, code: ExitCode = ExitCode.FAILED) -> None:
        """Keep the three parts apart, so that text, JSON and exit status each get theirs."""
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.code = code

    def __str__(self) -> str:
        """Give the text that `pancode` prints after its own name.

        >>> print(PanError("tmux is missing", remedy="apt-get install tmux"))
        tmux is missing
          try: apt-get install tmux
        """
        return self.problem if self.remedy is None else f"{self.problem}\n  try: {self.remedy}"
