"""Judges programs that pack and unpack."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Call, Effect, Judge, Word, destroys, named, plain
from pancode.domains.safety.commands.options import Options, split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.poison import executing
from pancode.domains.safety.commands.touching import copying, deleting, reading, writing

_TAR = named(
    "f C I T X F b g H K N V L directory file use-compress-program to-command checkpoint-action rmt-command"
    " rsh-command exclude"
    " files-from exclude-from info-script new-volume-script transform strip-components mode owner group"
    " index-file"
)


def _programs(found: Options) -> Iterator[Effect]:
    runs = ("to-command", "I", "use-compress-program", "rsh-command", "F", "info-script", "new-volume-script")
    for value in found.values(*runs):
        if not re.fullmatch(r"(zstd|pigz|gzip|xz|bzip2|lz4|pbzip2|lzma|pixz|brotli)( -[\w.-]+)*", value.text):
            yield from executing(value.text, "tar")
    for value in found.values("checkpoint-action", "rmt-command"):
        action, _, command = value.text.partition("=")
        if action == "exec" or "/" in value.text:
            yield from executing(command or value.text, "tar")


def _tar(call: Call) -> Iterator[Effect]:
    words = list(call.args)
    if words and not words[0].text.startswith("-") and re.fullmatch(r"[a-zA-Z]+", words[0].text):
        words[0] = Word(f"-{words[0].text}")
    found = split(words, _TAR)
    yield from _programs(found)
    if found.has("remove-files"):
        for word in found.operands:
            yield deleting(locate(word, call.scene), recursive=True, verb="packs and deletes")
        yield destroys("delete-packed", "deletes what it packs")
    unpacks = found.has("x", "extract", "get")
    places = found.values("C", "directory")
    for word in places:
        yield (
            writing(locate(word, call.scene), "unpacks to") if unpacks else reading(locate(word, call.scene))
        )
    for value in found.values("f", "file"):
        if value.text != "-":
            spot = locate(value, call.scene)
            makes = found.has("c", "create", "r", "append", "u", "update", "delete")
            yield writing(spot) if makes else reading(spot)
    if unpacks and (
        found.has("P", "absolute-names")
        or (found.has("overwrite", "recursive-unlink", "unlink-first") and not places)
    ):
        yield destroys("unpack-over", "unpacks over what is there, or anywhere")
    if not unpacks:
        for word in found.operands:
            yield copying(locate(word, call.scene))
    yield plain(ActionClass.FILE_WRITE, "packs or unpacks", "write")


def _zip(call: Call) -> Iterator[Effect]:
    texts = call.texts
    for at, text in enumerate(texts):
        if text in ("-TT", "--unzip-command") and at + 1 < len(texts):
            yield from executing(texts[at + 1].rstrip(" #"), "zip")
        elif text.startswith(("-TT=", "--unzip-command=")):
            yield from executing(text.partition("=")[2], "zip")
    found = split(call.args, named("b t n i x P TT"))
    if found.has("m", "move"):
        yield destroys("delete-packed", "deletes what it packs")
    for word in found.operands[1:]:
        yield copying(locate(word, call.scene))
    for word in found.operands[:1]:
        yield writing(locate(word, call.scene))


def _unzip(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("d x P"))
    for value in found.values("d"):
        yield writing(locate(value, call.scene), "unpacks to")
    for word in found.operands[:1]:
        yield reading(locate(word, call.scene))
    yield plain(ActionClass.FILE_WRITE, "unpacks", "write")


def _compress(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("S b o suffix"))
    to_output = found.has("c", "stdout", "l", "t", "list", "test", "k", "keep")
    for word in found.operands:
        spot = locate(word, call.scene)
        yield reading(spot)
        if found.has("r", "recursive") and not to_output:
            yield deleting(spot, recursive=True, verb="replaces all files in")
        elif not to_output:
            yield writing(spot, "replaces")
    if found.has("rm"):
        yield destroys("delete-packed", "deletes what it packs")
    yield plain(ActionClass.FILE_READ, "packs or unpacks")


def _seven(call: Call) -> Iterator[Effect]:
    if any(text.startswith("-sdel") for text in call.texts) or call.texts[:1] in (["d"], ["m"], ["mf"]):
        yield destroys("delete-packed", "deletes what it packs")
    for word in call.args:
        if word.text.startswith("-o") and word.text[2:]:
            yield writing(locate(Word(word.text[2:]), call.scene), "unpacks to")
        elif not word.text.startswith("-"):
            yield copying(locate(word, call.scene))
    yield plain(ActionClass.FILE_WRITE, "packs or unpacks", "write")


def _cpio(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("D F I O E H R rsh-command directory"))
    for value in found.values("rsh-command"):
        yield from executing(value.text, "the archiver")
    for value in found.values("D", "directory", "O"):
        yield writing(locate(value, call.scene))
    for word in found.operands:
        if found.has("p", "pass-through"):
            yield writing(locate(word, call.scene))
    if found.has("i", "extract") and not found.has("no-absolute-filenames", "t"):
        yield destroys("unpack-over", "unpacks over what is there, or anywhere")
    yield plain(ActionClass.FILE_WRITE, "packs or unpacks", "write")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(("tar", "gtar", "bsdtar", "star"), _tar),
    "zip": _zip,
    **dict.fromkeys(("unzip", "unrar", "unar"), _unzip),
    **dict.fromkeys(named("gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd lz4 compress pigz lzma"), _compress),
    **dict.fromkeys(("7z", "7za", "7zz", "rar"), _seven),
    **dict.fromkeys(("cpio", "pax"), _cpio),
}
