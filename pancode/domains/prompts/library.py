"""Finds the fragments: the shipped files, then the user's, which replace by id or add; says what is wrong."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence

from pancode.core.grants import Level, Mode
from pancode.domains.prompts.api import LETTERS, OWN_LIMITS, TOKEN_LIMITS
from pancode.domains.prompts.fragment import REQUIRED, Fragment
from pancode.domains.prompts.reading import LARGEST, TIERS, Wrong, read_fragment

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fragments")
FOLDER = "prompts"
"""Below PANCODE_HOME: the user's own fragments."""
ENDING = ".md"
LARGEST_FILE = 4 * LARGEST
"""Bytes of a fragment's file."""
FILLING = 120
"""Characters that the variables of a required fragment may become, on a guess that is never too small."""


class Library:
    """The fragments in force; the user's files are looked at again whenever one of them has changed."""

    def __init__(self, home: str | None) -> None:
        """Look at the shipped fragments, and at `home`/prompts; nothing is read until it is asked for."""
        self._folder = None if home is None else os.path.join(home, FOLDER)
        self._shipped: tuple[Fragment, ...] = ()
        self._stamp: object = None
        self._found: tuple[tuple[Fragment, ...], tuple[Wrong, ...]] = ((), ())

    def fragments(self) -> tuple[Fragment, ...]:
        """Give the fragments in force."""
        return self._read()[0]

    def wrong(self) -> tuple[Wrong, ...]:
        """Give what is wrong in the user's files; what they meant is as it is shipped."""
        return self._read()[1]

    def _read(self) -> tuple[tuple[Fragment, ...], tuple[Wrong, ...]]:
        if not self._shipped:
            self._shipped = shipped()
        stamp = _stamp(self._folder)
        if stamp != self._stamp or not self._found[0]:
            theirs, wrong = read_folder(self._folder, None) if self._folder and stamp else ([], [])
            self._found = joined(self._shipped, theirs, wrong)
            self._stamp = stamp
        return self._found


def shipped() -> tuple[Fragment, ...]:
    """Read the fragments that come with PanCode; a mistake in them is a bug and raises ValueError."""
    found, wrong = read_folder(SHIPPED, "pancode")
    if wrong:
        raise ValueError("\n".join(map(str, wrong)))
    return tuple(found)


def read_folder(folder: str, source: str | None) -> tuple[list[Fragment], list[Wrong]]:
    """Read every fragment in a folder; `source` None: each one's own path."""
    found: list[Fragment] = []
    wrong: list[Wrong] = []
    names = (name for name in os.listdir(folder) if name.endswith(ENDING) and not name.startswith("."))
    for name in sorted(names):
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as file:
                content = file.read(LARGEST_FILE + 1)
            text = content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            what = "is not UTF-8" if isinstance(error, ValueError) else f"can't be read: {error.strerror}"
            wrong.append(Wrong(path, 1, f"this {what}", "save it as a text in UTF-8"))
            continue
        if len(content) > LARGEST_FILE:
            wrong.append(Wrong(path, 1, f"this is larger than {LARGEST_FILE} bytes", "cut it"))
            continue
        read = read_fragment(path, text, source or path)
        if isinstance(read, Fragment):
            found.append(read)
        else:
            wrong += read
    return found, wrong


def joined(
    ours: Sequence[Fragment], theirs: Iterable[Fragment], wrong: Iterable[Wrong]
) -> tuple[tuple[Fragment, ...], tuple[Wrong, ...]]:
    """Lay the user's fragments over the shipped ones; leave out what would weaken every prompt.

    A required fragment may be put into other words, not taken from anybody: the user's keeps category and
    filters of the one that it replaces.
    """
    by_id = {each.id: each for each in ours}
    told, seen = list(wrong), dict[str, str]()
    for each in theirs:
        if each.id in seen:
            told.append(
                Wrong(each.source, 1, f'"{each.id}" is in {seen[each.id]}, too', "give it another id")
            )
            continue
        seen[each.id] = each.source
        before = by_id.get(each.id)
        if before is not None and before.is_required and _meant_for(each) != _meant_for(before):
            problem = f'"{each.id}" is part of every prompt: its category and whom it is for can\'t change'
            told.append(
                Wrong(each.source, 1, problem, "copy the head of the shipped one, and raise its version")
            )
            continue
        by_id[each.id] = each
        if each.is_required and (role := overfull(by_id.values())):
            told.append(
                Wrong(each.source, 1, f"with it the prompt of a {role} has no room", "make it shorter")
            )
            by_id.pop(each.id) if before is None else by_id.update({each.id: before})
    return tuple(sorted(by_id.values(), key=lambda each: each.rank)), tuple(told)


def overfull(fragments: Iterable[Fragment]) -> str | None:
    """Give a role whose required fragments could take the room of its agent's own words, or None."""
    required = [each for each in fragments if each.category in REQUIRED]
    runtimes = {"", *(name for each in required for name in each.runtimes)}
    for role in TOKEN_LIMITS:
        room = TOKEN_LIMITS[role] * LETTERS - OWN_LIMITS[role]
        theirs = [each for each in required if not each.roles or role in each.roles]
        for case in itertools.product(TIERS, Mode, Level, runtimes, (True, False)):
            size = sum(len(each.text) + FILLING for each in theirs if _covers(each, *case))
            if size > room:
                return role
    return None


def _covers(each: Fragment, tier: str, mode: str, level: str, runtime: str, reads: bool) -> bool:
    words = ((each.tiers, tier), (each.modes, mode), (each.levels, level), (each.runtimes, runtime))
    return each.read_only in (None, reads) and all(not some or word in some for some, word in words)


def _meant_for(each: Fragment) -> tuple[object, ...]:
    return each.category, each.roles, each.tiers, each.modes, each.levels, each.runtimes, each.read_only


def _stamp(folder: str | None) -> object:
    """Give what changes whenever a file in the folder does; None where there is no folder."""
    try:
        with os.scandir(folder or "") as entries:
            told = [(each.name, _looked_at(each)) for each in entries]
    except OSError:
        return None
    return sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in told)


def _looked_at(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except OSError:  # A link to nothing, such as an editor's lock: it may not cost the other files.
        return entry.stat(follow_symlinks=False)
