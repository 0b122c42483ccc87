"""Judges interpreters: by the text they are given, or by the file they run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Feed,
    Finding,
    Judge,
    Run,
    Word,
    named,
    plain,
    unclear,
)
from pancode.domains.safety.commands.code_text import judge_code
from pancode.domains.safety.commands.hosts import host_of
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.programs.unknown import ran
from pancode.domains.safety.commands.registry import remote_code
from pancode.domains.safety.commands.touching import emptying, reading, writing


@dataclass(frozen=True, slots=True)
class Interpreter:
    """How an interpreter takes its program: options with text, with other values, and that load."""

    language: str
    tells: tuple[str, ...]
    values: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()


_PYTHON = Interpreter("python", ("c",), named("W X m Q"))
_NODE = Interpreter(
    "node",
    named("e p eval print pe"),
    named(
        "input-type conditions env-file test-name-pattern test-reporter C stack-trace-limit"
        " max-old-space-size"
    ),
    named("r require import loader experimental-loader"),
)
_INTERPRETERS: dict[str, Interpreter] = {
    **dict.fromkeys(named("python python2 python3 pypy pypy3 ipython ipython3 bpython"), _PYTHON),
    **dict.fromkeys(
        named("node nodejs electron iojs tsx ts-node ts-node-esm esno babel-node swc-node vite-node"), _NODE
    ),
    "perl": Interpreter("perl", named("e E"), named("I M m C")),
    "ruby": Interpreter("ruby", named("e"), named("I r C E K")),
    "jruby": Interpreter("ruby", named("e"), named("I r C E K")),
    "php": Interpreter("php", named("r B R E run"), named("d c f S t")),
}
_RARE = named(
    "lua luajit tclsh wish Rscript R julia groovy scala elixir iex erl escript guile racket sbcl clisp ghc"
    " runghc runhaskell"
    " ocaml swipl gprolog octave matlab pwsh powershell jrunscript jshell kotlinc bsh rhino gjs mujs gst"
    " picolisp chez csi"
    " ghci maxima gp gnuplot root utop crystal nim zx amm osascript emacs emacsclient janet fennel raku"
    " dart_eval clojure clj"
    " bb lein-exec scheme mit-scheme gforth qjs d8 jsc v8 irb pry nodejs-repl coffee ts-eval hy sage"
)
_TELLS = frozenset(
    named(
        "-e -E -c -g -eval --eval -Command -command -EncodedCommand -enc -s -run --expression -execute -x -"
        " -p"
        " --execute -ne -l --batch -noshell"
    )
)
_MODULES = {
    "pip": "pip",
    "pip3": "pip",
    "twine": "twine",
    "ensurepip": "pip",
    "pytest": "pytest",
    "alembic": "alembic",
    "awscli": "aws",
    "ansible": "ansible",
    "build": "python-build",
    "poetry": "poetry",
    "pre_commit": "pre-commit",
    "django": "django-admin",
    "flask": "flask",
    "IPython": "ipython",
}
_FRONTS = frozenset(
    named(
        "manage.py artisan console rimraf prisma sequelize sequelize-cli typeorm knex rails npm npx yarn pnpm"
    )
)


def _run_text(text: Word, language: str, call: Call) -> Iterator[Effect]:
    if text.taint == "remote":
        yield remote_code("an interpreter runs what is downloaded")
    elif text.taint == "decoded":
        yield unclear("an interpreter runs what is decoded", "decoded-code")
    yield from judge_code(text.text, language, call)


def _fed(feed: Feed, language: str, call: Call) -> Iterator[Effect]:
    if feed.taint == "remote":
        yield remote_code("an interpreter runs what is downloaded")
    elif feed.text is not None:
        yield from judge_code(feed.text, language, call)
        if feed.taint == "decoded":
            yield unclear("an interpreter runs what is decoded", "decoded-code")
    elif feed.taint == "terminal":
        yield plain(ActionClass.BASH_EXEC, "starts an interpreter")
    else:
        yield unclear("an interpreter runs what nobody has seen", "unseen-code")


def _interpreter(call: Call) -> Iterator[Effect]:
    known = _INTERPRETERS.get(re.sub(r"[-.]?\d[\d.]*$", "", call.name)) or _INTERPRETERS.get(
        call.name, _PYTHON
    )
    found = split(call.args, (*known.tells, *known.values, *known.loads), stop=True)
    texts = found.values(*known.tells)
    for value in found.values(*known.loads):
        if ("/" in value.text and locate(value, call.scene).zone == "tmp") or value.text.startswith("data:"):
            yield unclear(f'loads "{value.text}" first')
    if known.language == "python" and found.values("m"):
        yield from _module(found.values("m")[0].text, call)
        return
    in_place = known.language in ("perl", "ruby") and any(re.match(r"-[\w.]*i", text) for text in call.texts)
    if texts:
        preface = " ".join(text for text in call.texts if text.startswith(("-M", "-r")))
        joined = "\n".join(word.text for word in texts)
        yield from _run_text(Word(f"{joined}\n{_loops(call)}", taint=texts[0].taint), known.language, call)
        if preface and re.search(r"File::Path|fileutils", preface) and re.search(r"\brm|remove|tree", joined):
            yield plain(ActionClass.BASH_DESTRUCTIVE, "deletes directories", "delete-in-code")
        silent = any(re.match(r"-\w*n", text) for text in call.texts) and "print" not in joined
        yield from _handed(call, found.operands, in_place=in_place, silent=silent and in_place)
        return
    operands = [word for word in found.operands if word.text != "--"]
    if not operands or operands[0].text in ("-", "/dev/stdin"):
        yield from _fed(call.stdin, known.language, call)
        return
    yield from _file(operands, known.language, call)


def _loops(call: Call) -> str:
    """Give what options such as -n add to a program of one word, as in `perl -nle unlink`."""
    return "" if not any(re.match(r"-\w*[np]", text) for text in call.texts) else "\n"


def _handed(call: Call, operands: list[Word], *, in_place: bool, silent: bool) -> Iterator[Finding]:
    for word in operands:
        spot = locate(word, call.scene)
        clears = silent or (
            in_place
            and any(
                re.search(r"\$_\s*=\s*(\"\"|''|undef|q\(\))|^\s*(d|next|undef \$_)\s*;?\s*$", text)
                for text in call.texts
            )
        )
        if "/" in word.text or in_place:
            yield emptying(spot) if clears else writing(spot, "edits") if in_place else reading(spot)


def _module(name: str, call: Call) -> Iterator[Effect]:
    at = next((n for n, text in enumerate(call.texts) if re.fullmatch(r"-\w*m", text)), 0)
    rest = call.args[at + 2 :]
    attached = next((text for text in call.texts if re.match(r"-m\w", text)), "")
    if attached:
        rest = call.args[call.texts.index(attached) + 1 :]
    if name.partition(".")[0] in _MODULES:
        yield Run((Word(_MODULES[name.partition(".")[0]]), *rest))
    elif name in ("smtplib", "ftplib", "telnetlib"):
        yield Finding(ActionClass.NETWORK_UNLISTED, "upload", "talks to another host")
    elif name in ("http.server", "SimpleHTTPServer"):
        binds = re.search(r"(--bind|-b)[ =](\S+)", " ".join(word.text for word in rest))
        if binds and not re.match(r"127\.|localhost|::1", binds.group(2)):
            yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "offers files to others")
    yield plain(ActionClass.BASH_EXEC, f'runs the module "{name}"')


def _file(operands: list[Word], language: str, call: Call) -> Iterator[Effect]:
    word = operands[0]
    if "://" in word.text:
        yield remote_code("an interpreter runs what is downloaded", host_of(word.text))
        return
    if word.text.startswith(DYNAMIC) and word.taint not in ("variable", ""):
        yield unclear("an interpreter runs a file known only when it runs")
    spot = locate(word, call.scene)
    if spot.path.startswith("/dev/fd/"):
        yield from _fed(call.scene.files.get(spot.path, Feed()), language, call)
        return
    feed = call.scene.files.get(spot.path)
    inner = Call((word, *operands[1:]), call.scene, call.stdin)
    if feed is not None:
        yield from ran(feed, inner, language)
    name = word.text.rsplit("/", 1)[-1].removesuffix(".js").removesuffix(".cjs").removesuffix(".mjs")
    if name in _FRONTS:
        yield Run((Word(name), *operands[1:]))
    yield reading(spot) if spot.zone != "tree" else plain(ActionClass.FILE_READ, "reads its program")
    yield Finding(ActionClass.BASH_EXEC, "program", f'runs the program "{spot.shown}"', spot.paths)


def _rare(call: Call) -> Iterator[Effect]:
    """Judge interpreters whose options aren't known one by one: all that they are given is program."""
    given = call.texts
    if any(text.split("=")[0] in _TELLS for text in given):
        yield from judge_code(" ".join(given), "other", call)
        if any(re.fullmatch(r"(?i)-e(nc|ncodedcommand)", text) for text in given):
            yield unclear("an interpreter runs what it decodes", "decoded-code")
    elif any("remote" in word.taint for word in call.args):
        yield remote_code("an interpreter runs what is downloaded")
    elif given and any(re.search(r"[(\s]", text) for text in given) and not given[0].startswith("-"):
        yield from judge_code(" ".join(given), "other", call)
    operands = [word for word in call.args if not word.text.startswith("-")]
    if not operands or call.stdin.taint != "terminal":
        yield from _fed(call.stdin, "other", call)
    for word in operands[:1]:
        feed = call.scene.files.get(locate(word, call.scene).path)
        if feed is not None:
            yield from ran(feed, call, "other")
    yield plain(ActionClass.BASH_EXEC, "runs a program of the project")


