"""Tells packages of the configured registry from code of anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Finding, Word, named, system
from pancode.domains.safety.commands.hosts import host_of, reaching
from pancode.domains.safety.commands.judgement import DYNAMIC

_FOREIGN = re.compile(
    r"(git|https?|ssh|svn|hg|bzr|ftp|file|github|gitlab|bitbucket|gist)(\+\w+)?:|git@|.*\.git(#.*|@.*)?$"
)
_SHORTHAND = re.compile(r"[\w.-]+/[\w.-]+(#.*)?")
PUBLISHES = frozenset(
    named("publish unpublish deprecate owner dist-tag access yank unyank push upload release register retire")
)


def remote_code(why: str, *hosts: str) -> Finding:
    """Say that code of unknown origin is installed or run."""
    return Finding(ActionClass.NETWORK_UNLISTED, "remote-code", why, (), hosts)


def registries(values: Sequence[Word]) -> Iterator[Finding]:
    """Say that packages come from a registry that is named here, and so from no matter where."""
    for value in values:
        if value.text:
            host = host_of(value.text)
            found = reaching(host or DYNAMIC, "takes packages from")
            yield Finding(ActionClass.NETWORK_UNLISTED, "registry", found.why, (), found.hosts)


def sources(words: Sequence[Word], *, shorthand: bool = False) -> Iterator[Finding]:
    """Say which of the packages come from somewhere else than the registry."""
    for word in words:
        text = word.text.partition(" @ ")[2].strip() or word.text
        bare = re.sub(r"^[\w.-]+@(?=\w+[:+])", "", text)
        if bare.startswith("file:"):
            continue
        foreign = _FOREIGN.match(bare) or (
            shorthand and _SHORTHAND.fullmatch(text) and not text.startswith(".")
        )
        if foreign or re.search(r"\bgit\+|://", text):
            host = host_of(bare.partition("+")[2] or bare) if "//" in bare else ""
            yield remote_code(f'takes code from "{word.text[:80]}"', *([host] if host else []))


def published(why: str) -> Finding:
    """Say that others get what this publishes, or lose what it withdraws."""
    return Finding(ActionClass.BASH_DESTRUCTIVE, "publish", why)


def machine(why: str) -> Finding:
    """Say that something is installed for the whole machine."""
    return system("machine-packages", why)
