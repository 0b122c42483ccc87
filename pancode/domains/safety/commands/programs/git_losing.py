"""Judges the subcommands of git that can throw work or refs away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Call, Effect, Finding, Judge, named, plain
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.touching import writing


def lost(why: str, rule: str) -> Finding:
    """Say that work, a ref or history is lost."""
    return Finding(ActionClass.GIT_DESTRUCTIVE, rule, why)


def added(why: str = "changes only the local repository, without loss") -> Finding:
    """Say that the repository changes, but nothing is lost."""
    return plain(ActionClass.FILE_WRITE, why, "git-local")


_DISCARDS = "throws away uncommitted work"


def _checkout(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("b B orphan conflict pathspec-from-file"))
    texts = call.texts
    before = texts[: texts.index("--")] if "--" in texts else texts
    names = [text for text in before if not text.startswith("-")]
    new = found.has("b", "orphan", "t", "track", "d", "detach", "l")
    if (
        found.has("f", "force", "B", "ours", "theirs", "m", "pathspec-from-file", "p")
        or ("--" in texts and texts.index("--") + 1 < len(texts))
        or (not new and (len(names) > 1 or any(_is_path(name) for name in names)))
    ):
        yield lost(_DISCARDS, "git-discards")
    yield added()


def _is_path(name: str) -> bool:
    """Tell whether an operand looks like a path rather than a branch."""
    if name in (".", "..", "*") or name.startswith(("./", "../", ":/", ":(")) or name.endswith("/"):
        return True
    return (
        re.search(r"\.\w{1,5}$", name) is not None and not re.search(r"^v?\d+(\.\d+)+|\.x$", name)
    ) or "*" in name


def _switch(call: Call) -> Iterator[Effect]:
    if split(call.args, named("c C orphan")).has("C", "f", "force", "force-create", "discard-changes"):
        yield lost(_DISCARDS, "git-discards")
    yield added()


def _restore(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("s source pathspec-from-file"))
    if not found.has("S", "staged") or found.has("W", "worktree"):
        yield lost(_DISCARDS, "git-discards")
    yield added()


def _reset(call: Call) -> Iterator[Effect]:
    for text in call.texts:
        if re.fullmatch(r"--(h|ha|har|hard.*|me|mer|merg|merge|k|ke|kee|keep)", text) or "\0" in text[:2]:
            yield lost(_DISCARDS, "git-discards")
    yield added()


def _clean(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("e exclude"))
    if not found.has("n", "dry-run"):
        yield lost("deletes files that git does not know", "git-clean")
    yield plain(ActionClass.FILE_READ, "lists files that git does not know")


def _branch(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("u set-upstream-to contains format sort points-at merged no-merged"))
    deletes = found.has("d", "delete")
    if found.has("D", "M", "C") or (found.has("f", "force")):
        yield lost("deletes or moves a branch by force", "git-ref")
    elif deletes and (found.has("r", "remotes") or any(word.dynamic for word in found.operands)):
        yield lost("deletes branches that are known only when it runs", "git-ref")
    yield added()


def _tag(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("m F u message file local-user sort format contains"))
    if found.has("d", "delete", "f", "force"):
        yield lost("deletes or moves a tag", "git-ref")
    yield added()


def _stash(call: Call) -> Iterator[Effect]:
    if call.texts[:1] and call.texts[0] in ("drop", "clear"):
        yield lost("throws away stashed work", "git-stash")
    yield added()


def _reflog(call: Call) -> Iterator[Effect]:
    if call.texts[:1] and call.texts[0] in ("expire", "delete", "drop"):
        yield lost("throws away what would bring work back", "git-reflog")
    yield plain(ActionClass.FILE_READ, "looks at the reflog")


def _gc(call: Call) -> Iterator[Effect]:
    now = any(re.match(r"--(prune|expire)=?(now|all|\d+\.seconds|0|never)?$", text) for text in call.texts)
    if call.words[0].text == "prune" and not {"-n", "--dry-run"} & set(call.texts):
        now = True
    if now:
        yield lost("has git delete what nothing refers to", "git-gc")
    yield added()


def _rewrites(_call: Call) -> Iterator[Effect]:
    yield lost("rewrites history", "git-rewrite")


def _update_ref(_call: Call) -> Iterator[Effect]:
    yield lost("moves or deletes refs by hand", "git-ref")


def _symbolic_ref(call: Call) -> Iterator[Effect]:
    operands = [text for text in call.texts if not text.startswith("-")]
    if {"-d", "--delete"} & set(call.texts) or operands[1:]:
        yield lost("moves or deletes a ref by hand", "git-ref")
    yield plain(ActionClass.FILE_READ, "looks at a ref")


def _worktree(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("b B reason"))
    verb = call.texts[0] if call.texts else ""
    if verb == "add" and found.operands[1:]:
        yield writing(locate(found.operands[1], call.scene))
    if verb == "remove" or (verb == "add" and found.has("B", "f", "force")):
        yield lost("throws away a work tree", "git-worktree")
    yield added()


def _remove(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("pathspec-from-file"))
    if not found.has("cached", "n", "dry-run"):
        broad = any(
            word.glob or word.dynamic or word.text in (".", "*") or "*" in word.text
            for word in found.operands
        )
        if found.has("r", "f", "force") or broad or found.has("pathspec-from-file"):
            yield lost("deletes directories, or files with uncommitted work", "git-discards")
    yield plain(ActionClass.FILE_DELETE, "deletes named files that git has", "delete")


def _read_tree(call: Call) -> Iterator[Effect]:
    if split(call.args).has("reset", "u", "m"):
        yield lost(_DISCARDS, "git-discards")
    yield added()


def _lfs(call: Call) -> Iterator[Effect]:
    if call.texts[:1] and call.texts[0] in ("prune", "migrate", "uninstall", "unlock"):
        yield lost("deletes stored files or rewrites history", "git-rewrite")
    elif call.texts[:1] == ["push"]:
        yield Finding(ActionClass.GIT_PUSH, "git-push", "pushes stored files")
    yield added()


LOSING_VERBS: dict[str, Judge] = {
    "checkout": _checkout,
    "co": _checkout,
    "switch": _switch,
    "restore": _restore,
    "reset": _reset,
    "clean": _clean,
    "branch": _branch,
    "tag": _tag,
    "stash": _stash,
    "reflog": _reflog,
    **dict.fromkeys(("gc", "prune", "prune-packed"), _gc),
    **dict.fromkeys(named("filter-branch filter-repo fast-import checkout-index bfg forget-blob"), _rewrites),
    "update-ref": _update_ref,
    "symbolic-ref": _symbolic_ref,
    "worktree": _worktree,
    "rm": _remove,
    "read-tree": _read_tree,
    "lfs": _lfs,
}
