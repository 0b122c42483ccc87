"""Judges programs that run others in an environment of packages, or under a debugger."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
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
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.programs.wrapping import OTHERS
from pancode.domains.safety.commands.registry import remote_code


def _after(words: tuple[Word, ...], marks: tuple[str, ...]) -> tuple[Word, ...]:
    for at, word in enumerate(words):
        if word.text in marks:
            return words[at + 1 :]
    return ()


def _environment(call: Call) -> Iterator[Effect]:
    """Judge programs that run others in an environment of packages, after a verb or two dashes."""
    texts = call.texts
    if call.name == "direnv" and texts[:1] and texts[0] in ("allow", "permit", "grant", "edit"):
        why = "lets a file run whenever the directory is entered"
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", why)
    elif call.name == "direnv" and texts[:1] == ["exec"]:
        yield Run(call.args[2:])
    elif call.name in ("conda", "mamba", "micromamba") and texts[:1] == ["run"]:
        found = split(call.args[1:], named("n p name prefix cwd"), stop=True)
        yield Run(call.args[1:][found.rest :])
    elif {"remove", "env"} & set(texts[:2]) and ({"--all", "remove"} & set(texts[1:])):
        yield Finding(ActionClass.BASH_DESTRUCTIVE, "delete-environment", "deletes a whole environment")
    elif any("://" in text or text.startswith("git@") for text in texts):
        yield remote_code("takes a plugin from elsewhere")
    elif "--" in texts:
        yield Run(_after(call.args, ("--",)))
    elif call.name == "dotenv":
        found = split(call.args, named("f e p c"), stop=True)
        yield Run(tuple(word for word in call.args[found.rest :] if word.text != "run"))
    yield plain(ActionClass.BASH_EXEC, "works in an environment of packages")


def _nix(call: Call) -> Iterator[Effect]:
    texts = call.texts
    joined = " ".join(texts)
    for at, text in enumerate(texts[:-1]):
        if text in ("--run", "--command") and call.name == "nix-shell":
            yield Script(texts[at + 1])
        elif text in ("-c", "--command"):
            yield Run(call.args[at + 1 :])
        elif text in ("--expr", "-E"):
            yield unclear("nix evaluates text that may build anything")
    if re.search(r"\b(github|gitlab|git|https?|sourcehut|tarball)[:+]", joined):
        yield remote_code("runs code from elsewhere")
    if "gc" in f"{call.name} {joined}" or "collect-garbage" in call.name or "profile remove" in joined:
        yield system("machine-packages", "deletes what is installed on the machine")
    if call.name == "guix" and "--" in texts:
        yield Run(_after(call.args, ("--",)))
    yield plain(ActionClass.BASH_EXEC, "works in an environment of packages")


def _expect(call: Call) -> Iterator[Effect]:
    text = " ".join([*call.texts, call.stdin.text or ""])
    for inner in re.findall(r"(?:spawn|exec|system)\s+([^;\n\"}]*)", text):
        yield Script(inner)
    yield plain(ActionClass.BASH_EXEC, "drives another program")


def _gdb(call: Call) -> Iterator[Effect]:
    texts = call.texts
    found = split(call.args, named("ex iex p pid x c eval-command"), stop=False)
    for text in (
        *(word.text for word in found.values("ex", "iex", "eval-command")),
        *(call.stdin.text or "").splitlines(),
    ):
        shell = re.match(r"\s*(?:shell|!|pipe|make)\s*(.*)", text)
        if shell:
            yield Script(shell.group(1))
        elif re.match(r"\s*(call|python|print .*system|source|attach)", text):
            yield unclear("the debugger runs code or attaches to another process")
    if found.has("p", "pid", "attach") or "attach" in texts:
        yield OTHERS
    for at, text in enumerate(texts):
        if text in ("--args", "--") and call.name in ("gdb", "lldb", "rr"):
            yield Run(call.args[at + 1 :])
    yield plain(ActionClass.BASH_EXEC, "debugs a program")


def _perf(call: Call) -> Iterator[Effect]:
    found = split(call.args[1:], named("e o p F c event output"), stop=True)
    yield (
        Run(call.args[1:][found.rest :])
        if call.texts[:1] in (["stat"], ["record"], ["trace"])
        else plain(ActionClass.FILE_READ, "looks at measurements")
    )


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(
        named("direnv conda mamba micromamba dotenv mise asdf rtx devbox flox hermit pixi_run"), _environment
    ),
    **dict.fromkeys(named("nix nix-shell nix-build nix-collect-garbage nix-env guix nix-store"), _nix),
    "expect": _expect,
    **dict.fromkeys(("gdb", "lldb", "cgdb"), _gdb),
    "perf": _perf,
}
