"""Judges programs that run their operands as another command."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    TERMINAL,
    Call,
    Effect,
    Judge,
    Run,
    Script,
    Word,
    named,
    plain,
    unclear,
)
from pancode.domains.safety.commands.environment import listed
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.poison import poisoned
from pancode.domains.safety.commands.programs.wrapping import OTHERS, PRIVILEGE, WRAPPERS


def _wrapper(call: Call) -> Iterator[Effect]:
    known = WRAPPERS[call.name]
    found = split(call.args, known.values, stop=True)
    if known.finding:
        yield known.finding
    if call.name in ("strace", "ltrace", "gdb") and found.has("p", "pid", "attach"):
        yield OTHERS
    if call.name == "start-stop-daemon":
        yield Run((*found.values("x", "exec")[:1], *call.args[found.rest :]))
        return
    words = call.args[found.rest :]
    if (
        call.name == "setarch"
        and words
        and re.fullmatch(r"x86_64|i[3-6]86|linux(32|64)|aarch64|arm.*", words[0].text)
    ):
        words = words[1:]
    while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0].text) and known.finding is PRIVILEGE:
        words = words[1:]
    inner = words[known.skips :]
    if inner:
        yield Run(inner)
    yield plain(ActionClass.FILE_READ, f'"{call.name}" runs another program')


def _env(call: Call) -> Iterator[Effect]:
    words = list(call.args)
    scene = call.scene.fork()
    while words:
        text = words[0].text
        if text in ("-S", "--split-string") or re.match(r"-[a-zA-Z]*S.|--split-string=", text):
            value = (
                text.partition("=")[2] if text.startswith("--split-string=") else re.sub(r"^-\w*?S", "", text)
            )
            value = words.pop(1).text if text in ("-S", "--split-string") and words[1:] else value
            yield Script(f"env {value} " + " ".join(word.text for word in words[1:]))
            return
        if text in ("-u", "--unset", "-C", "--chdir"):
            if text in ("-C", "--chdir") and words[1:]:
                from pancode.domains.safety.commands.places import locate

                scene.cwd = locate(words[1], scene).path
                call.scene.cwd = scene.cwd if call.scene.depth else call.scene.cwd
                rest = " ".join(_quoted(word) for word in words[2:])
                yield Script(f"cd {_quoted(words[1])} && env {rest}")
                return
            words = words[2:]
        elif text.startswith("-"):
            words.pop(0)
        elif re.match(r"[A-Za-z_]\w*=", text):
            name, _, value = text.partition("=")
            yield from poisoned([(name, (Word(value),))], call.scene)
            words.pop(0)
        else:
            break
    if words:
        yield Run(tuple(words))
    else:
        yield listed(call) or plain(ActionClass.FILE_READ, "prints variables")


def _quoted(word: Word) -> str:
    import shlex

    return word.text if word.dynamic or word.glob else shlex.quote(word.text)


_XARGS = named("I L n P s d a E i max-args max-procs delimiter arg-file replace max-lines eof")


def _xargs(call: Call) -> Iterator[Effect]:
    found = split(call.args, [one for one in _XARGS if one not in ("i", "replace")], stop=True)
    words = call.args[found.rest :]
    if not words:
        unseen = call.stdin.taint == "file"
        yield unclear("runs what a file says") if unseen else plain(ActionClass.FILE_READ, "prints its input")
        return
    feed = call.stdin
    given = (
        [Word(part) for part in feed.text.split("\0" if found.has("0", "null") else None)]
        if feed.text
        else []
    )
    if feed.text is not None and found.has("d", "delimiter"):
        given = [Word(part) for part in feed.text.splitlines()]
    if feed.names or (feed.text is None or any(word.dynamic for word in given)) or found.has("a", "arg-file"):
        given = list(feed.names) or [Word(DYNAMIC, taint=feed.taint)]
    place = found.value("I")
    mark = place.text if place else "{}" if found.has("i", "replace") else ""
    if mark and any(mark in word.text for word in words):
        for value in given[:8] or [Word(DYNAMIC)]:
            yield Run(tuple(_put(word, mark, value) for word in words), stdin=TERMINAL)
        return
    yield Run((*words, *given[:50]), stdin=TERMINAL)


def _put(word: Word, mark: str, value: Word) -> Word:
    if mark not in word.text:
        return word
    return Word(word.text.replace(mark, value.text), word.glob or value.glob, value.taint)


def _parallel(call: Call) -> Iterator[Effect]:
    found = split(
        call.args,
        named("j n a N L I S jobs colsep arg-file delay timeout joblog results max-args"),
        stop=True,
    )
    words = list(call.args[found.rest :])
    at = next((n for n, word in enumerate(words) if re.fullmatch(r":::\+?|::::\+?", word.text)), len(words))
    inner, given = words[:at], words[at + 1 :] or [Word(DYNAMIC, taint=call.stdin.taint)]
    if not inner:
        yield unclear("runs commands that it reads")
        return
    for value in given[:8]:
        text = " ".join(word.text for word in inner)
        filled = value.text.join(re.split(r"\{[./]*\}", text))
        yield Script(filled if re.search(r"\{[./]*\}", text) else f"{text} {value.text}")


def _watch(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("n interval"), stop=True)
    words = call.args[found.rest :]
    yield Run(words) if found.has("x", "exec") else Script(" ".join(word.text for word in words))


def _flock(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("w E c timeout command"), stop=True)
    words = call.args[found.rest :][1:]
    for value in found.values("c", "command"):
        yield Script(value.text)
    if words and words[0].text in ("-c", "--command") and words[1:]:
        yield Script(words[1].text)
    elif words:
        yield Run(words)
    yield plain(ActionClass.FILE_WRITE, "takes a lock", "write")


def _script(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("c I O B E o T command log-in log-out log-io echo"))
    for value in found.values("c", "command"):
        yield Script(value.text)
    if not found.has("c", "command") and call.name == "script":
        yield unclear("a shell runs what nobody has seen")


def _su(call: Call) -> Iterator[Effect]:
    yield PRIVILEGE
    for value in split(call.args, named("c s g G w command shell")).values("c", "command"):
        yield Script(value.text)


def _quoting(call: Call) -> Iterator[Effect]:
    """Judge programs whose operands are whole commands."""
    found = split(
        call.args,
        named("w r m M L p s c n u i warmup runs prepare cleanup setup conclude export-json names k"),
    )
    for word in (*found.operands, *found.values("prepare", "cleanup", "setup", "conclude", "p", "c")):
        if " " in word.text or call.name == "hyperfine":
            yield Script(word.text)
    yield plain(ActionClass.BASH_EXEC, "runs several commands")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(WRAPPERS, _wrapper),
    "env": _env,
    "xargs": _xargs,
    "gxargs": _xargs,
    **dict.fromkeys(("parallel", "sem"), _parallel),
    "watch": _watch,
    "flock": _flock,
    **dict.fromkeys(("script", "scriptlive", "asciinema"), _script),
    **dict.fromkeys(("su", "sg"), _su),
    **dict.fromkeys(
        ("hyperfine", "concurrently", "npm-run-all", "nodemon", "watchexec", "chokidar"), _quoting
    ),
}
