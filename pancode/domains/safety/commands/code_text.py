"""Judges the text of a program in another language by the calls that stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Run,
    Scene,
    Script,
    Word,
    plain,
    unclear,
)
from pancode.domains.safety.commands.code_calls import LANGUAGES, Language
from pancode.domains.safety.commands.environment import printed_in_code
from pancode.domains.safety.commands.hosts import host_of, loopback, reaching
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.sql import losing_data
from pancode.domains.safety.commands.touching import deleting, emptying, in_code, reading, writing

_STRING = re.compile(
    r"""[rbfuRBFU]{0,2}(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)"""
)
_ARGUMENTS = 300
_LONGEST = 20_000
_BLANKS = re.compile(r"(?<!\s)\s{30,}")
_BLOB = re.compile(r"(?<!\w)\w{500,}")
_SECRETS = re.compile(
    r"(/home/[^'\"`\s]*|/root(?:/[^'\"`\s]*)?|/etc/[^'\"`\s]*|~/[^'\"`\s]*|/proc/[^'\"`\s]*|[\w./-]*\.env[\w.]*)"
)
_NODE_RUNS = re.compile(
    r"child_process|execa|shelljs|\bimport\s*\(|process\.(binding|mainModule)|\bcp\b|\bzx\b"
    r"|\b(require|createRequire)\b(?!\s*\(\s*['\"`])|\\x|\\u|['\"`]\s*\+\s*['\"`]"
)
"""Where none of it stands, `.exec(` is a method of regular expressions."""

_IMPORTED = re.compile(r"__import__\s*\(\s*['\"](\w+)['\"]\s*\)")
"""Python's import as an expression: what follows is called as if the module had been named."""
_NO_CONNECTION = re.compile(
    r"(?m)(?:^|(?<=;))[ \t]*import\s+\w+(?:\s*,\s*\w+)*\s*(?=;|$)"
    r"|\burllib\.parse\b|\b(?:requests|httpx|aiohttp|urllib3|websockets?|paramiko|socket)"
    r"\.(?:__\w+__|VERSION|version_info|codes|gethostname)\b"
    r"|['\"](?:requests|httpx|aiohttp|urllib3?|websockets?|paramiko)['\"]"
)
"""What names a module of the network without connecting to anything."""
_NAMED = re.compile(
    r"['\"`](~/[^'\"`\n]+|\.(?:bashrc|zshrc|profile|bash_profile|zprofile)|\.(?:mcp\.json|npmrc|envrc|yarnrc\.yml)"
    r"|(?:[\w.-]+/)*\.[a-z][\w-]*/[\w./-]+)['\"`]"
)
"""Files of the account, and files that others obey: a list of directories to be passed over names none."""
_FILLS = re.compile(r"['\"][wax]\+?b?['\"]|\bwrite|append|\bdump\b")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"`)\\]+")

Found: TypeAlias = tuple[str, list[str], str]


def language_of(line: str) -> str:
    """Tell a language from the first line of a file.

    >>> language_of("#!/usr/bin/env python3")
    'python'
    """
    for name, pattern in _NAMES:
        if re.search(pattern, line):
            return name
    return "other"


_NAMES = (
    ("python", r"python|pypy"),
    ("node", r"node|deno|bun"),
    ("perl", r"perl"),
    ("ruby", r"ruby"),
    ("php", r"php"),
    ("lua", r"lua"),
)


def _arguments(text: str, at: int) -> Found:
    """Give the raw arguments after a call, the literal strings among them, and their first word."""
    rest = text[at : at + _ARGUMENTS]
    depth = 0
    end = len(rest)
    for index, char in enumerate(rest):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth <= 0:
                end = index + 1
                break
        elif char in ";\n" and depth <= 0:
            end = index
            break
    raw = rest[:end]
    literals = [next(part for part in groups if part is not None) for groups in _groups(raw)]
    bare = re.sub(r"[\s()\[\]{},]", "", _STRING.sub("", raw))
    return raw, literals, bare


def _groups(raw: str) -> list[tuple[str | None, ...]]:
    return [match.groups() for match in _STRING.finditer(raw)]


def _each(pattern: str, text: str) -> Iterator[Found]:
    if pattern:
        for match in re.finditer(pattern, text):
            yield _arguments(text, match.end())


