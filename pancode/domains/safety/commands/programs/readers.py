"""Judges programs that read, and builtins that only change variables of the shell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    Script,
    Word,
    named,
    plain,
    system,
    unclear,
)
from pancode.domains.safety.commands.environment import TAINT, holds_secret, listed, picked, shown
from pancode.domains.safety.commands.options import Options, split
from pancode.domains.safety.commands.places import locate, names_secret
from pancode.domains.safety.commands.poison import executing
from pancode.domains.safety.commands.touching import emptying, reading, writing

_VALUED: dict[str, tuple[str, ...]] = {
    "grep": named("e f m A B C color include exclude exclude-dir regexp file max-count context"),
    "rg": named(
        "e f g t T m A B C j pre hostname-bin glob type regexp file max-count context iglob type-not"
    ),
    "sort": named("k o t S T compress-program output key field-separator buffer-size files0-from parallel"),
    "head": named("n c lines bytes"),
    "tail": named("n c lines bytes pid s"),
    "cut": named("d f c b delimiter fields output-delimiter"),
    "jq": named("f from-file indent tab L"),
    "tr": (),
    "xxd": named("l s c g"),
    "less": named("P o O x p t"),
    "tree": named("L I P o"),
}
_PATTERN_FIRST = frozenset(named("grep egrep fgrep rg ag ack zgrep jq yq"))
_READERS = named(
    "cat ls ll dir tree stat file du df readlink realpath basename dirname head tail less more most view"
    " bat batcat wc"
    " grep egrep fgrep zgrep rg ag ack cut tr sort uniq comm cmp diff sdiff colordiff paste join column nl"
    " tac rev od"
    " hexdump xxd strings nm objdump readelf ldd size md5sum sha1sum sha256sum sha512sum cksum b2sum base64"
    " base32 jq"
    " fold fmt expand unexpand pr zcat bzcat xzcat zless look tsort shuf numfmt iconv locate whereis which"
    " type pgrep"
    " ps top htop free uptime vmstat iostat lsof lsblk lscpu lsusb lspci ss netstat id whoami who w groups"
    " users last"
    " uname arch nproc getconf locale tty date cal seq sleep true false : echo pwd test [ [[ yes factor expr"
    " getent hostid logname printenv pstree pidof pmap cloc tokei scc wdiff c++filt addr2line"
    " xmllint yq gron fx exa eza lsd ncdu dust man info apropos whatis tldr help history dirs jobs bg fg"
    " disown times"
    " ulimit umask shopt wait return exit break continue cd chdir pushd popd alias unalias hash caller"
    " logout fc"
    " pkg-config readarray cal ipcs stty tput clear reset_terminal infocmp dig_local journalctl dmesg sw_vers"
    " shellcheck hadolint yamllint"
)
_BUILTINS = named(
    "test [ [[ printf read export declare typeset local readonly getopts let unset set shift mapfile pushd"
)
_SUBSCRIPT = re.compile(r"\[[^]]*(\$\(|`|\$\{)")


def _reader(call: Call) -> Iterator[Effect]:
    found = split(call.args, _VALUED.get(call.name, ()))
    operands = found.operands
    if call.name in _PATTERN_FIRST and not found.has("e", "regexp", "f", "from-file"):
        operands = operands[1:]
    seen: list[str] = []
    if call.name not in (
        "echo",
        "true",
        "false",
        ":",
        "sleep",
        "type",
        "which",
        "seq",
        "man",
        "help",
        "expr",
    ):
        for word in (*operands, *found.values("f", "file", "from-file", "files0-from")):
            spot = locate(word, call.scene)
            seen.extend(spot.paths)
            risky = reading(spot)
            if risky.kind is not ActionClass.FILE_READ and call.name not in (
                "ls",
                "stat",
                "du",
                "df",
                "realpath",
            ):
                yield risky
        if call.name in _PATTERN_FIRST:
            yield from _searched(found, operands, call)
    if call.name == "echo" or (not operands and call.stdin.taint == TAINT):
        yield from _secrets(call)
    yield from picked(call)
    yield from _options(call, found)
    yield Finding(ActionClass.FILE_READ, "read", "only reads", tuple(seen))


def _secrets(call: Call) -> Iterator[Finding]:
    """Say whether the value of a variable that holds a secret is among what is printed."""
    if call.stdin.taint == TAINT or any(word.taint == TAINT for word in call.args):
        yield Finding(ActionClass.SECRET_READ, "secret-variable", "prints a variable that holds a secret")


def _searched(found: Options, operands: list[Word], call: Call) -> Iterator[Finding]:
    """Judge where a search looks: everything in a home, or files with the names of secrets."""
    for value in found.values("include", "g", "glob", "iglob"):
        if names_secret(value.text) and not found.has("l", "files-with-matches", "files", "c", "count", "q"):
            yield Finding(
                ActionClass.SECRET_READ, "secret-file", f'searches "{value.text}", which holds secrets'
            )
    if not found.has("r", "R", "recursive", "dereference-recursive"):
        return
    for word in operands:
        spot = locate(word, call.scene)
        if spot.path in (call.scene.place.home, "/"):
            yield Finding(ActionClass.SECRET_READ, "secret-file", "searches everything in a home", spot.paths)


def _options(call: Call, found: Options) -> Iterator[Effect]:
    if call.name in ("rg", "sort"):
        for word in found.values("pre", "hostname-bin", "compress-program"):
            yield from executing(word.text, call.name, appended=call.name == "rg")
    if call.name in ("sort", "tree"):
        for word in found.values("o", "output"):
            spot = locate(word, call.scene)
            yield emptying(spot) if "/dev/null" in call.texts else writing(spot)
    elif call.name in ("less", "more", "most"):
        yield from _pager(call, found)
    elif call.name == "man":
        for word in split(call.args, named("P pager H")).values("P", "pager", "H"):
            yield from executing(word.text, "man")
    else:
        yield from (writing(locate(word, call.scene)) for word in _written(call))


def _pager(call: Call, found: Options) -> Iterator[Effect]:
    for text in call.texts:
        if text.startswith("+") and "!" in text:
            yield Script(text.partition("!")[2])
    for word in found.values("o", "O"):
        yield writing(locate(word, call.scene))


def _written(call: Call) -> Iterator[Word]:
    if call.name == "yq" and {"-i", "--inplace", "--in-place"} & set(call.texts):
        yield from (word for word in call.args[1:] if not word.text.startswith("-"))
    elif call.name in ("uniq", "xxd"):
        yield from split(call.args, "fswclos").operands[1:2]
    elif call.name == "xmllint" and "--output" in call.texts:
        at = call.texts.index("--output") + 1
        yield from call.args[at : at + 1]


def _builtin(call: Call) -> Iterator[Effect]:
    """Judge builtins that take names of variables: a subscript in one is evaluated."""
    for text in call.texts if call.name != "printf" or call.texts[:1] == ["-v"] else ():
        if _SUBSCRIPT.search(text):
            yield unclear("a subscript in it runs a command", "subscript")
    if call.name == "printf" and call.texts[:1] != ["-v"]:
        yield from _secrets(call)
    for text in call.texts if {"-p", "-xp", "-px"} & set(call.texts) else ():
        if holds_secret(text):
            yield shown(text)
    yield listed(call) or plain(ActionClass.FILE_READ, "sets or tests variables of the shell")


def _calculator(call: Call) -> Iterator[Effect]:
    for line in (call.stdin.text or "").splitlines():
        if line.lstrip().startswith("!"):
            yield Script(line.lstrip()[1:])
    for at, text in enumerate(call.texts[:-1]):
        if text in ("-e", "--expression") and "!" in call.texts[at + 1]:
            yield Script(call.texts[at + 1].partition("!")[2])
    yield plain(ActionClass.FILE_READ, "calculates")


def _m4(call: Call) -> Iterator[Effect]:
    text = f"{call.stdin.text or ''} {' '.join(call.texts)}"
    for inner in re.findall(r"(?:syscmd|esyscmd|maketemp)\s*\(([^)]*)\)", text):
        yield Script(inner.strip("`'[] "))
    yield plain(ActionClass.BASH_EXEC, "expands macros")


def _printenv(call: Call) -> Iterator[Effect]:
    for text in call.texts:
        if holds_secret(text.upper()):
            yield shown(text)
    yield listed(call) or plain(ActionClass.FILE_READ, "prints variables")


def _fc(call: Call) -> Iterator[Effect]:
    if call.name == "fc" and "-l" not in call.texts:
        yield unclear("runs commands from the history")
    yield plain(ActionClass.FILE_READ, "looks at the history")


def _date(call: Call) -> Iterator[Effect]:
    told = [word for word in call.args if not re.match(r"-u?I", word.text)]
    if split(told, "df").has("s", "set"):
        yield system("clock", "sets the clock of the machine")
    yield plain(ActionClass.FILE_READ, "tells the time")


def _dmesg(call: Call) -> Iterator[Effect]:
    clearing = r"-[cC]|--clear|--read-clear|--vacuum.*|--rotate|--flush|--console-.*"
    if any(re.fullmatch(clearing, text) for text in call.texts):
        yield system("logs", "deletes messages of the machine")
    yield plain(ActionClass.FILE_READ, "reads messages of the machine")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(_READERS, _reader),
    **dict.fromkeys(_BUILTINS, _builtin),
    **dict.fromkeys(("bc", "dc"), _calculator),
    "m4": _m4,
    "printenv": _printenv,
    "fc": _fc,
    "history": _fc,
    "date": _date,
    "dmesg": _dmesg,
    "journalctl": _dmesg,
}
