"""The vocabulary of the classifier: words, texts, calls, scenes and what calls amount to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.judgement import DYNAMIC, Part, Place

if TYPE_CHECKING:
    from tree_sitter import Node

    from pancode.domains.safety.commands.syntax import Source


class NotUnderstoodError(Exception):
    """The text can't be read as a command whose effect is known."""


@dataclass(frozen=True, slots=True)
class Word:
    """One argument after all expansions: DYNAMIC in `text` is what isn't known, `glob` marks a pattern."""

    text: str
    glob: bool = False
    taint: str = ""

    @property
    def dynamic(self) -> bool:
        """Tell whether a piece of it is known only when it runs."""
        return DYNAMIC in self.text


@dataclass(frozen=True, slots=True)
class Feed:
    """A text that one command hands to another; `taint` says where it comes from, `origin` the file."""

    text: str | None = None
    taint: str = ""
    origin: str = ""
    names: tuple[Word, ...] = ()


EMPTY = Feed("")
TERMINAL = Feed(taint="terminal")
UNKNOWN = Feed(taint="unknown")


@dataclass(slots=True)
class Scene:
    """What the shell knows at one moment. `cwd` is "" if it is unknown."""

    place: Place
    cwd: str
    variables: dict[str, tuple[Word, ...]] = field(default_factory=dict)
    arguments: tuple[Word, ...] | None = None
    functions: dict[str, tuple[Source, Node]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    files: dict[str, Feed] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    stack: tuple[str, ...] = ()
    depth: int = 0
    secrets: bool = False
    """Whether variables hold what a file of secrets says."""

    def fork(self) -> Scene:
        """Give the scene of a child process."""
        return replace(
            self,
            variables=dict(self.variables),
            functions=dict(self.functions),
            aliases=dict(self.aliases),
            files=dict(self.files),
            links=dict(self.links),
        )

    def leave(self, child: Scene) -> None:
        """Take over what a child process leaves behind: files and links."""
        self.files.update(child.files)
        self.links.update(child.links)

    def merge(self, other: Scene) -> None:
        """Take over what may have happened in `other`: what differs is unknown from now on."""
        for name in {*self.variables, *other.variables}:
            if self.variables.get(name) != other.variables.get(name):
                self.variables[name] = (Word(DYNAMIC),)
        if self.cwd != other.cwd:
            self.cwd = ""
        self.secrets = self.secrets or other.secrets
        self.functions.update(other.functions)
        self.aliases.update(other.aliases)
        self.leave(other)


@dataclass(frozen=True, slots=True)
class Call:
    """A program, its arguments and what it can read."""

    words: tuple[Word, ...]
    scene: Scene
    stdin: Feed = TERMINAL

    @property
    def name(self) -> str:
        """Give the program's name without its directory."""
        return self.words[0].text.rsplit("/", 1)[-1]

    @property
    def args(self) -> tuple[Word, ...]:
        """Give the arguments."""
        return self.words[1:]

    @property
    def texts(self) -> list[str]:
        """Give the texts of the arguments."""
        return [word.text for word in self.words[1:]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a call does."""

    kind: ActionClass
    rule: str
    why: str
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """The call runs these words as a command."""

    words: tuple[Word, ...]
    stdin: Feed | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The call runs this text as a shell script, in its own shell if `same`."""

    text: str
    arguments: tuple[Word, ...] = ()
    same: bool = False
    stdin: Feed | None = None


Effect: TypeAlias = Finding | Run | Script
Judge: TypeAlias = Callable[[Call], Iterator[Effect]]


@dataclass(slots=True)
class Trail:
    """Collects the parts of a judgement, and counts the steps so that none takes for ever."""

    parts: list[Part] = field(default_factory=list)
    steps: int = 0

    def step(self) -> None:
        """Count one command.

        Raises:
            NotUnderstoodError: there are more of them than anybody would review.
        """
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise NotUnderstoodError("it runs more commands than can be followed")

    def add(self, found: Finding, text: str, words: tuple[Word, ...] = ()) -> None:
        """Note a finding about `text`."""
        argv = tuple(word.text for word in words)
        part = Part(text[:_LONGEST], found.kind, found.rule, found.why, argv, found.paths, found.hosts)
        if part not in self.parts[-8:]:
            self.parts.append(part)

    def puzzled(self, why: str, text: str) -> None:
        """Note that `text` isn't understood."""
        self.add(Finding(ActionClass.NOT_UNDERSTOOD, "not-understood", why), text)


_MOST_STEPS = 1500
_LONGEST = 400


def plain(kind: ActionClass, why: str, rule: str = "program") -> Finding:
    """Give a finding without paths."""
    return Finding(kind, rule, why)


def unclear(why: str, rule: str = "not-understood") -> Finding:
    """Say that something can't be judged."""
    return Finding(ActionClass.NOT_UNDERSTOOD, rule, why)


def destroys(rule: str, why: str, *paths: str) -> Finding:
    """Say that something is lost."""
    return Finding(ActionClass.BASH_DESTRUCTIVE, rule, why, paths)


def system(rule: str, why: str) -> Finding:
    """Say that the machine or the enclosure changes."""
    return Finding(ActionClass.SYSTEM_MODIFY, rule, why)


def named(text: str) -> tuple[str, ...]:
    """Give the words of `text`.

    >>> named("a b")
    ('a', 'b')
    """
    return tuple(text.split())