def condensed(text: str) -> str:
    """Give `text` without endless blanks and words: they mean nothing, and patterns look at them for ever.

    >>> condensed("a" + " " * 99 + "b")
    'a b'
    """
    text = _BLANKS.sub(lambda found: "\n" if "\n" in found.group() else " ", text)
    return _BLOB.sub(lambda found: found.group()[:500], text)


def judge_code(text: str, language: str, call: Call) -> Iterator[Effect]:
    """Say what the text of a program does: what it deletes, runs, reads, writes and connects to."""
    calls = LANGUAGES.get(language, LANGUAGES["other"])
    scene = call.scene
    if len(text) > _LONGEST:
        yield unclear("the text of the program is longer than anybody reviews", "too-long")
        return
    text = condensed(text)
    if DYNAMIC in text and not text.strip(DYNAMIC + " \n;"):
        yield unclear("an interpreter runs what is known only when it runs", "unseen-code")
    code = _IMPORTED.sub(r"\1", _without_comments(text, language))
    if language == "node" and not _NODE_RUNS.search(code):
        code = re.sub(r"\.exec\(", ".match(", code)
    yield from losing_data(code)
    if calls.shell_lines:
        for line in re.findall(calls.shell_lines, code, re.MULTILINE):
            yield Script(line.lstrip("!"))
    yield from _deletes(calls, code, scene)
    yield from _spawns(calls, code)
    if (calls.opaque and re.search(calls.opaque, code)) or _uses_decoded(calls, code):
        yield unclear(
            "the text runs other text, or calls functions by names known only when it runs", "decoded-code"
        )
    if calls.kills and re.search(calls.kills, code):
        yield Finding(ActionClass.SYSTEM_MODIFY, "kill", "sends signals to processes")
    yield from _opens(calls, code, scene)
    yield from _connects(calls, code)
    yield from _mentions(code, scene)
    yield plain(ActionClass.BASH_EXEC, "runs the text of a program", "code")


def _uses_decoded(calls: Language, code: str) -> bool:
    """Tell whether the text decodes something and has calls that could be given it, other than printing."""
    if not calls.decodes or not re.search(calls.decodes, code):
        return False
    acts = (calls.deletes, calls.deletes_trees, calls.spawns, calls.kills, calls.opens, calls.writes)
    return any(one and re.search(one, code) for one in (*acts, calls.moves, calls.connects))


def _without_comments(text: str, language: str) -> str:
    if language in ("python", "ruby", "perl"):
        return re.sub(r"(?m)^[ \t]*#.*$", "", text)
    return re.sub(r"(?m)^[ \t]*//.*$", "", text) if language in ("node", "php") else text


def _deletes(calls: Language, text: str, scene: Scene) -> Iterator[Effect]:
    for pattern, recursive in ((calls.deletes, False), (calls.deletes_trees, True)):
        for _raw, literals, bare in _each(pattern, text):
            known = (
                literals[:1]
                if literals and not re.sub(r"recursive|force|true|TRUE|[:=;]", "", bare)
                else [DYNAMIC]
            )
            made = _MADE.search(text.replace("\n", ";")) if not literals else None
            if made and bare.partition("ignore_errors")[0] == made["name"] and _set_once(made["name"], text):
                continue
            for name in known:
                spot = locate(Word(name), scene)
                yield in_code(deleting(spot, recursive=recursive), spot)


_MADE = re.compile(r"\b(?P<name>\w+)\s*=\s*(?:tempfile\.mkdtemp|(?:fs\.)?mkdtempSync)\s*\(")
"""A directory that the program itself has made for the time it runs."""


def _set_once(name: str, text: str) -> bool:
    return len(re.findall(rf"\b{name}\s*(?:=(?!=)|\+=)|\b(?:for|as|global)\s+{name}\b", text)) == 1


