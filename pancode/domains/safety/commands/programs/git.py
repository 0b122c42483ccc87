"""Judges git: its options before the subcommand, and the subcommands that are plain."""

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
from pancode.domains.safety.commands.hosts import host_of, reaching
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate, names_secret
from pancode.domains.safety.commands.poison import executing
from pancode.domains.safety.commands.programs.git_losing import LOSING_VERBS
from pancode.domains.safety.commands.programs.git_remote import REMOTE_VERBS, configures
from pancode.domains.safety.commands.touching import emptying, reading, writing

_GLOBAL = frozenset(
    named("-c -C --git-dir --work-tree --namespace --super-prefix --config-env --attr-source")
)
_LOOKS = frozenset(
    named(
        "status log show diff blame annotate shortlog describe rev-parse rev-list ls-files ls-tree cat-file"
        " name-rev"
        " merge-base for-each-ref show-ref show-branch count-objects fsck check-ignore check-attr"
        " check-ref-format"
        " check-mailmap cherry diff-tree diff-index diff-files range-diff grep whatchanged help version var"
        " verify-commit"
        " verify-tag verify-pack get-tar-commit-id column fmt-merge-msg patch-id stripspace"
        " interpret-trailers request-pull"
        " difftool format-patch archive diagnose bugreport merge-tree show-index mktree unpack-file"
        " blame"
    )
)
_ADDS = frozenset(
    named(
        "bundle add commit mv merge cherry-pick revert rebase pull apply am init notes maintenance"
        " commit-tree"
        " write-tree"
        " hash-object mktag pack-refs repack pack-objects update-index rerere sparse-checkout submodule"
        " bisect stage"
        " commit-graph multi-pack-index replace citool gui update-server-info fast-export mergetool"
        " unpack-objects"
        " index-pack merge-file merge-index merge-one-file"
    )
)


_ASKS = (["status"], ["summary"], ["list"], ["show"], ["log"], ["verify"], ["get"])
"""First words of subcommands that only look, as in `git submodule status`."""


def _git(call: Call) -> Iterator[Effect]:
    words = list(call.args)
    aliases: dict[str, str] = {}
    scene = call.scene
    while words and words[0].text.startswith("-"):
        name, equals, value = words.pop(0).text.partition("=")
        if name in _GLOBAL and not equals and words:
            value = words.pop(0).text
        if name == "-c" and value.lower().startswith("alias."):
            aliases[value[6:].partition("=")[0]] = value.partition("=")[2]
        if name == "-C":
            scene = scene.fork()
            scene.cwd = locate(Word(value), scene).path
        if name in {"-p", "--paginate"}:
            continue
        yield from _global(name, value)
    if not words:
        yield plain(ActionClass.FILE_READ, "asks git what it is")
        return
    if [word.text for word in words[1:]] in (["--help"], ["-h"]):
        yield plain(ActionClass.FILE_READ, "asks git how a subcommand works")
        return
    if words[0].dynamic:
        yield unclear("the subcommand of git is known only when it runs")
        return
    yield from _verb(words[0].text, Call(tuple(words), scene, call.stdin), aliases)


def _global(name: str, value: str) -> Iterator[Effect]:
    """Judge an option before the subcommand."""
    if name == "-c":
        setting, _, setting_value = value.partition("=")
        if DYNAMIC in setting:
            yield unclear("a setting of git is known only when it runs")
        yield from configures(setting, setting_value)
    elif name == "--config-env":
        yield unclear("takes a setting of git from the environment", "git-executes")
    elif name == "--exec-path" and value:
        yield system("git-executes", "has git run programs from another directory")


def _verb(verb: str, call: Call, aliases: dict[str, str]) -> Iterator[Effect]:
    known = aliases.get(verb) or (call.scene.variables.get(f"git alias {verb}") or (Word(""),))[0].text
    if known:
        if known.startswith("!"):
            yield Script(known[1:])
        else:
            yield Script(f"git {known} " + " ".join(word.text for word in call.args))
        return
    judge = LOSING_VERBS.get(verb) or REMOTE_VERBS.get(verb)
    if judge is not None:
        yield from judge(call)
    elif verb in _LOOKS:
        yield from _looks(call)
    elif verb in _ADDS:
        yield from _adds(call)
        if (
            locate(Word("."), call.scene).zone in ("home", "outside", "system")
            and call.texts[:1] not in _ASKS
        ):
            yield plain(
                ActionClass.BASH_DESTRUCTIVE, "changes a repository outside the work tree", "write-outside"
            )
    else:
        yield unclear(f'"git {verb}" is no subcommand that is known here', "git-unknown")


