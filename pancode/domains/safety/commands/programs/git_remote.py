"""Judges the subcommands of git that talk to others, and its settings."""

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
from pancode.domains.safety.commands.hosts import host_of, reaching
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.poison import executing
from pancode.domains.safety.commands.programs.git_losing import added, lost
from pancode.domains.safety.commands.touching import reading, writing

_RUNS = re.compile(
    r"core\.(pager|editor|fsmonitor|sshcommand|hookspath|askpass|gitproxy|attributesfile|worktree"
    r"|alternaterefscommand)"
    r"|pager\..+|sequence\.editor|diff\.external|(diff|merge|filter|difftool|mergetool|man|browser|tar"
    r"|guitool|trailer)"
    r"\..+\.(command|textconv|driver|clean|smudge|process|cmd|path|extcmd)|gpg\..*program"
    r"|credential\.(.+\.)?helper"
    r"|include(if\..+)?\.path|uploadpack\.packobjectshook|remote\..+\.(uploadpack|receivepack|proxy|vcs)"
    r"|sendemail\..*"
    r"|url\..+\.(push)?insteadof|http\.(.+\.)?(proxy|sslverify|cookiefile)|init\.templatedir|gpg\.ssh\..*"
    r"|web\.browser"
    r"|interactive\.difffilter|protocol\..*allow|safe\.directory|instaweb\..*|receive\..*|core\.gitdir"
    r"|blame\.ignore.*file"
)
_PLAIN_VALUES = re.compile(
    r"|cat|less( -\w+)*|more|true|false|vim?|nvim|nano|emacs|code --wait|delta|:|ssh( -i [\w./~-]+)?|always"
    r"|auto"
)


def configures(setting: str, value: str) -> Iterator[Effect]:
    """Judge a setting of git: some of them run programs."""
    lowered = setting.lower()
    if lowered.startswith("alias."):
        yield Script(value[1:] if value.startswith("!") else f"git {value}")
    elif re.fullmatch(r"gc\..*expire\w*", lowered) and value in ("now", "all", "0"):
        yield lost("has git delete what nothing refers to", "git-gc")
    elif value.startswith("!"):
        yield system("git-executes", f'the setting "{setting}" has git run a program')
    elif _RUNS.fullmatch(lowered) and not _PLAIN_VALUES.fullmatch(value):
        if re.search(
            r"command|cmd|pager|editor|external|helper|driver|textconv|clean|smudge|fsmonitor", lowered
        ):
            yield Script(value.lstrip("!"))
        yield system("git-executes", f'the setting "{setting}" has git run programs or take other settings')


def _config(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("f t file type blob default value url"))
    verbs = ("get", "list", "l", "get-all", "get-regexp", "get-urlmatch", "show-origin", "show-scope")
    operands = [word.text for word in found.operands]
    if operands[:1] and operands[0] in (
        "get",
        "list",
        "set",
        "unset",
        "edit",
        "rename-section",
        "remove-section",
    ):
        found.given.append((operands.pop(0), None))
    if found.has("e", "edit"):
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "edits the settings of git")
    if found.has(*verbs) and re.search(r"(?i)extraheader|token|passw|smtppass", " ".join(operands)):
        yield Finding(ActionClass.SECRET_READ, "secret-tool", "prints a credential that git is set to")
    if found.has(*verbs) or (not operands[1:] and not found.has("unset", "unset-all", "remove-section")):
        yield plain(ActionClass.FILE_READ, "looks at settings")
        return
    name, value = [*operands, "", ""][:2]
    far = found.has("global", "system", "f", "file", "worktree") or found.has(
        "rename-section", "remove-section"
    )
    unsets = found.has("unset", "unset-all")
    if far or (unsets and _RUNS.fullmatch(name.lower())) or _RUNS.fullmatch(name.lower()):
        yield Finding(
            ActionClass.GOVERNANCE_WRITE, "write-governance", f'changes the setting "{name}" of git'
        )
    if not unsets:
        yield from configures(name, value)
    if name.lower().startswith("alias."):
        call.scene.variables[f"git alias {name[6:]}"] = (Word(value),)
        if value.startswith("!"):
            yield Finding(
                ActionClass.GOVERNANCE_WRITE, "write-governance", "makes an alias that runs a program"
            )
    if "/" in value:
        yield reading(locate(Word(value), call.scene))
    yield added("changes a setting of the repository")


_PUSH = named("o repo receive-pack exec push-option")
_FORCED = re.compile(r"--(f|fo|for|forc|force.*|mirror|mir\w*|prune|pru\w*|delete|del\w*)(=.*)?")