def _spawns(calls: Language, text: str) -> Iterator[Effect]:
    for raw, literals, bare in _each(calls.spawns, text):
        rest = re.sub(r"\w+=(True|False|None|\w+\.\w+|\w+)|\w+:(true|false)", "", bare)
        listed = re.match(r"\s*\(?\s*[\[(]", raw) is not None or re.match(
            r"\s*\(\s*['\"][^'\"]*['\"]\s*,\s*\[", raw
        )
        if (rest and not re.fullmatch(r"[\w.=:+]*", rest)) or not literals:
            yield unclear("the text runs a program known only when it runs", "spawn")
        elif listed or (len(literals) > 1 and " " not in literals[0]):
            yield Run(tuple(Word(_plain(one)) for one in literals))
        else:
            yield Script(_plain(literals[0]))
        if rest and literals and re.search(r"\+|\.format|%|\$\{", raw):
            yield unclear("the text builds the command that it runs", "spawn")
    for inner in re.findall(calls.ticks, text) if calls.ticks else ():
        yield Script(inner if isinstance(inner, str) else next(one for one in inner if one))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _opens(calls: Language, text: str, scene: Scene) -> Iterator[Finding]:
    fills = re.search(calls.fills, text) is not None if calls.fills else True
    for raw, literals, _bare in _each(calls.opens, text):
        mode = next((one for one in literals[1:] if re.fullmatch(r"[rwaxbt+]{1,3}", one)), "r")
        perl = re.match(
            r"[+]?(>>?)\s*(.*)", next((one for one in literals if one.startswith((">", "+>"))), "")
        )
        name = (
            (perl.group(2) or (literals[1] if literals[1:] else DYNAMIC))
            if perl
            else (literals[0] if literals else DYNAMIC)
        )
        first = re.match(r"\s*\(?\s*[rbf]?['\"`]", raw)
        spot = locate(Word(name if first or perl else DYNAMIC), scene)
        if perl or set(mode) & set("wax+"):
            clears = not fills and ("w" in mode or (perl and perl.group(1) == ">"))
            yield emptying(spot) if clears else writing(spot)
        elif literals and first:
            yield reading(spot)
    for raw, literals, _bare in _each(calls.writes, text):
        spot = locate(Word(literals[0] if literals and re.match(r"\s*\(?\s*['\"`]", raw) else DYNAMIC), scene)
        yield emptying(spot) if re.search(r",\s*(''|\"\"|``|0)\s*\)", raw) else writing(spot)
    for _raw, literals, _bare in _each(calls.moves, text):
        for name in literals[:2] or [DYNAMIC]:
            spot = locate(Word(name), scene)
            yield in_code(deleting(spot, recursive=True, verb="moves"), spot)


def _connects(calls: Language, text: str) -> Iterator[Finding]:
    if not calls.connects or not re.search(calls.connects, _NO_CONNECTION.sub("", text)):
        return
    if re.search(r"AF_UNIX|UNIXSocket|\.sock\b|tmux-\d", text):
        yield Finding(ActionClass.SYSTEM_MODIFY, "socket", "talks to the service behind a socket")
    hosts = [host_of(address) for address in _ADDRESS.findall(text)]
    if not hosts and re.search(r"['\"](localhost|127\.0\.0\.1)['\"]", text):
        hosts = ["localhost"]
    sends = re.search(r"(?i)\b(post|put|data=|files=|sendall|send|upload|method:\s*['\"](post|put))", text)
    for host in hosts or [DYNAMIC]:
        found = reaching(host)
        rule = "upload" if sends and not loopback(host) else found.rule
        yield Finding(found.kind, rule, found.why, (), found.hosts)


def _mentions(text: str, scene: Scene) -> Iterator[Finding]:
    """Say which secrets the text names, and which places it can only mean to change."""
    if re.search(r"['\"/]\.ssh['\"/]|\bid_(rsa|ed25519|ecdsa)\b|\.aws/credentials|['\"/]\.netrc\b", text):
        yield Finding(ActionClass.SECRET_READ, "secret-file", "the text names keys")
    for name in _NAMED.findall(text) if _FILLS.search(text) else ():
        own = re.fullmatch(r"\.(bash|z)\w*|\.profile", name)
        found = writing(locate(Word(f"~/{name}" if own else name), scene))
        if found.kind in (ActionClass.SYSTEM_MODIFY, ActionClass.GOVERNANCE_WRITE):
            yield found
    variable = printed_in_code(text)
    if variable:
        yield variable
    for name in _SECRETS.findall(text):
        found = reading(locate(Word(name), scene))
        if found.kind is ActionClass.SECRET_READ:
            yield found
