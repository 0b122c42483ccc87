"""Judges the package managers of JavaScript."""

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
    unclear,
)
from pancode.domains.safety.commands.hosts import host_of
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.programs import known
from pancode.domains.safety.commands.registry import (
    PUBLISHES,
    machine,
    published,
    registries,
    remote_code,
    sources,
)

_VALUES = named(
    "prefix C w workspace filter registry cwd dir loglevel script-shell userconfig globalconfig tag otp F"
    " cache c call"
)
_INSTALLS = frozenset(
    named(
        "install i add ci in ins update upgrade up link create init remove uninstall un rm unlink it dedupe"
    )
)
_ACCOUNT = frozenset(named("token adduser login logout profile team org hook star"))
_RUN = named("p package c call node-arg n spec python with from")


def manager(call: Call) -> Iterator[Effect]:
    """Judge npm, pnpm, yarn and bun."""
    found = split(call.args, _VALUES)
    for value in found.values("registry"):
        yield from registries([value])
    if found.has("script-shell", "userconfig", "globalconfig", "node-options"):
        yield unclear("takes settings that may run programs")
    words = found.operands
    verb = words[0].text if words else ""
    if verb in ("exec", "x", "dlx"):
        yield from executed(call, verb)
        return
    if verb in _INSTALLS or verb == "global":
        yield from sources(words[1:], shorthand=verb not in ("create", "init", "remove", "uninstall", "rm"))
        if found.has("g", "global", "location=global") or verb == "global":
            yield machine("installs for the whole machine")
        yield plain(ActionClass.NETWORK, "installs packages from the registry", "install")
        return
    if verb == "pkg":
        yield from _scripts([word.text for word in words[1:]])
    elif verb in ("config", "set", "c"):
        yield from _settings([word.text for word in words[1:]], verb)
    elif verb and not found.has("dry-run"):
        yield from _registry(verb, call)
        yield from _named(call, words)
    yield plain(ActionClass.BASH_EXEC, f'runs "{call.name} {verb}"')


def _registry(verb: str, call: Call) -> Iterator[Finding]:
    if verb in PUBLISHES and not ({"ls", "list"} & set(call.texts)):
        yield published(f'"{call.name} {verb}" changes what everybody gets from the registry')
    elif verb in _ACCOUNT:
        yield Finding(ActionClass.NETWORK_UNLISTED, "account", "changes an account at the registry")


def _named(call: Call, words: list[Word]) -> Iterator[Effect]:
    """Judge what yarn and pnpm run when the verb is no verb of theirs but a program."""
    if words and call.name in ("yarn", "pnpm", "bun") and known(words[0].text) is not None:
        at = call.args.index(words[0])
        yield Run(call.args[at:])
    elif (
        words[:1]
        and words[0].text in ("run", "run-script")
        and words[1:]
        and call.name in ("yarn", "pnpm", "bun")
    ):
        at = call.args.index(words[1])
        if known(words[1].text) is not None and words[1].text not in (
            "test",
            "build",
            "clean",
            "watch",
            "dev",
        ):
            yield Run(call.args[at:])
    script = " ".join(word.text for word in words[:2])
    if re.search(r"(?i)\b(deploy|release|publish|db:(drop|reset|wipe)|unpublish|migrate:reset)\b", script):
        yield unclear(f'"{script}" sounds like more than a build')


def _scripts(texts: list[str]) -> Iterator[Effect]:
    """Judge what `npm pkg set` writes into the scripts of the project, as the next `npm test` runs it."""
    for text in texts[1:] if texts[:1] == ["set"] else ():
        name, equals, value = text.partition("=")
        if equals and name.startswith("scripts"):
            yield Script(value)
    yield plain(ActionClass.FILE_WRITE, "changes the package file", "write")


def _settings(texts: list[str], verb: str) -> Iterator[Finding]:
    rest = texts if verb == "set" else texts[1:]
    if verb == "set" or texts[:1] in (["set"], ["delete"], ["edit"]):
        what = " ".join(rest)
        if re.search(
            r"(?i)registry|proxy|shell|auth|token|prefix|script|userconfig|cafile|strict-ssl|git|editor"
            r"|node-options",
            what,
        ):
            yield Finding(
                ActionClass.GOVERNANCE_WRITE,
                "write-governance",
                "changes where packages come from, or what runs",
            )
        else:
            yield Finding(
                ActionClass.GOVERNANCE_WRITE,
                "write-governance",
                "changes the settings of the package manager",
            )
    elif texts[:1] == ["get"] and re.search(r"(?i)auth|token|passw", " ".join(rest)):
        yield Finding(ActionClass.SECRET_READ, "secret-tool", "prints a credential")


def executed(call: Call, verb: str = "") -> Iterator[Effect]:
    """Judge npx and the like: the program is run, from the registry if it isn't installed."""
    words = call.args[call.texts.index(verb) + 1 :] if verb else call.args
    found = split(words, _RUN, stop=True)
    for value in found.values("c", "call"):
        yield Script(value.text)
    yield from sources(found.values("p", "package", "spec", "from", "with"), shorthand=True)
    for value in split(call.args, _VALUES).values("registry"):
        yield from registries([value])
    inner = tuple(words[found.rest :])
    if inner:
        name = inner[0].text
        if "://" in name or re.match(r"(git|github|file|gitlab)[:+]", name):
            yield remote_code("runs code from elsewhere", host_of(name))
        elif re.fullmatch(r"[\w.-]+/[\w.-]+(#.*)?", name) and not name.startswith("."):
            yield remote_code("runs code from a repository")
        bare = name if name.startswith(("@", ".", "/")) else name.partition("@")[0]
        yield Run((Word(bare), *inner[1:]))
    yield plain(ActionClass.BASH_EXEC, "runs a program of the project or of the registry")


def _husky(call: Call) -> Iterator[Effect]:
    if call.texts[:1] in (["run"], ["validate"], ["--version"]):
        yield plain(ActionClass.BASH_EXEC, "runs the checks of the project")
    else:
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "installs hooks of git")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(named("npm pnpm yarn cnpm tnpm"), manager),
    **dict.fromkeys(named("npx bunx pnpx yarnpkg-dlx"), executed),
    **dict.fromkeys(named("husky simple-git-hooks lefthook overcommit"), _husky),
}
