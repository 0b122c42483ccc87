"""Judges programs that delete or empty files, and searches that act on what they find."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    Run,
    Word,
    destroys,
    named,
    plain,
    system,
    unclear,
)
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import artefact, locate, names_secret
from pancode.domains.safety.commands.touching import deleting, emptying, in_code, reading, writing


def _rm(call: Call) -> Iterator[Effect]:
    found = split(call.args)
    recursive = found.has("r", "R", "recursive") or call.name in (
        "rimraf",
        "del-cli",
        "del",
        "trash",
        "trash-put",
    )
    if not found.operands:
        yield destroys("delete-unknown", "deletes what is named only when it runs")
    for word in found.operands:
        yield deleting(locate(word, call.scene), recursive=recursive)


def _rmdir(call: Call) -> Iterator[Effect]:
    found = split(call.args)
    for word in found.operands:
        spot = locate(word, call.scene)
        outside = deleting(spot, recursive=False)
        if found.has("p", "parents"):
            yield destroys("delete-recursive", "deletes a directory and those above it", *spot.paths)
        yield outside
    yield plain(ActionClass.FILE_DELETE, "deletes empty directories", "delete")


def _shred(call: Call) -> Iterator[Effect]:
    for word in split(call.args, named("n s iterations size random-source")).operands:
        spot = locate(word, call.scene)
        yield in_code(deleting(spot, recursive=True, verb="overwrites"), spot)
    yield destroys("delete-unknown", "overwrites files so that nothing brings them back")


def _truncate(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("s r size reference"))
    size = found.value("s", "size")
    grows = size is not None and re.fullmatch(r"[+>%]?[1-9]\d*([KMGT]i?B?|[kmg])|\+\d+", size.text)
    for word in found.operands:
        spot = locate(word, call.scene)
        yield writing(spot) if grows else emptying(spot)


def _dd(call: Call) -> Iterator[Effect]:
    given = dict(text.split("=", 1) for text in call.texts if "=" in text)
    source = given.get("if", "")
    if source:
        yield reading(locate(Word(source), call.scene))
    if "of" not in given:
        return
    spot = locate(Word(given["of"]), call.scene)
    if spot.path and not source:
        call.scene.files[spot.path] = call.stdin
    filler = source in ("/dev/zero", "/dev/urandom", "/dev/random")
    small = re.search(r"\.(img|bin|dat|raw|iso)$", given["of"])
    clears = given.get("count") == "0" or source == "/dev/null" or (filler and not small)
    yield emptying(spot) if clears else writing(spot)


_FIND_RUNS = frozenset(("-exec", "-execdir", "-ok", "-okdir"))
_FIND_WRITES = frozenset(("-fprint", "-fprint0", "-fprintf", "-fls"))


def _found_names(call: Call) -> tuple[list[Word], list[str]]:
    """Give the directories in which find looks, and the names that it looks for."""
    roots: list[Word] = []
    for word in call.args:
        if word.text.startswith(("-", "(", "!")):
            break
        roots.append(word)
    texts = call.texts
    names = [
        texts[at + 1]
        for at, text in enumerate(texts[:-1])
        if text in ("-name", "-iname", "-path", "-wholename")
    ]
    negated = {texts[at + 2] for at, text in enumerate(texts[:-2]) if text in ("!", "-not")}
    return roots or [Word(".")], [name for name in names if name not in negated and "-prune" not in name]


def _target(call: Call) -> Word:
    """Give a word that stands for what find hands on: an artefact only if all its names are."""
    roots, names = _found_names(call)
    texts = call.texts
    pruned = "-prune" in texts and "-o" in texts
    kept = names if not ("-o" in texts and pruned) else names[1:]
    positive = [
        name for name in kept if artefact(locate(Word(name.replace("*/", "").lstrip("/")), call.scene))
    ]
    inside = all(locate(root, call.scene).zone in ("tree", "root", "tmp") for root in roots)
    sought = next((name for name in names if names_secret(name.replace("*/", ""))), None)
    if sought is not None:
        return Word(f"{roots[0].text.rstrip('/')}/{sought.replace('*/', '')}", glob=True)
    worst = next((root for root in roots if not artefact(locate(root, call.scene))), roots[0])
    first = worst.text.rstrip("/")
    if texts.count("-o") + texts.count("-or") >= len(names) and {"-o", "-or"} & set(texts):
        kept = []  # one of the alternatives has no name
    if (
        inside
        and kept
        and len(positive) == len(kept)
        and not {"-o", "-or"} & set(texts) - ({"-o"} if pruned else set())
    ):
        return Word(f"{first}/{positive[0].replace('*/', '')}", glob=True)
    if inside and kept and len(positive) == len(kept):
        return Word(f"{first}/{positive[0].replace('*/', '')}", glob=True)
    if inside and all(artefact(locate(root, call.scene)) for root in roots):
        return Word(f"{first}/*", glob=True)
    return Word(f"{first}/{DYNAMIC}", glob=True)


def sought(call: Call) -> Word | None:
    """Give the pattern for secrets that a search prints the names of; None if it looks for none."""
    names = _found_names(call)[1] if call.name in ("find", "gfind", "bfs") else call.texts
    wanted = any(names_secret(name.replace("*/", "")) for name in names)
    return _target(call) if wanted else None


def _find(call: Call) -> Iterator[Effect]:
    roots, _ = _found_names(call)
    target = _target(call)
    words = call.args
    for at, word in enumerate(words):
        if word.text == "-delete":
            yield deleting(locate(target, call.scene), recursive=False)
        elif word.text in _FIND_RUNS:
            end = next((n for n in range(at, len(words)) if words[n].text in (";", "+", "\\;")), len(words))
            inner = words[at + 1 : end]
            yield from _each(inner, target, roots, call)
        elif word.text in _FIND_WRITES and at + 1 < len(words):
            yield writing(locate(words[at + 1], call.scene))
        elif word.text == "-files0-from" and at + 1 < len(words):
            yield reading(locate(words[at + 1], call.scene))
    seen = tuple(path for root in roots for path in locate(root, call.scene).paths)
    yield Finding(ActionClass.FILE_READ, "read", "looks for files", seen)


def _each(inner: tuple[Word, ...], target: Word, roots: Sequence[Word], call: Call) -> Iterator[Effect]:
    """Judge the command that is run for each file found."""
    wide = [root for root in roots if locate(root, call.scene).zone in ("home", "system", "outside")]
    names = " ".join(call.texts)
    if wide and re.search(r"id_(rsa|ed25519|\*)|credentials|\.env|\.pem|\.netrc|\.ssh|\.aws", names):
        yield Finding(ActionClass.SECRET_READ, "secret-file", "looks for secrets and hands them on")
    if not any("{" in word.text for word in inner):
        yield Run(inner)
        return
    yield Run(tuple(_filled(word, target) for word in inner))


def _filled(word: Word, target: Word) -> Word:
    if not re.search(r"\{[/.]*\}", word.text):
        return word
    return Word(re.sub(r"\{[/.]*\}", lambda _: target.text, word.text), target.glob or word.glob)


_FD_VALUES = named(
    "e E t d S o x X exec exec-batch type extension exclude max-depth min-depth size owner changed-within"
    " base-directory"
    " search-path glob-pattern c color j threads"
)


def _fd(call: Call) -> Iterator[Effect]:
    texts = call.texts
    at = next((n for n, text in enumerate(texts) if text in ("-x", "-X", "--exec", "--exec-batch")), None)
    if at is None:
        joined = [text for text in texts if text.startswith(("--exec=", "--exec-batch="))]
        for text in joined:
            yield unclear(f'runs "{text}" for each file')
        yield plain(ActionClass.FILE_READ, "looks for files", "read")
        return
    found = split(call.args[:at], _FD_VALUES)
    names = [f"*.{word.text}" for word in found.values("e", "extension")] + [
        word.text for word in found.operands[:1]
    ]
    rebuilt = bool(names) and all(
        artefact(locate(Word(name.strip("^$").replace("\\", "")), call.scene)) for name in names
    )
    wanted = next((name for name in names if names_secret(name.strip("^$").replace("\\", ""))), None)
    target = Word(
        (wanted or names[0]).strip("^$").replace("\\", "") if rebuilt or wanted else DYNAMIC, glob=True
    )
    inner = call.args[at + 1 :]
    filled = tuple(_filled(word, target) for word in inner)
    yield Run(filled if any("{" in word.text for word in inner) else (*filled, target))


def _gio(call: Call) -> Iterator[Effect]:
    if call.texts[:1] and call.texts[0] in ("trash", "remove"):
        yield from _rm(Call((Word("trash"), *call.args[1:]), call.scene, call.stdin))
    else:
        yield plain(ActionClass.BASH_EXEC, "works with files")


def _wipefs(_call: Call) -> Iterator[Effect]:
    yield system("device", "destroys what lies on a device")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(named("rm grm unlink rimraf del-cli del trash trash-put trash-cli rip"), _rm),
    "rmdir": _rmdir,
    **dict.fromkeys(named("shred srm wipe scrub sfill sdelete bleachbit"), _shred),
    "truncate": _truncate,
    **dict.fromkeys(("dd", "dcfldd", "ddrescue"), _dd),
    **dict.fromkeys(("find", "gfind", "bfs"), _find),
    **dict.fromkeys(("fd", "fdfind"), _fd),
    "gio": _gio,
    "trash-empty": _shred,
}
