"""Finds the skills of the user and of the project, and reads their files.

What a project brings is not followed through links: a link could show a worker what lies outside of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pancode.domains.agents.api import Mistake, Source
from pancode.domains.agents.skills.skill import LARGEST_TEXT, Skill, read_skill

SKILL, ENDING = "SKILL.md", ".skill.md"
OTHERS = (".claude", ".codex", ".gemini")
"""Folders of other programs in which skills are found, beside PanCode's own."""
MOST_FILES = 100
MOST_BYTES = 1_000_000
"""Of all that a skill gives to a worker."""
_WIDEST = 500
"""Entries of one folder that are looked at."""
_LEFT_OUT = frozenset({".git", "node_modules", "__pycache__"})


@dataclass(slots=True)
class Skills:
    """The skills by name, and what is wrong with others."""

    found: dict[str, Skill] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder in which skills are looked for, below `root`."""

    root: str
    parts: tuple[str, ...]
    source: Source
    depth: int

    @property
    def path(self) -> str:
        """Give its path."""
        return os.path.join(self.root, *self.parts)


def places(home: str, user: str, project: str) -> list[Place]:
    """Give where skills are looked for: PanCode's `home`, the home of the user, then the project."""
    found = [Place(home, ("skills",), "user", 2)]
    roots: list[tuple[str, Source]] = [(user, "user")]
    if os.path.realpath(project) != os.path.realpath(user):
        found.append(Place(project, (".pancode", "skills"), "project", 2))
        roots.append((project, "project"))
    for root, source in roots:
        for name in OTHERS:
            found += [Place(root, (name, "skills"), source, 2), Place(root, (name,), source, 1)]
    return sorted(found, key=lambda place: place.source == "project")


def find(where: Sequence[Place]) -> Skills:
    """Find every skill; of two with one name the user's counts, and of two of one source the first."""
    skills = Skills()
    seen: set[str] = set()
    for place in where:
        for folder, name in _candidates(place):
            file = os.path.join(folder, name)
            if (real := os.path.realpath(file)) not in seen:
                seen.add(real)
                _add(skills, place, folder, name)
    return skills


def _candidates(place: Place) -> Iterator[tuple[str, str]]:
    """Give each folder and file that may be a skill, at most `depth` folders below the place."""
    tops = [os.path.join(place.root, *place.parts[:count]) for count in range(1, len(place.parts) + 1)]
    folders = [(place.path, 0)] if all(_is_folder(top, place) for top in tops) else []
    while folders:
        folder, depth = folders.pop(0)
        for name in _names(folder):
            path = os.path.join(folder, name)
            if (name == SKILL and depth > 0) or name.endswith(ENDING):
                yield folder, name
            elif depth < place.depth and not name.startswith(".") and _is_folder(path, place):
                folders.append((path, depth + 1))


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry, _ in zip(entries, range(_WIDEST), strict=False))
    except OSError:
        return []


def _is_folder(path: str, place: Place) -> bool:
    if place.source == "project" and os.path.islink(path):
        return False
    return os.path.basename(path) not in _LEFT_OUT and os.path.isdir(path)


def _add(skills: Skills, place: Place, folder: str, name: str) -> None:
    file = os.path.join(folder, name)
    try:
        text = _read(_opened(place, folder, (name,)), 4 * LARGEST_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError:
        skills.mistakes.append(Mistake(file, 1, "this is not UTF-8 text", "save it as UTF-8"))
        return
    except OSError as error:
        problem = f"this can't be read: {os.strerror(error.errno or 0).lower()}"
        skills.mistakes.append(Mistake(file, None, problem, "no links below a skill's folder"))
        return
    read = read_skill(file, folder, text, place.source, single=name != SKILL)
    if not isinstance(read, Skill):
        skills.mistakes += read
    elif read.name in skills.found:
        other = skills.found[read.name]
        problem = f'there is a skill "{read.name}" in {other.file} already, and the first one counts'
        skills.mistakes.append(Mistake(file, 1, problem, "give it another name"))
    else:
        skills.found[read.name] = read


def files_of(skill: Skill, project: str) -> tuple[dict[str, str], list[str]]:
    """Give a skill's files by their path within it, and those that are left out with the reason.

    Links and what is no text are left out, and all beyond MOST_FILES or MOST_BYTES.
    """
    place = Place(project, (), skill.source, 0)
    names = [SKILL] if skill.single else list(_below(skill.folder))
    found: dict[str, str] = {}
    left, size = list[str](), 0
    for name in names:
        own = os.path.basename(skill.file) if skill.single else name
        try:
            content = _read(_opened(place, skill.folder, tuple(own.split("/"))), MOST_BYTES)
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            left.append(f"{name}: not a text")
            continue
        except OSError as error:
            left.append(f"{name}: {os.strerror(error.errno or 0).lower()}")
            continue
        size += len(content)
        if len(found) == MOST_FILES or size > MOST_BYTES:
            left.append(f"{name}: more than {MOST_FILES} files or {MOST_BYTES} bytes")
            break
        found[name] = text
    return found, left


def _below(folder: str) -> Iterator[str]:
    """Give the files below a folder, SKILL.md first, as paths within it."""
    yield SKILL
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(above, name), folder)
            if path != SKILL:
                yield path


def _opened(place: Place, folder: str, parts: Sequence[str]) -> int:
    """Open a file to read it; below a project no link is followed, wherever it is on the way."""
    if place.source != "project":
        return os.open(os.path.join(folder, *parts), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    way = [*os.path.relpath(folder, place.root).split("/"), *parts]
    at = os.open(place.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in way[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        return os.open(way[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)


def _read(descriptor: int, most: int) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, "too large")
    return content


def stamps(where: Sequence[Place]) -> Mapping[str, int]:
    """Give what changes when a skill comes or goes in one of the places."""
    found = {}
    for place in where:
        with contextlib.suppress(OSError):
            found[place.path] = os.stat(place.path).st_mtime_ns
    return found
