"""Judges build tools and runners of tasks."""

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
    unclear,
)
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.poison import poisoned
from pancode.domains.safety.commands.registry import (
    published,
)
from pancode.domains.safety.commands.touching import writing

_DRY = frozenset(named("--dry-run -n --help -h check"))
_SHELLY = re.compile(r"^\s*(\S*/)?(ba|z|da|k)?sh\b|\brm\b|\bcurl\b|\bwget\b|[;`]|\||\$\(|\$\{|^\./|^/tmp")


def _make(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("f C j I o W l file directory makefile eval include-dir old-file jobs"))
    for value in found.values("eval"):
        yield from _recipe(value.text, call)
    for value in found.values("f", "file", "makefile"):
        spot = locate(value, call.scene)
        feed = call.stdin if value.text in ("-", "/dev/stdin") else call.scene.files.get(spot.path)
        if feed is not None and feed.text is not None:
            yield from _recipe(feed.text, call)
        elif feed is not None or spot.zone not in ("tree", "root"):
            yield unclear("make follows rules that nobody has seen", "unseen-code")
    for name in ("Makefile", "makefile", "GNUmakefile"):
        written = call.scene.files.get(locate(Word(name), call.scene).path)
        if written is not None and written.text is not None and not found.has("f", "file"):
            yield from _recipe(written.text, call)
    for word in found.operands:
        yield from _given(word.text, call)
    tries = found.has("n", "just-print", "dry-run", "recon", "q", "question")
    if not tries and re.search(
        r"\b(deploy|publish|release|destroy|undeploy)\b", " ".join(word.text for word in found.operands)
    ):
        yield unclear("the target sounds like more than a build")
    yield plain(ActionClass.BASH_EXEC, "builds the project")


def _given(text: str, call: Call) -> Iterator[Effect]:
    """Judge a variable that make is given."""
    name, equals, value = text.partition("=")
    if not equals:
        return
    yield from poisoned([(name.rstrip(":?+"), (Word(value),))], call.scene)
    if _SHELLY.search(value) or (name == "SHELL" and not re.fullmatch(r"(/usr)?/bin/(ba|z|da)?sh", value)):
        yield Script(value)
        yield unclear(f'make is given "{name}", which it runs', "executes")


def _recipe(text: str, _call: Call) -> Iterator[Effect]:
    for line in re.findall(r"(?m)^\t[-@+]*(.*)$|^[^\s:#]+\s*:[^=;]*;[-@+]*(.*)$", text):
        command = (line[0] or line[1]).replace("$$", "$").strip()
        if command:
            yield Script(re.sub(r"\$[({](\w+)[)}]|\$[@<^*?%]", "\0", command))
    for inner in re.findall(r"\$\(shell\s+([^)]*)\)", text):
        yield Script(inner)
    if re.search(r"(?m)^[ \t]*(\.?SHELL|\.SHELLFLAGS|include)\s*[:?]?=?", text):
        yield unclear("the rules change what runs them")


def _task(call: Call) -> Iterator[Effect]:
    """Judge runners of tasks that a file of the project names."""
    joined = " ".join(text for text in call.texts if not text.startswith("-"))
    publishing = re.search(
        r"(?i)\b(publish\w*|deploy\w*|release\w*|upload\w*|dropAll|flywayClean|liquibaseDrop\w*)\b", joined
    )
    if publishing and not _DRY & set(call.texts):
        yield published(f'"{publishing.group()}" reaches others')
    if any(re.match(r"-D?exec\.|--init-script|-I$|--command", text) for text in call.texts):
        yield unclear("the build is told to run a program")
    yield plain(ActionClass.BASH_EXEC, "runs a task of the project")


def _writes(call: Call) -> Iterator[Effect]:
    found = split(
        [Word(f"-{word.text}") if word.text == "-wrapper" else word for word in call.args], ("o", "wrapper")
    )
    for value in found.values("o"):
        yield writing(locate(value, call.scene))
    for value in found.values("wrapper"):
        yield Script(value.text.replace(",", " "))
    yield plain(ActionClass.BASH_EXEC, "builds the project")


def _hooks(call: Call) -> Iterator[Effect]:
    if call.texts[:1] and call.texts[0] in ("install", "uninstall", "init-templatedir"):
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "changes the hooks of git")
    yield plain(ActionClass.BASH_EXEC, "runs the checks of the project")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(named("make gmake bmake mingw32-make"), _make),
    **dict.fromkeys(
        named("just task mage rake_ mvn mvnw gradle gradlew ant sbt invoke inv doit bazel bazelisk nx turbo"),
        _task,
    ),
    **dict.fromkeys(named("gcc g++ cc c++ clang clang++ rustc javac tsc ld"), _writes),
    "pre-commit": _hooks,
}
