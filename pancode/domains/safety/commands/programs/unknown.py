"""Judges programs that no table has, and files that are executed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Feed,
    Finding,
    Run,
    Script,
    Word,
    named,
    plain,
    system,
    unclear,
)
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.registry import remote_code
from pancode.domains.safety.commands.touching import reading

_VERBS = frozenset(
    named(
        "delete remove destroy drop purge wipe erase reset prune terminate uninstall flush truncate nuke"
        " abandon"
        " unpublish publish deploy release kill revoke push del rm obliterate shred teardown undeploy strip"
        " undefine deregister decommission zap expunge"
    )
)
_DANGERS = frozenset(
    named("rm shred dd sudo doas mkfs srm wipefs truncate chmod chown git rmdir kill unlink")
)
_SHELLS = frozenset(named("sh bash zsh dash ksh fish"))
_RECURSIVE = re.compile(r"-(rf|fr|Rf|fR|rfv|rvf|vrf)")
_LOADER = re.compile(r"(ld(-linux.*|-musl.*|-[\d.]+)?\.so.*|rtld)")
_TRIES = frozenset(named("--help -h --dry-run --version"))


def asks_for_help(call: Call) -> bool:
    """Tell whether the call only asks a program what it is."""
    return call.texts[:1] == call.texts and call.texts[0:1] != [] and call.texts[0] in ("--help", "--version")


def stranger(call: Call, *, known: bool = False) -> Iterator[Effect]:
    """Say what a program does that no table has: its arguments may give another one away."""
    if "/" in call.words[0].text:
        yield from executed(call.words[0], call)
    if known:
        yield plain(ActionClass.FILE_READ, "only asks the program what it is")
        return
    if _LOADER.fullmatch(call.name):
        rest = list(call.args)
        while rest and rest[0].text.startswith("-"):
            rest.pop(0)
        yield Run(tuple(rest) or (Word(DYNAMIC),))
        return
    if any(_RECURSIVE.fullmatch(text) for text in call.texts):
        yield unclear(f'"{call.name}" is unknown, and its options are those of a recursive delete')
    hidden = _hidden(call)
    if hidden:
        yield Run(hidden)
    operands = [text for text in call.texts if not text.startswith("-")]
    sounds = any(re.split(r"[:]", text)[-1] in _VERBS for text in operands[:2])
    sounds = sounds and ("/" not in call.words[0].text or any(":" in text for text in operands[:2]))
    if sounds and not _TRIES & set(call.texts):
        yield unclear(f'"{call.name}" is unknown, and "{" ".join(operands[:2])}" sounds like a loss', "verb")
    yield from touched(call)
    yield plain(ActionClass.BASH_EXEC, f'runs the program "{call.name}"')


def touched(call: Call) -> Iterator[Finding]:
    """Say which secrets stand among the arguments of a program."""
    for word in call.args:
        text = word.text.partition("=")[2] if word.text.startswith("-") else word.text
        if "/" in text or text.startswith("."):
            found = reading(locate(Word(text.lstrip("@"), word.glob), call.scene))
            if found.kind is not ActionClass.FILE_READ:
                yield found


def _hidden(call: Call) -> tuple[Word, ...]:
    """Give what looks like another command among the arguments."""
    words = call.args
    for index, word in enumerate(words):
        name = word.text.rsplit("/", 1)[-1]
        following = words[index + 1].text if index + 1 < len(words) else ""
        if name in _SHELLS and re.match(r"-\w*[cs]", following):
            return words[index:]
        if name in _DANGERS and following and (name == word.text or re.match(r"/(usr/)?s?bin/", word.text)):
            return words[index:]
    return ()


def executed(word: Word, call: Call) -> Iterator[Effect]:
    """Say what executing the file `word` with the call's arguments does."""
    spot = locate(word, call.scene)
    if spot.zone == "system" and re.match(r"/(usr/(local/)?|opt/.*)?s?bin/", spot.path):
        return
    if spot.path.startswith(("/etc/init.d/", "/etc/rc")):
        yield system("service", "starts or stops a service of the machine")
    feed = call.scene.files.get(spot.path)
    if feed is not None:
        yield from ran(feed, call)
    yield Finding(ActionClass.BASH_EXEC, "program", f'runs the file "{spot.shown}"', spot.paths)


def ran(feed: Feed, call: Call, language: str = "") -> Iterator[Effect]:
    """Say what running a text does that this command itself has written."""
    from pancode.domains.safety.commands.code_text import judge_code, language_of

    if feed.taint == "remote":
        yield remote_code("runs what was downloaded")
    elif feed.text is None:
        yield unclear("runs a file whose text is known only when it runs")
    elif not language and (
        not feed.text.startswith("#!") or re.match(r"#!.*\b(ba|z|da|k|fi)?sh\b", feed.text)
    ):
        yield Script(feed.text, (Word(call.name), *call.args))
    else:
        yield from judge_code(feed.text, language or language_of(feed.text.split("\n")[0]), call)
