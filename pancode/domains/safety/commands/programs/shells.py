"""Judges shells and the builtins that run text or files in the shell itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Feed,
    Finding,
    Judge,
    Run,
    Script,
    Word,
    named,
    plain,
    system,
    unclear,
)
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.places import locate, secret
from pancode.domains.safety.commands.programs.unknown import ran
from pancode.domains.safety.commands.registry import remote_code
from pancode.domains.safety.commands.touching import reading

_STDIN = re.compile(r"-|/dev/stdin|/dev/fd/0|/proc/self/fd/0")


def fed(feed: Feed, arguments: tuple[Word, ...]) -> Iterator[Effect]:
    """Judge a shell that reads its commands from `feed`."""
    if feed.text is not None:
        yield Script(feed.text, (Word("bash"), *arguments))
        if feed.taint == "decoded":
            yield unclear("a shell runs what is decoded", "decoded-code")
    elif feed.taint == "terminal":
        yield plain(ActionClass.BASH_EXEC, "starts a shell")
    elif feed.taint == "remote":
        yield remote_code("a shell runs what is downloaded")
    else:
        yield unclear("a shell runs what nobody has seen", "unseen-code")


def shell(call: Call) -> Iterator[Effect]:
    """Judge a shell with its options."""
    words = list(call.args)
    only_checks = False
    while words and words[0].text.startswith(("-", "+")) and words[0].text not in ("-", "--"):
        text = words.pop(0).text
        if text.startswith("--"):
            yield from _long(text, words)
            if text in ("--command", "--login-command"):
                yield from _told(words, call)
                return
            continue
        if re.search("[oO]", text) and words:
            words.pop(0)
        only_checks = only_checks or "n" in text
        if "c" in text:
            yield from _told(words, call)
            return
        if "s" in text:
            yield from fed(call.stdin, tuple(words))
            return
    if words and words[0].text in ("-", "--"):
        words.pop(0)
    if not words:
        yield from fed(call.stdin, ())
    elif only_checks:
        yield plain(ActionClass.FILE_READ, "only checks the syntax of a script")
    else:
        yield from _file(words[0], call, tuple(words))


def _long(text: str, words: list[Word]) -> Iterator[Effect]:
    """Judge a long option of a shell; its value is taken from `words`."""
    if text.startswith(("--rcfile", "--init-file")):
        yield unclear("a shell takes its settings from a file")
        if "=" not in text and words:
            words.pop(0)


def _told(words: list[Word], call: Call) -> Iterator[Effect]:
    while words and words[0].text.startswith(("-", "+")) and words[0].text != "-":
        if re.search("[oO]$", words.pop(0).text) and words:
            words.pop(0)
    if not words:
        yield unclear("a shell is told to run something, but not what")
        return
    script = words[0]
    if script.taint == "remote":
        yield remote_code("a shell runs what is downloaded")
    if script.taint == "decoded":
        yield unclear("a shell runs what is decoded", "decoded-code")
    yield Script(script.text, tuple(words[1:]) or (Word("bash"),), stdin=call.stdin)


def _file(word: Word, call: Call, words: tuple[Word, ...]) -> Iterator[Effect]:
    if _STDIN.fullmatch(word.text):
        yield from fed(call.stdin, words[1:])
        return
    if DYNAMIC in word.text.rsplit("/", 1)[-1] or word.text.startswith(DYNAMIC):
        yield unclear("a shell runs a file whose name is known only when it runs")
        return
    spot = locate(word, call.scene)
    feed = call.scene.files.get(spot.path)
    if spot.path.startswith("/dev/fd/"):
        yield from fed(feed or Feed(), words[1:])
    elif feed is not None:
        yield from ran(feed, Call(words, call.scene, call.stdin))
    found = reading(spot)
    if found.kind is not ActionClass.FILE_READ and not spot.path.endswith(("/.env", ".env.local")):
        yield found
    yield Finding(ActionClass.BASH_EXEC, "program", f'a shell runs "{spot.shown}"', spot.paths)


def _source(call: Call) -> Iterator[Effect]:
    words = [word for word in call.args if word.text != "--"]
    if not words:
        return
    if words[0].text.startswith("/dev/fd/") or _STDIN.fullmatch(words[0].text):
        feed = call.scene.files.get(words[0].text, call.stdin)
        if feed.text is not None and DYNAMIC not in feed.text:
            yield Script(feed.text, same=True)
            return
    if secret(locate(words[0], call.scene)):
        call.scene.secrets = True
    yield from _file(words[0], call, tuple(words))


def _eval(call: Call) -> Iterator[Effect]:
    words = call.args[1:] if call.texts[:1] == ["--"] else call.args
    text = " ".join(word.text for word in words)
    if not text.strip():
        return
    if "setup" in "".join(word.taint for word in words) and f"{DYNAMIC}setup{DYNAMIC}" in text:
        yield plain(ActionClass.BASH_EXEC, "sets up the shell for a tool")
        text = text.replace(f"{DYNAMIC}setup{DYNAMIC}", "")
    if any(word.taint == "remote" for word in words):
        yield remote_code("the shell runs what is downloaded")
    yield Script(text, same=True)


def _exec(call: Call) -> Iterator[Effect]:
    words = call.args
    while words and words[0].text.startswith("-"):
        words = words[2:] if words[0].text.endswith("a") else words[1:]
    if words:
        yield Run(words)
    else:
        yield plain(ActionClass.FILE_READ, "redirects the shell itself")


def _command(call: Call) -> Iterator[Effect]:
    if call.texts and re.fullmatch(r"-[pvV]*[vV][pvV]*", call.texts[0]):
        yield plain(ActionClass.FILE_READ, "only looks for a program")
        return
    words = call.args
    while words and words[0].text in ("-p", "--"):
        words = words[1:]
    yield Run(words)


def _trap(call: Call) -> Iterator[Effect]:
    operands = [word for word in call.args if word.text != "--"]
    if operands and not operands[0].text.startswith("-"):
        yield Script(operands[0].text, same=True)
    yield plain(ActionClass.FILE_READ, "sets what the shell does when it ends")


def _complete(call: Call) -> Iterator[Effect]:
    texts = call.texts
    for at, text in enumerate(texts[:-1]):
        if text in ("-C", "-F") and not (text == "-F" and call.name != "compgen"):
            yield Script(texts[at + 1])
    if call.name == "bind" and "-x" in texts:
        yield unclear("binds a key to a command")
    yield plain(ActionClass.FILE_READ, "changes how the shell completes words")


def _mapfile(call: Call) -> Iterator[Effect]:
    texts = call.texts
    for at, text in enumerate(texts[:-1]):
        if text == "-C":
            yield Script(texts[at + 1])
    yield plain(ActionClass.FILE_READ, "reads lines into a variable")


def _enable(call: Call) -> Iterator[Effect]:
    if "-f" in call.texts:
        yield system("poison", "loads code into the shell")
    yield plain(ActionClass.FILE_READ, "changes the builtins of the shell")


def _coproc(call: Call) -> Iterator[Effect]:
    if {"{", "}", "("} & set(call.texts):
        yield unclear("a coprocess can't be read")
    yield Run(call.args)


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(
        named("sh bash zsh dash ksh mksh ash fish csh tcsh rbash lksh yash nu xonsh elvish osh"), shell
    ),
    "source": _source,
    ".": _source,
    "eval": _eval,
    "exec": _exec,
    "command": _command,
    "builtin": _command,
    "trap": _trap,
    **dict.fromkeys(("complete", "compgen", "bind", "compopt"), _complete),
    **dict.fromkeys(("mapfile", "readarray"), _mapfile),
    "enable": _enable,
    "coproc": _coproc,
}
