"""Judges package managers of languages, build tools and runners of tasks."""

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
from pancode.domains.safety.commands.hosts import host_of, reaching
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.registry import (
    PUBLISHES,
    machine,
    published,
    registries,
    remote_code,
    sources,
)

_PIP = named(
    "r c i e f t p requirement constraint index-url extra-index-url find-links default-index index editable"
    " target prefix root"
    " python with proxy trusted-host python-version cache-dir group extra directory project log o"
    " output-file with-requirements"
)
_DRY = frozenset(named("--dry-run -n --help -h check"))


_PIP_FETCHES = frozenset(
    named("install add download wheel sync lock compile upgrade update remove uninstall")
)


def _pip(call: Call) -> Iterator[Effect]:
    found = split(call.args, _PIP)
    words = found.operands
    verb = words[0].text if words else ""
    if verb == "pip" and words[1:]:
        words = words[1:]
        verb = words[0].text
    yield from registries(found.values("i", "index-url", "extra-index-url", "default-index", "index"))
    for value in (*found.values("f", "find-links", "proxy"), *found.values("r", "requirement", "c")):
        if "//" in value.text:
            yield reaching(host_of(value.text), "takes packages from")
    if found.has("trusted-host"):
        yield remote_code("trusts a registry without a certificate")
    if verb in ("run", "tool") and call.name in ("uv", "pixi", "rye"):
        yield from _uv_run(call, verb)
        return
    if verb in _PIP_FETCHES:
        yield from sources([*words[1:], *found.values("e", "editable", "with")])
        if verb == "install" and found.has(
            "user", "break-system-packages", "system", "target", "prefix", "root"
        ):
            yield machine("installs outside the project's environment")
        yield plain(ActionClass.NETWORK, "installs packages from the registry", "install")
        return
    if verb == "config" and {"set", "unset", "edit"} & set(call.texts):
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "changes where packages come from")
    elif verb in PUBLISHES and not _DRY & set(call.texts):
        yield published("publishes a package")
    yield plain(ActionClass.BASH_EXEC, "works with packages")


def _uv_run(call: Call, verb: str) -> Iterator[Effect]:
    words = call.args[call.texts.index(verb) + 1 :]
    if words and verb == "tool" and words[0].text in ("run", "install"):
        words = words[1:]
    found = split(
        words, (*_PIP, *named("m module package env-file only-group no-group from spec")), stop=True
    )
    yield from sources(found.values("with", "from", "spec"))
    yield from registries(found.values("index-url", "extra-index-url", "default-index", "index"))
    inner = words[found.rest :]
    for value in found.values("m", "module"):
        yield Run((Word("python3"), Word("-m"), value, *inner))
    if inner and not found.has("m", "module"):
        if "://" in inner[0].text:
            yield remote_code("runs code from elsewhere", host_of(inner[0].text))
        yield Run(inner)
    yield plain(ActionClass.BASH_EXEC, "runs a program in the project's environment")


def _uvx(call: Call) -> Iterator[Effect]:
    words = call.args
    if call.name == "pipx":
        if call.texts[:1] not in (["run"], ["runpip"]):
            if call.texts[:1] in (["install"], ["upgrade"], ["inject"]):
                yield from sources(call.args[1:])
                yield machine("installs for the whole account")
            yield plain(ActionClass.BASH_EXEC, "works with packages")
            return
        words = words[1:]
    yield from _uv_run(Call((Word("uv"), Word("run"), *words), call.scene, call.stdin), "run")


def _poetry(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("C P p E D G group directory project source extras python"), stop=True)
    words = call.args[found.rest :]
    verb = words[0].text if words else ""
    rest = words[1:]
    if verb in ("run", "shell") and rest:
        inner = split(rest, named("p env"), stop=True)
        yield Run(rest[inner.rest :] if rest[0].text.startswith("-") else rest)
    elif verb in ("publish", "upload") and not _DRY & set(call.texts):
        yield published("publishes a package")
    elif verb in ("source", "config"):
        what = " ".join(word.text for word in rest)
        if "add" in what or re.search(r"(?i)repositories|http-basic|pypi-token|certificates", what):
            yield Finding(
                ActionClass.GOVERNANCE_WRITE, "write-governance", "changes where packages come from"
            )
    elif verb in ("add", "install", "update", "lock", "sync", "remove"):
        yield from sources(rest)
        yield plain(ActionClass.NETWORK, "installs packages from the registry", "install")
        return
    yield plain(ActionClass.BASH_EXEC, "works with packages")


_LANGUAGE_VALUES = named(
    "git registry index source s path manifest-path target package p example bin test features version v o"
    " C chdir exec toolexec"
    " i P n g platform tag branch rev root directory d k api-key config host install-dir"
)


