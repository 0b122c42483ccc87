"""Judges programs that make, copy, move or change files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    Scene,
    Word,
    destroys,
    named,
    plain,
    system,
)
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.options import Options, split
from pancode.domains.safety.commands.places import Spot, artefact, locate
from pancode.domains.safety.commands.poison import executing
from pancode.domains.safety.commands.touching import copying, deleting, emptying, reading, writing

_COPY = named("t S suffix target-directory backup context preserve no-preserve sparse m mode o owner g group")


def _parts(call: Call) -> tuple[Options, list[Word], Word | None]:
    """Give options, sources and destination of a program that copies or moves."""
    valued = _COPY if call.name == "install" else _COPY[:8]
    found = split(call.args, valued)
    target = found.value("t", "target-directory")
    if target is not None:
        return found, found.operands, target
    if not found.operands[1:]:
        return found, found.operands, None
    return found, found.operands[:-1], found.operands[-1]


def _inside(source: Word, target: Word, scene: Scene) -> tuple[Spot, ...]:
    """Give where a copy may land: on the target, or below it if that is a directory."""
    tail = source.text.rstrip("/").rsplit("/", 1)[-1]
    below = Word(f"{target.text.rstrip('/')}/{tail}", source.glob, target.taint)
    if target.text in ("/dev/null", "/dev/stdout", "-"):
        return (locate(target, scene),)
    return locate(target, scene), locate(below, scene)


def _landing(source: Word, target: Word, scene: Scene, verb: str) -> Iterator[Finding]:
    for spot in _inside(source, target, scene):
        yield writing(spot, verb)


def _remember(source: Word, target: Word, call: Call) -> None:
    """Remember what a copy holds, if the command itself has made it, or what program it is."""
    given = source.text in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
    spot = locate(source, call.scene)
    feed = call.stdin if given else call.scene.files.get(spot.path)
    for copy in _inside(source, target, call.scene):
        if copy.path and feed is not None:
            call.scene.files[copy.path] = feed
        if copy.path and spot.zone == "system" and "/bin/" in spot.path:
            call.scene.links[copy.path] = spot.path


def _cp(call: Call) -> Iterator[Effect]:
    found, sources, target = _parts(call)
    if call.name == "install" and found.has("d", "directory"):
        for word in found.operands:
            yield writing(locate(word, call.scene), "makes")
        return
    if found.has("mode", "m") and any(
        re.search(r"u?\+s|[4-7]\d{3}", word.text) for word in found.values("m", "mode")
    ):
        yield system("set-uid", "makes a program run with the rights of its owner")
    for word in sources:
        spot = locate(word, call.scene)
        yield copying(spot)
        if target is None:
            continue
        if spot.path == "/dev/null":
            yield emptying(locate(target, call.scene))
        yield from _landing(word, target, call.scene, "copies to")
        _remember(word, target, call)
    if target is None:
        yield plain(ActionClass.FILE_WRITE, "copies files", "write")


def _mv(call: Call) -> Iterator[Effect]:
    _, sources, target = _parts(call)
    for word in sources:
        spot = locate(word, call.scene)
        if target is None:
            continue
        there = locate(target, call.scene)
        _remember(word, target, call)
        yield from _moved(spot, there)
        yield from _landing(word, target, call.scene, "moves to")
    yield plain(ActionClass.FILE_WRITE, "moves files", "write")


def _moved(spot: Spot, there: Spot) -> Iterator[Finding]:
    """Judge that a file leaves its place: out of the work tree is a loss, so is what others obey."""
    as_deleted = deleting(spot, recursive=False, verb="moves away")
    if spot.zone in ("tree", "root") and there.zone in ("tree", "root"):
        if as_deleted.rule in ("delete-everything", "delete-governance", "delete-secret"):
            yield as_deleted
        return
    if spot.word.dynamic and there.zone in ("tree", "root", "unknown"):
        return
    if as_deleted.kind is not ActionClass.FILE_DELETE:
        yield as_deleted
    elif spot.zone in ("tree", "root") and not artefact(spot):
        yield destroys("move-out", "moves files out of the work tree", *spot.paths, *there.paths)


def _ln(call: Call) -> Iterator[Effect]:
    found, sources, target = _parts(call)
    if target is None and found.operands:
        target = Word(found.operands[0].text.rstrip("/").rsplit("/", 1)[-1])
        sources = found.operands[:1]
    if target is None:
        return
    if found.has("f", "force") and any(word.text == "/dev/null" for word in sources):
        yield emptying(locate(target, call.scene))
    for word in sources:
        aim = locate(word, call.scene)
        yield copying(aim) if aim.zone != "tree" else reading(aim)
        for spot in _inside(word, target, call.scene):
            yield writing(spot, "links")
            if spot.path and aim.path and aim.zone != "tree":
                call.scene.links[spot.path] = aim.path


_MAKERS = {
    "touch": named("r d t reference date time"),
    "mkdir": named("m mode context"),
    "mkfifo": named("m mode context"),
    "mktemp": named("p suffix tmpdir"),
    "patch": named("p d i o directory input output"),
}


def _writer(call: Call) -> Iterator[Effect]:
    found = split(call.args, _MAKERS.get(call.name, ()))
    for word in found.operands:
        yield writing(locate(word, call.scene), "makes")
    for word in found.values("d", "directory", "o", "output"):
        if call.name == "patch":
            yield writing(locate(word, call.scene))
    yield plain(ActionClass.FILE_WRITE, "makes files", "write")


def _fallocate(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("l o length offset"))
    cuts = found.has("p", "c", "z", "d", "punch-hole", "collapse-range", "zero-range", "dig-holes")
    for word in found.operands:
        spot = locate(word, call.scene)
        yield emptying(spot) if cuts else writing(spot)


def _tee(call: Call) -> Iterator[Effect]:
    found = split(call.args)
    for word in found.operands:
        spot = locate(word, call.scene)
        empties = call.stdin.text == "" and not found.has("a", "append")
        yield emptying(spot) if empties else writing(spot)
        if spot.path:
            call.scene.files[spot.path] = call.stdin
    yield plain(ActionClass.FILE_READ, "passes its input on")


_FOR_ALL = re.compile(r"^[0-7]{0,3}[2367]$|(^|,)[ug]*[oa][uga]*[+=][rxXst]*w")
"""A mode of chmod by which every user of the machine may write."""


def _chmod(call: Call) -> Iterator[Effect]:
    found = split(
        [word for word in call.args if not re.fullmatch(r"-[rwxXst]+", word.text)], named("reference from")
    )
    operands = found.operands if found.has("reference") or call.name == "chflags" else found.operands[1:]
    mode = found.operands[0].text if found.operands else ""
    if call.name == "chmod" and re.search(r"[ugoa]*\+[rwx]*s|^[2-7]\d{3}$", mode):
        yield system("set-uid", "makes a program run with the rights of its owner")
    recursive = found.has("R", "recursive")
    for word in operands:
        spot = locate(word, call.scene)
        changed = writing(spot, "changes the permissions of")
        if recursive and spot.zone in ("system", "home", "outside", "unknown"):
            yield system("permissions", f'changes permissions of everything in "{spot.shown}"')
        elif recursive and spot.zone == "root" and re.fullmatch(r"0?000|a?-[rwx]+|a=", mode):
            yield destroys("permissions", "takes everything's permissions away", *spot.paths)
        elif call.name == "chmod" and _FOR_ALL.search(mode):
            yield destroys("permissions", f'lets everybody write "{spot.shown}"', *spot.paths)
        yield changed
    if call.name in ("chown", "chgrp") and DYNAMIC not in mode and re.match(r"(root|0)(:|$)", mode):
        yield system("permissions", "gives files to the administrator")


def _split_file(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("b l n C a bytes lines filter number"))
    for value in found.values("filter"):
        yield from executing(value.text, "split")
    for word in found.operands[:1]:
        yield reading(locate(word, call.scene))
    for word in found.operands[1:2]:
        yield writing(locate(word, call.scene))
    yield plain(ActionClass.FILE_WRITE, "splits a file", "write")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(("cp", "gcp", "install", "ditto"), _cp),
    **dict.fromkeys(("mv", "gmv", "rename.ul"), _mv),
    **dict.fromkeys(("ln", "link", "symlink"), _ln),
    **dict.fromkeys(_MAKERS, _writer),
    "fallocate": _fallocate,
    "tee": _tee,
    "sponge": _tee,
    **dict.fromkeys(("chmod", "chown", "chgrp", "chflags", "setfacl"), _chmod),
    **dict.fromkeys(("split", "csplit"), _split_file),
}