def _deno(call: Call) -> Iterator[Effect]:
    words = list(call.args)
    verb = words[0].text if words else ""
    if verb in ("eval", "-e", "--eval", "-p", "--print"):
        rest = [word for word in words[1:] if not word.text.startswith("-")]
        yield from judge_code(" ".join(word.text for word in rest), "node", call)
    elif call.name == "bun" and re.match(r"-(e|p|-eval|-print)", verb):
        yield from judge_code(" ".join(word.text for word in words[1:]), "node", call)
    elif any(re.match(r"(https?|npm|jsr|data):", word.text) for word in words):
        yield remote_code("runs code from elsewhere")
    elif call.name == "bun":
        from pancode.domains.safety.commands.programs.node_packages import manager

        yield from manager(call)
    elif not words or "-" in [word.text for word in words]:
        yield from _fed(call.stdin, "node", call)
    if verb in ("install", "upgrade", "publish", "deploy") and call.name == "deno":
        yield unclear("installs or publishes a program")
    yield plain(ActionClass.BASH_EXEC, "runs a program of the project")


def _java(call: Call) -> Iterator[Effect]:
    if any(
        re.match(r"-javaagent|-agentpath|-agentlib|-XX:OnError|-XX:OnOutOfMemoryError", text)
        for text in call.texts
    ):
        yield unclear("java loads an agent or runs a command")
    if any("://" in text for text in call.texts):
        yield remote_code("runs code from elsewhere")
    yield plain(ActionClass.BASH_EXEC, "runs a program of the project")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(_RARE, _rare),
    **dict.fromkeys(_INTERPRETERS, _interpreter),
    **dict.fromkeys(("deno", "bun"), _deno),
    "java": _java,
}