def _language(call: Call) -> Iterator[Effect]:
    """Judge cargo, go, gem, bundle, composer, dotnet, mix and the like."""
    found = split(call.args, _LANGUAGE_VALUES)
    words = [word for word in found.operands if not word.text.startswith("+")]
    verb = words[0].text if words else ""
    if call.name == "cargo":
        yield from registries(found.values("registry", "index"))
        for value in found.values("config"):
            yield unclear(f'takes the setting "{value.text}"')
    for value in found.values("exec", "toolexec"):
        yield Script(f"{value.text} \0")
    if verb == "exec" and words[1:] and call.name in _EXECS:
        at = call.texts.index("exec") + 1
        yield Run(tuple(word for word in call.args[at:] if word.text != "--"))
    yield from _elsewhere(verb, words, call)
    if verb.startswith(("db", "ecto")) or call.name == "mix":
        from pancode.domains.safety.commands.programs.migrations import migrates

        yield from migrates(call)
    yield plain(ActionClass.BASH_EXEC, f'runs "{call.name} {verb}"')


_EXECS = frozenset(named("bundle bundler mise rbenv asdf opam stack cabal"))
_FETCHES = frozenset(named("install add get require fetch restore update i global deps.get"))


def _elsewhere(verb: str, words: list[Word], call: Call) -> Iterator[Effect]:
    """Judge what comes from a registry, or goes there."""
    texts = set(call.texts)
    if call.name == "go":
        yield from _go(words, call)
    withdraws = verb in ("hex.publish", "hex.retire") or ({"push", "delete"} & texts and "nuget" in texts)
    if (verb in PUBLISHES or withdraws) and call.name != "go" and not _DRY & texts:
        yield published("changes what everybody gets from the registry")
    if {"--git", "--registry", "--index", "--source", "-s"} & texts and verb in ("install", "add", "i"):
        yield remote_code("installs code from elsewhere")
    if verb in ("login", "logout", "owner", "signin"):
        yield Finding(ActionClass.NETWORK_UNLISTED, "account", "changes an account at the registry")
    told = {"--add", "add", "set", "--remove", "-a", "repositories"} & texts
    if verb in ("config", "sources", "source") and told:
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "changes where packages come from")
    if verb in _FETCHES:
        if call.name in ("gem", "cargo", "composer", "bundle", "mix"):
            yield from sources([word for word in words[1:] if word.text != "."])
        yield plain(ActionClass.NETWORK, "installs packages from the registry", "install")


_GO_HOSTS = re.compile(
    r"(golang\.org|google\.golang\.org|github\.com|gopkg\.in|honnef\.co|mvdan\.cc|go\.uber\.org|k8s\.io"
    r"|sigs\.k8s\.io"
    r"|gotest\.tools|gitlab\.com|cuelang\.org|rsc\.io|entgo\.io|gorm\.io|goa\.design|buf\.build"
    r"|connectrpc\.com)"
)


def _go(words: list[Word], call: Call) -> Iterator[Finding]:
    verb = words[0].text if words else ""
    for word in words[1:]:
        host = word.text.partition("/")[0]
        if (
            verb in ("run", "install", "get")
            and "." in host
            and "@" in word.text
            and not host.startswith(".")
        ) and not _GO_HOSTS.fullmatch(host):
            yield remote_code("builds and runs code from another host", host)
    if verb == "env" and "-w" in call.texts:
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "changes the settings of go")


def _twine(call: Call) -> Iterator[Effect]:
    if (
        {"upload", "register", "release", "publish"} & set(call.texts)
        or call.name
        in (
            "release-it",
            "np",
            "semantic-release",
        )
    ) and not {"--dry-run", "--snapshot", "--help", "-d"} & set(call.texts):
        yield published("publishes a package")
    yield plain(ActionClass.BASH_EXEC, "works with packages")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(named("pip pip3 uv pip-sync pip-compile pixi easy_install"), _pip),
    **dict.fromkeys(("uvx", "pipx"), _uvx),
    **dict.fromkeys(named("poetry pipenv pdm hatch rye flit tox nox"), _poetry),
    **dict.fromkeys(
        named(
            "cargo go gem bundle bundler composer dotnet mix rebar3 opam stack cabal nuget luarocks cpan"
            " cpanm dart flutter"
        ),
        _language,
    ),
    **dict.fromkeys(
        named("swift pod carthage rustup lein sbt_ luarocks nimble shards conan vcpkg hex"), _language
    ),
    **dict.fromkeys(
        named("twine goreleaser release-it np semantic-release changeset lerna bumpversion vsce ovsx"), _twine
    ),
}
