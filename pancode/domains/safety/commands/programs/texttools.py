"""Judges sed, awk and editors, whose scripts can run programs and write files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    UNKNOWN,
    Call,
    Effect,
    Finding,
    Judge,
    Script,
    Word,
    named,
    plain,
    unclear,
)
from pancode.domains.safety.commands.code_text import condensed
from pancode.domains.safety.commands.environment import picked
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.touching import emptying, reading, writing

_SED = named("e f l s_ expression file line-length")
_SED_RUNS = re.compile(r"(?:^|[;{}\n]|(?:\d+|\$|/[^/]*/)(?:,(?:\d+|\$|/[^/]*/))?!?)\s*e\b[ \t]*([^\n;]*)")
_SED_WRITES = re.compile(r"(?:^|[;{}\n]|\d|\$|/)\s*[wW]\s+([^\n;}]+)")
_SED_FLAGS = re.compile(
    r"(?:^|[;{}\n]|(?:\d+|\$|/[^/]*/)(?:,(?:\d+|\$|/[^/]*/))?!?)\s*s([^\w\s\\])((?:\\.|(?!\1).)*)\1((?:\\.|(?!\1).)*)\1([gpimIMe\d]*)(w\s+(\S+))?"
)
_SED_CLEARS = re.compile(
    r"^\s*(1?,?\$?|1,\$|/\.?\*?/|0,\$)?\s*d\s*$|^\s*1,\$\s*d|^s/\.\*//|^\s*Q\s*$|^\s*(1?,?\$?\s*)?c\\?\s*$"
    r"|^\s*1?\s*q\s*$"
)


def _sed(call: Call) -> Iterator[Effect]:
    words = [word for word in call.args if not re.match(r"-i.+|--in-place=", word.text)]
    in_place = len(words) != len(call.args)
    found = split(words, _SED)
    in_place = (
        in_place or found.has("i", "in-place") or any(re.match(r"-[Ernsuz]*i", text) for text in call.texts)
    )
    scripts = [word.text for word in found.values("e", "expression")]
    operands = list(found.operands)
    if not scripts and not found.has("f", "file") and operands:
        scripts = [operands.pop(0).text]
    for value in found.values("f", "file"):
        yield reading(locate(value, call.scene))
    scripts = [condensed(script) for script in scripts]
    for script in scripts:
        yield from _sed_script(script, call)
    clears = found.has("n", "quiet", "silent") or any(_SED_CLEARS.search(script) for script in scripts)
    for word in operands:
        spot = locate(word, call.scene)
        yield (emptying(spot) if clears else writing(spot, "edits")) if in_place else reading(spot)
    yield plain(ActionClass.FILE_READ, "edits text", "read")


def _sed_script(script: str, call: Call) -> Iterator[Effect]:
    bare = script
    for match in _SED_FLAGS.finditer(script):
        if "e" in match.group(4):
            yield Script(match.group(3))
            yield unclear("sed runs what it makes of its input", "executes")
        if match.group(6):
            yield _written(match.group(6), call)
        bare = bare.replace(match.group(), ";")
    bare = re.sub(r"(?m)(^|[;{}\d$/])\s*[aic]\\?[ \t\n].*$", ";", bare)
    for inner in _SED_RUNS.findall(bare):
        yield Script(inner) if inner.strip() else unclear("sed runs its input as commands", "executes")
    for name in _SED_WRITES.findall(bare):
        yield _written(name.strip(), call)
    if DYNAMIC in script and not re.match(r"s|/|\d|\$|y", script):
        yield unclear("what sed does is known only when it runs")


def _written(name: str, call: Call) -> Finding:
    """Judge a file that gets some lines of the input: a program among them is lost."""
    spot = locate(Word(name), call.scene)
    source = re.search(r"\.(py|js|ts|c|go|rs|java|rb|sh|h|cpp|tsx|jsx)$", name)
    return emptying(spot) if source else writing(spot)


_STRING = r'"((?:[^"\\]|\\.)*)"'
_AWK = named("F f v e i l assign file field-separator source include load exec E")


def _awk(call: Call) -> Iterator[Effect]:
    found = split(call.args, _AWK, stop=True)
    operands = list(found.operands)
    texts = [word.text for word in found.values("e", "source")]
    given = dict(word.text.partition("=")[::2] for word in found.values("v", "assign"))
    if not texts and not found.has("f", "file", "E", "exec") and operands:
        texts = [operands.pop(0).text]
    for word in operands:
        if "=" not in word.text:
            yield reading(locate(word, call.scene))
    for value in found.values("f", "file", "E", "exec"):
        feed = call.scene.files.get(locate(value, call.scene).path)
        if feed is not None:
            texts.append(feed.text or DYNAMIC)
    yield from picked(call)
    for code in texts:
        yield from _awk_code(condensed(code), given, call)
    if found.has("l", "load"):
        yield unclear("awk loads a library")
    if any(re.fullmatch(r"-i", text) for text in call.texts) and "inplace" in call.texts:
        for word in operands:
            yield writing(locate(word, call.scene), "edits")
    yield plain(ActionClass.FILE_READ, "reads text", "read")


def _awk_code(code: str, given: dict[str, str], call: Call) -> Iterator[Effect]:
    for inner in re.findall(
        r"\bsystem\s*\(([^)]*)\)|\|&?\s*(?=\")((?:[^\";}\n]|\"[^\"]*\")*)|([^;{}\n|]{0,300})\|&?\s*getline",
        code,
    ):
        text = next((one for one in inner if one), "").strip()
        whole = re.fullmatch(_STRING, text)
        if whole:
            yield Script(re.sub(r"\\(.)", r"\1", whole.group(1)), stdin=UNKNOWN)
        elif text in given:
            yield Script(given[text])
        else:
            literal = " ".join(re.findall(_STRING, text))
            yield unclear("awk runs a command known only when it runs", "executes")
            if literal.strip():
                yield Script(f"{literal} {DYNAMIC}")
    if re.search(
        r"\|&?\s*[A-Za-z]\w*\s*[;}\n]|\bsystem\s*\(\s*\)|@\w+\s*\(",
        re.sub(_STRING, '""', code).replace("||", ""),
    ):
        yield unclear("awk runs a command known only when it runs", "executes")
    bare = re.sub(r"\([^()]*>[^()]*\)|[\w$\])]+\s*>=?\s*[\d.$]+|\$\w+\s*>\s*\$?\w+\s*[{&|]", "", code)
    for inner in re.findall(rf"\bprintf?\b[^;}}\n]*?>>?\s*(?:{_STRING}|\(?([A-Za-z$]\w*))", bare):
        name = inner[0] or given.get(inner[1], DYNAMIC)
        yield _written(name, call)
    for name in re.findall(rf"(?:getline\s*\w*\s*<|@load|@include)\s*{_STRING}", code):
        yield reading(locate(Word(name), call.scene))
    if re.search(r'"/inet|/dev/(tcp|udp)', code):
        yield unclear("awk connects to another host", "socket")


_VIM_KEYS = re.compile(r"\s*:?\s*norm(?:al)?!?\s+[gGvVjkhlwbe0^$<>~uUJ\d]{0,40}(?:=[gG]{0,3})?\s*")
"""Keys that only move, indent, join or change letters."""

_VIM = named("c cmd S u U i w W s t T")


def _vim(call: Call) -> Iterator[Effect]:
    """Judge vim and ex: commands given as options, or by another text."""
    commands: list[str] = []
    words = list(call.args)
    at = 0
    while at < len(words):
        text = words[at].text
        if text in ("-c", "--cmd", "-S", "-s", "-w", "-W", "-u", "-U") and at + 1 < len(words):
            if text in ("-c", "--cmd"):
                commands.append(words[at + 1].text)
            elif text in ("-s", "-S") and call.name != "ex" and not {"-e", "-E", "-es"} & set(call.texts):
                yield unclear("the editor follows keys from a file")
            elif text in ("-u", "-U") and words[at + 1].text not in ("NONE", "NORC", "DEFAULTS"):
                yield unclear("the editor takes its settings from a file")
            at += 2 if not (text == "-s" and {"-e", "-E"} & set(call.texts)) else 1
            continue
        if re.fullmatch(r"-[a-zA-Z]+c", text) and at + 1 < len(words):
            commands.append(words[at + 1].text)
            at += 1
        elif text.startswith("+") and text[1:]:
            commands.append(text[1:])
        elif not text.startswith("-"):
            yield reading(locate(words[at], call.scene))
            yield writing(locate(words[at], call.scene), "edits")
        at += 1
    commands.extend((call.stdin.text or "").splitlines())
    for command in commands:
        yield from _vim_command(command, call)
    yield plain(ActionClass.FILE_WRITE, "opens an editor", "write")


def _vim_command(command: str, call: Call) -> Iterator[Effect]:
    match = re.match(r"\s*:?\s*(?:silent!?\s*)?(?:[%\d,$.']*\s*)?(?:r\s*|w\s*)?!(.*)", command)
    if match:
        yield Script(match.group(1))
    elif _VIM_KEYS.fullmatch(command):
        return
    elif re.search(
        r"\b(system|delete|writefile|rename|job_start|execute|exec|py3?|python3?|lua|perl|ruby|source|so"
        r"|term\w*|normal|libcall)\b",
        command,
    ):
        yield unclear("the editor runs a program or code of its own", "executes")
    elif re.match(r"\s*:?\s*(%|1,\$|g/.*/)\s*d", command):
        for word in call.args:
            if not word.text.startswith(("-", "+")):
                yield emptying(locate(word, call.scene))
    written = re.match(r"\s*:?\s*w(?:rite|q)?!?\s+([^!]\S*)", command)
    if written:
        yield writing(locate(Word(written.group(1)), call.scene))


def _emacs(call: Call) -> Iterator[Effect]:
    if {"--eval", "-eval", "--execute", "-f", "--funcall", "-l", "--load", "--script"} & set(
        call.texts
    ) or any(text.startswith(("--eval=", "--load=", "--funcall=")) for text in call.texts):
        yield unclear("the editor runs code of its own", "executes")
    yield plain(ActionClass.FILE_WRITE, "opens an editor", "write")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(("sed", "gsed", "ssed"), _sed),
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk", "busybox-awk"), _awk),
    **dict.fromkeys(named("vim vi nvim ex view gvim vimdiff ed red rvim"), _vim),
    **dict.fromkeys(("emacs", "emacsclient"), _emacs),
}