def _push(call: Call) -> Iterator[Effect]:
    found = split(call.args, _PUSH)
    for value in found.values("receive-pack", "exec"):
        yield from executing(value.text, "git")
    if found.has("n", "dry-run"):
        yield plain(ActionClass.NETWORK, "only tries to push")
        return
    forced = found.has("f", "d") or any(_FORCED.fullmatch(text) for text in call.texts)
    refs = found.operands[1:]
    if forced or any(re.match(r"\+|:.", word.text) for word in refs):
        yield lost("overwrites or deletes what others have", "git-force-push")
    remote = found.operands[0].text if found.operands else ""
    if "://" in remote or re.match(r"[\w.-]+@?[\w.-]*:.", remote):
        host = host_of(remote) if "//" in remote else remote.rpartition("@")[2].partition(":")[0]
        yield Finding(ActionClass.GIT_PUSH, "git-push", "pushes to another repository", (), (host,))
    yield Finding(ActionClass.GIT_PUSH, "git-push", "pushes commits")


def _fetch(call: Call) -> Iterator[Effect]:
    found = split(
        call.args,
        named("u upload-pack c config template b branch depth o origin j jobs reference exec heads-x"),
    )
    verb = call.words[0].text
    for value in found.values("upload-pack", "exec", *(["u"] if verb == "clone" else [])):
        yield from executing(value.text, "git")
    for value in found.values("c", "config"):
        setting, _, rest = value.text.partition("=")
        yield from configures(setting, rest)
    if found.has("template"):
        yield system("git-executes", "takes the hooks of a template")
    if verb in ("fetch", "pull") and (
        found.has("update-head-ok") or any(word.text.startswith("+") for word in found.operands[1:])
    ):
        yield lost("moves local branches by force", "git-ref")
    for word in found.operands:
        text = word.text
        if text.startswith("ext::"):
            yield Script(text[5:])
            yield unclear("git runs a program for the transport", "git-executes")
        elif "://" in text or re.match(r"[\w.-]+@[\w.-]+:", text):
            host = host_of(text) if "//" in text else text.rpartition("@")[2].partition(":")[0]
            yield reaching(host, "fetches from")
    if verb == "clone" and found.operands[1:]:
        yield writing(locate(found.operands[-1], call.scene))
    yield plain(ActionClass.NETWORK, "fetches from the repository's remotes", "git-fetch")


def _remote(call: Call) -> Iterator[Effect]:
    texts = call.texts
    verb = next((text for text in texts if not text.startswith("-")), "")
    if verb in ("set-url", "rename", "remove", "rm", "set-head", "set-branches"):
        yield Finding(ActionClass.GOVERNANCE_WRITE, "write-governance", "points a remote elsewhere")
    elif verb == "add" and any(text.startswith("ext::") for text in texts):
        yield system("git-executes", "has git run a program for the transport")
    elif verb == "add":
        yield added("adds a remote")
    elif verb in ("update", "show", "prune"):
        yield plain(ActionClass.NETWORK, "asks the repository's remotes", "git-fetch")
    yield plain(ActionClass.FILE_READ, "looks at the remotes")


def _submodule(call: Call) -> Iterator[Effect]:
    texts = call.texts
    if "foreach" in texts:
        rest = list(call.args[texts.index("foreach") + 1 :])
        while rest and rest[0].text.startswith("--"):
            rest.pop(0)
        yield Script(" ".join(word.text for word in rest))
    if "deinit" in texts and {"-f", "--force"} & set(texts):
        yield lost("throws away a submodule's work", "git-discards")
    for text in texts:
        if "://" in text:
            yield reaching(host_of(text), "fetches from")
    yield Finding(ActionClass.NETWORK, "git-fetch", "works with submodules")


def _mail(call: Call) -> Iterator[Effect]:
    for text in call.texts:
        if text.startswith(("--smtp-server=/", "--sendmail-cmd", "--to-cmd", "--cc-cmd")):
            yield system("git-executes", "has git run a program")
    yield Finding(ActionClass.NETWORK_UNLISTED, "upload", "sends patches by mail")


def _credential(_call: Call) -> Iterator[Effect]:
    yield Finding(ActionClass.SECRET_READ, "secret-tool", "hands out the credentials that git has")


def _serves(_call: Call) -> Iterator[Effect]:
    yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "offers the repository to others")


REMOTE_VERBS: dict[str, Judge] = {
    "config": _config,
    "push": _push,
    "send-pack": _push,
    **dict.fromkeys(("fetch", "clone", "ls-remote", "fetch-pack"), _fetch),
    "remote": _remote,
    "submodule": _submodule,
    **dict.fromkeys(("send-email", "imap-send"), _mail),
    **dict.fromkeys(("credential", "credential-store", "credential-cache"), _credential),
    **dict.fromkeys(("daemon", "instaweb", "http-backend", "shell", "upload-pack", "receive-pack"), _serves),
    **dict.fromkeys(("svn", "p4", "cvsimport", "cvsexportcommit"), _push),
}
