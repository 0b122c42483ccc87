"""Knows what simple commands print, so that text which reaches a shell can be judged."""

from __future__ import annotations

import re

from pancode.domains.safety.commands.calls import EMPTY, TERMINAL, UNKNOWN, Call, Feed, Word, named
from pancode.domains.safety.commands.environment import kept
from pancode.domains.safety.commands.escapes import unescaped
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate, names_secret

_SILENT = frozenset(
    named(
        ": true false cd pushd popd set unset export declare local readonly typeset shopt alias unalias mkdir"
        " touch rm mv cp ln chmod sleep wait trap test [ return exit break continue shift umask kill"
    )
)
_SETUPS = re.compile(
    r"(fnm env|pyenv (init|virtualenv-init)|rbenv init|nodenv init|goenv init|jenv init|direnv (hook|export)"
    r"|brew shellenv|ssh-agent|mise activate|asdf|starship init|zoxide init|opam env|conda shell\.|dircolors"
    r"|luarocks path|docker-machine env|minikube .*docker-env|thefuck|register-python-argcomplete|rustup"
    r"|npm bin|nvm|volta|keychain|resize|micromamba shell|lesspipe|poetry env activate)"
)
_REMOTE = frozenset(named("curl wget http https httpie aria2c fetch lynx w3m nc ncat telnet ssh scp ftp gh"))
_PROCESSES = frozenset(named("ps pgrep pidof lsof fuser ss netstat top jps"))
_LONGEST = 20000
_PLACE = re.compile(r"%%|%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]")


def prints(call: Call, produced: Feed | None) -> Feed:
    """Give what `call` prints; `produced` is what the commands it runs print."""
    if (variables := kept(call)) is not None:
        return variables
    if known := _PRINTERS.get(call.name):
        return known(call)
    if call.name in _SILENT:
        return EMPTY
    return produced if produced is not None else _untold(call)


def _untold(call: Call) -> Feed:
    """Give what a program prints that no table has, and that runs nothing: only where it comes from."""
    if _SETUPS.match(" ".join([call.name, *call.texts])):
        return Feed(f"{DYNAMIC}setup{DYNAMIC}\n", taint="setup")
    if call.name in _REMOTE:
        return Feed(taint="remote")
    if call.name in _PROCESSES or "processes" in call.stdin.taint:
        return Feed(taint="processes")
    if call.stdin.taint in ("remote", "secret"):
        return Feed(taint=call.stdin.taint)
    return Feed(taint="unknown")


def _echo(call: Call) -> Feed:
    words = list(call.args)
    escapes = newline = False
    while words and re.fullmatch(r"-[neE]+", words[0].text):
        escapes = escapes or "e" in words[0].text
        newline = newline or "n" in words[0].text
        words.pop(0)
    text = " ".join(word.text for word in words)
    if any(word.glob for word in words):
        return Feed(names=tuple(words))
    text = unescaped(text) if escapes else text
    return Feed(
        text + ("" if newline else "\n"), taint=next((word.taint for word in words if word.taint), "")
    )


def _printf(call: Call) -> Feed:
    words = [word for word in call.args if word.text != "--"]
    if not words or words[0].text == "-v":
        return EMPTY
    values = [word.text for word in words[1:]]
    out = ""
    while len(out) <= _LONGEST:
        before = len(values)
        out += unescaped(_PLACE.sub(lambda match: _put(match.group(), values), words[0].text))
        if not values or len(values) == before:
            break
    return Feed(out)


def _put(place: str, values: list[str]) -> str:
    """Fill one place of the format with the next value, which is taken away."""
    if place == "%%":
        return "%"
    value = values.pop(0) if values else ""
    if place[-1] == "b":
        return unescaped(value)
    return value if place[-1] in "sq" else (value if value.lstrip("-").isdigit() else DYNAMIC)


