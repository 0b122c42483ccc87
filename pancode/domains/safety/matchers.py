"""What a rule speaks of: commands, texts, paths, hosts or tools, each with its way of being met."""

from __future__ import annotations

import os
import re
import shlex
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.judgement import DYNAMIC, Part
from pancode.domains.safety.pathglob import PathPattern

REGEX_S = 0.010
"""Seconds of computing that a regular expression gets; one that needs more counts as met."""
MOST_WORDS = 200
"""Words of a command that a pattern is compared with."""
REST = "**"
_GIT_VALUES = frozenset(
    {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"}
)
_READS = frozenset({ActionClass.FILE_READ, ActionClass.BASH_EXEC, ActionClass.NETWORK})
_DELETES = frozenset(
    {
        ActionClass.FILE_DELETE,
        ActionClass.BASH_DESTRUCTIVE,
        ActionClass.GIT_DESTRUCTIVE,
        ActionClass.NOT_UNDERSTOOD,
    }
)


class PathAction(StrEnum):
    """What a path rule forbids."""

    ZERO_ACCESS = "zero-access"
    READ_ONLY = "read-only"
    NO_DELETE = "no-delete"


@dataclass(frozen=True, slots=True)
class Words:
    """Commands by their words; each pattern is a beginning, and a word may have wildcards."""

    patterns: tuple[tuple[str, ...], ...]

    def met(self, part: Part) -> bool:
        """Whether the command, under whatever path and with whatever options before, begins so."""
        return any(_begins(pattern, part.words[:MOST_WORDS]) for pattern in self.patterns)

    def is_exactly(self, part: Part) -> bool:
        """Whether the command is this one as it was typed, unwrapped and with nothing unknown in it.

        Only a pattern that ends in `**` leaves the rest open.
        """
        if any(DYNAMIC in word for word in part.words) or _typed(part.text) != part.words:
            return False
        for pattern in self.patterns:
            if part.words == pattern:
                return True
            if pattern[-1] == REST and part.words[: len(pattern) - 1] == pattern[:-1]:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Text:
    """Commands by a regular expression over their text, as the older formats have it."""

    pattern: re.Pattern[str]

    def met(self, text: str) -> bool:
        """Whether it is found in `text`; one that takes too long counts as found.

        The time is watched in the main thread alone: only there can a signal interrupt it.
        """
        if threading.current_thread() is not threading.main_thread():
            return self.pattern.search(text) is not None
        running = [True]

        def stop(*_: object) -> None:
            if running:
                raise TimeoutError

        before = signal.signal(signal.SIGVTALRM, stop)
        try:
            try:
                signal.setitimer(signal.ITIMER_VIRTUAL, REGEX_S)
                return self.pattern.search(text) is not None
            finally:
                running.clear()
        except TimeoutError:
            return True
        finally:
            running.clear()
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)


@dataclass(frozen=True, slots=True)
class Paths:
    """Files and directories, and what may not be done with them."""

    action: PathAction
    patterns: tuple[PathPattern, ...]

    def met(self, part: Part, cwd: str) -> bool:
        """Whether a part of a command does with one of these what the rule forbids."""
        moves = not part.paths and bool(part.words) and os.path.basename(part.words[0]) == "mv"
        deletes = part.kind in _DELETES or moves
        if self.action is PathAction.READ_ONLY and part.kind in _READS:
            return False
        if self.action is PathAction.NO_DELETE and not deletes:
            return False
        paths = set(part.paths)
        # The classifier tells what is read; of the rest each word may be a path.
        if not paths and part.kind is not ActionClass.FILE_READ:
            named = list(_named(part, cwd))
            to_the_last = moves and not any(word.startswith(("-t", "--t")) for word in part.words)
            paths = set(named[:-1] if to_the_last and self.action is PathAction.NO_DELETE else named)
        paths |= {os.path.realpath(path) for path in paths if DYNAMIC not in path}
        return any(
            pattern.covers(path) or (deletes and pattern.lies_below(path))
            for pattern in self.patterns
            for path in paths
        )


@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts by name or address, `*.name` for all below a name; a port is told by `:`."""

    patterns: tuple[str, ...]

    def met(self, part: Part) -> bool:
        """Whether a part of a command talks to one of these; the port is not looked at."""
        return any(self.covers(host) for host in part.hosts)

    def covers(self, host: str) -> bool:
        """Whether this host, without a port, is one of these.

        >>> Hosts(("*.example.com:443",)).covers("api.example.com")
        True
        """
        name = host.lower().rstrip(".")
        return any(fnmatchcase(name, host_name(pattern)) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Tools:
    """Tools of the agents by name; `*` stands for any part of it."""

    patterns: tuple[str, ...]

    def met(self, tool: str) -> bool:
        """Whether this tool is one of these."""
        return any(fnmatchcase(tool, pattern) for pattern in self.patterns)


Matcher = Words | Text | Paths | Hosts | Tools


def host_name(pattern: str) -> str:
    """Give a host's name or address without its port.

    >>> host_name("API.example.com:443"), host_name("[::1]:80"), host_name("::1")
    ('api.example.com', '::1', '::1')
    """
    lowered = pattern.lower()
    if lowered.startswith("["):
        return lowered[1:].partition("]")[0]
    return lowered.partition(":")[0] if lowered.count(":") == 1 else lowered


def _typed(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return ()


def _begins(pattern: tuple[str, ...], words: tuple[str, ...]) -> bool:
    if pattern[-1] == REST and len(pattern) > 1:
        pattern = pattern[:-1]
    if not words or DYNAMIC in words[0]:
        return False  # A program that nobody knows is not understood, which is stricter than any rule.
    program = os.path.basename(words[0])
    if not (fnmatchcase(program, pattern[0]) or fnmatchcase(words[0], pattern[0])):
        return False
    # Pairs of how much of the pattern is met, and how many words were read.
    waiting, seen = [(1, 1)], {(1, 1)}
    while waiting:
        met, read = waiting.pop()
        if met == len(pattern):
            return True
        if read < len(words):
            for step in _steps(pattern[met], words[read], is_git=program == "git"):
                place = (met + step[0], read + step[1])
                if place not in seen:
                    seen.add(place)
                    waiting.append(place)
    return False


def _steps(wanted: str, word: str, *, is_git: bool) -> Iterator[tuple[int, int]]:
    """Give the ways to go on: the word is met, or it is an option that stands between."""
    if _may_be(word, wanted):
        yield 1, 1
    if word.startswith("-"):
        yield 0, 1
        takes_value = word in _GIT_VALUES if is_git else "=" not in word
        if takes_value and not wanted.startswith("-"):
            yield 0, 2


def _may_be(word: str, wanted: str) -> bool:
    if DYNAMIC not in word:
        return fnmatchcase(word, wanted)
    head, tail = word.split(DYNAMIC, maxsplit=1)[0], word.rsplit(DYNAMIC, maxsplit=1)[-1]
    return "*" in wanted or (wanted.startswith(head) and wanted.endswith(tail))


def _named(part: Part, cwd: str) -> Iterator[str]:
    """Give the paths that the words of a command may be."""
    for word in part.words[1:MOST_WORDS]:
        for piece in {word, word.partition("=")[2]}:
            if piece and not piece.startswith("-") and DYNAMIC not in piece:
                whole = os.path.expanduser(piece) if piece.startswith("~/") else piece
                yield os.path.normpath(os.path.join(cwd, whole))