def _looks(call: Call) -> Iterator[Effect]:
    texts = call.texts
    verb = call.words[0].text
    for text in texts:
        if verb == "grep" and re.match(r"-O.|--open-files-in-pager=", text):
            yield from executing(re.sub(r"^(-O|--open-files-in-pager=)", "", text), "git")
    found = split(call.args, named("o x t extcmd output output-directory remote exec tool format prefix"))
    for value in found.values("x", "extcmd", "exec"):
        if verb in ("difftool", "archive"):
            yield from executing(value.text, "git")
    for value in found.values("output", "o", "output-directory"):
        if verb in ("diff", "log", "show", "archive", "format-patch", "diff-tree", "range-diff", "blame"):
            spot = locate(value, call.scene)
            text_file = re.search(r"\.(patch|diff|txt|log|md|json|csv|tar|zip|tgz|gz)$", spot.path)
            own = text_file or verb in ("archive", "format-patch")
            yield writing(spot) if own else emptying(spot)
    if verb == "archive" and found.has("remote"):
        yield from _remote(found.values("remote"))
    yield from _shown(verb, found.operands[1:] if verb == "grep" else found.operands, call)
    yield plain(ActionClass.FILE_READ, f'"git {verb}" only looks')


def _shown(verb: str, words: list[Word], call: Call) -> Iterator[Finding]:
    """Judge the files that a subcommand shows, as they are or as they were."""
    for word in words:
        spot = locate(word, call.scene)
        risky = reading(spot)
        if risky.kind is not ActionClass.FILE_READ and (spot.zone != "tree" or _prints(verb, call.texts)):
            yield risky
        revision, colon, path = word.text.partition(":")
        if colon and revision and names_secret(path) and verb in ("show", "cat-file", "blame", "grep"):
            yield Finding(ActionClass.SECRET_READ, "secret-file", f'prints "{path}" as it was')


_BRIEF = re.compile(r"--(name-only|name-status|stat|shortstat|numstat|summary|quiet|no-patch|oneline)|-s")


def _prints(verb: str, texts: list[str]) -> bool:
    """Tell whether the subcommand prints what is in the files that it is given."""
    if any(_BRIEF.fullmatch(text) for text in texts):
        return bool({"-p", "-u", "--patch", "--no-index"} & set(texts))
    asked = {"-p", "-u", "--patch"} & set(texts) or any(text.startswith("-L") for text in texts)
    return verb in ("show", "diff", "blame", "annotate", "grep") or (
        verb in ("log", "whatchanged") and bool(asked)
    )


def _remote(words: list[Word]) -> Iterator[Effect]:
    for word in words:
        if word.text.startswith("ext::"):
            yield Script(word.text[5:])
        elif "://" in word.text:
            yield reaching(host_of(word.text), "fetches from")


def _adds(call: Call) -> Iterator[Effect]:
    verb, texts = call.words[0].text, call.texts
    found = split(
        call.args, named("m F message template b initial-branch t exec x onto tool C c file directory")
    )
    if verb == "rebase":
        for value in found.values("x", "exec"):
            yield Script(value.text)
    if verb == "bisect" and texts[:1] == ["run"]:
        yield Run(call.args[1:])
    unsets = texts[:1] in (["remove"], ["prune"]) if verb == "notes" else verb == "replace" and found.has("d")
    if unsets or (verb == "replace" and found.has("delete")):
        yield Finding(ActionClass.GIT_DESTRUCTIVE, "git-ref", "deletes a ref or a note")
    for value in found.values("directory") if verb in ("apply", "am") else ():
        yield writing(locate(value, call.scene))
    if verb == "init" and found.has("template"):
        yield system("git-executes", "takes the hooks of a template")
    if verb == "pull":
        yield from REMOTE_VERBS["fetch"](call)
    yield from _handed(verb, [*found.operands, *found.values("F", "file", "template")], call)
    yield plain(ActionClass.FILE_WRITE, "adds to the local history", "git-local")


def _handed(verb: str, words: list[Word], call: Call) -> Iterator[Effect]:
    """Judge the files that a subcommand is given."""
    for word in words:
        spot = locate(word, call.scene)
        risky = reading(spot)
        if risky.kind is not ActionClass.FILE_READ and (spot.zone != "tree" or verb == "hash-object"):
            yield risky
        if verb in ("init", "mv") or (verb == "bundle" and word.text not in ("create", "-", "verify")):
            yield writing(spot)


JUDGES: dict[str, Judge] = {**dict.fromkeys(("git", "hub", "git.exe"), _git)}