def _cat(call: Call) -> Feed:
    operands = split(call.args, ["n", "c", "lines", "bytes"]).operands
    if call.name != "cat" and not re.fullmatch(r"tee|sponge", call.name):
        if re.search(r"(^| )(-c ?0|-n ?0|-0)( |$)", " ".join(call.texts)):
            return EMPTY
        return UNKNOWN if operands or call.stdin.text is None else call.stdin
    if call.name != "cat" or not operands:
        return call.stdin if call.stdin is not TERMINAL else UNKNOWN
    texts: list[str] = []
    for word in operands:
        spot = locate(word, call.scene)
        feed = Feed("") if spot.zone == "null" else call.scene.files.get(spot.path)
        if word.text == "-":
            feed = call.stdin
        if feed is None:
            foreign = spot.zone in ("system", "home", "outside") and spot.path.endswith(".pid")
            return Feed(taint="processes" if foreign else "file", origin=spot.path)
        if feed.text is None:
            return feed
        texts.append(feed.text)
    return Feed("".join(texts))


def _filter(call: Call) -> Feed:
    """Say that what it prints is no longer the text it was given."""
    if call.stdin.taint in ("remote", "secret", "processes"):
        return Feed(taint=call.stdin.taint)
    return EMPTY if call.stdin.text == "" else Feed(taint="decoded")


def _pwd(call: Call) -> Feed:
    return Feed(call.scene.cwd + "\n") if call.scene.cwd else UNKNOWN


def _found(call: Call) -> Feed:
    """Give the names that a search prints where it looks for secrets; others it may print as it likes."""
    from pancode.domains.safety.commands.programs.deletes import sought

    wanted = sought(call)
    return UNKNOWN if wanted is None else Feed(names=(wanted,), taint="names")


def _git(call: Call) -> Feed:
    texts, tree = call.texts, call.scene.place.worktree
    if "ls-files" in texts:
        wanted = tuple(Word(text, glob=True) for text in texts if names_secret(text))
        return Feed(names=wanted, taint="names") if wanted else UNKNOWN
    if "rev-parse" not in texts:
        return UNKNOWN
    if "--show-toplevel" in texts:
        return Feed(tree + "\n")
    if "--git-path" in texts:
        return Feed(f"{tree}/.git/{texts[-1]}\n")
    if {"--git-dir", "--absolute-git-dir", "--git-common-dir"} & set(texts):
        return Feed(f"{tree}/.git\n")
    return UNKNOWN


def _names(call: Call) -> Feed:
    """Give the names that a listing prints, as patterns."""
    operands = tuple(word for word in call.args if not word.text.startswith("-"))
    patterns = tuple(word for word in operands if word.glob) or (Word("*", glob=True),)
    return Feed(names=patterns, taint="names")


def _mktemp(call: Call) -> Feed:
    """Give a name such as those that are made: only what it begins with matters."""
    found = split(call.args, ["p", "tmpdir", "suffix"])
    places = [*found.values("p", "tmpdir"), *(found.operands if not found.has("t", "p", "tmpdir") else ())]
    plain = all(locate(Word(f"{word.text}/x"), call.scene).zone == "tmp" for word in places)
    return Feed("/tmp/tmp.made\n") if plain and "TMPDIR" not in call.scene.variables else UNKNOWN  # noqa: S108 -- names a place


def _which(call: Call) -> Feed:
    operands = [text for text in call.texts if not text.startswith("-")]
    return Feed("".join(f"/usr/bin/{text}\n" for text in operands))


def _readlink(call: Call) -> Feed:
    operands = [word for word in call.args if not word.text.startswith("-")]
    if len(operands) != 1 or "/proc/" in operands[0].text or operands[0].dynamic:
        return UNKNOWN
    return Feed(locate(operands[0], call.scene).path + "\n")


_DECODERS = named(
    "base64 base32 xxd rev tr openssl gunzip zcat gzip bzcat xzcat uudecode sed awk gawk cut tail"
)
_PRINTERS = {
    **dict.fromkeys((*_DECODERS, *named("grep rg perl python3 python jq tac head sort uniq fold")), _filter),
    "echo": _echo,
    "printf": _printf,
    "cat": _cat,
    "tee": _cat,
    "head": _cat,
    "pwd": _pwd,
    "git": _git,
    "ls": _names,
    "jobs": lambda _call: Feed(taint="own"),
    **dict.fromkeys(("find", "gfind", "bfs"), _found),
    "which": _which,
    "mktemp": _mktemp,
    "readlink": _readlink,
    "realpath": _readlink,
}
