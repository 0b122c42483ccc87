"""Finds and loads the rule files: the user's pansafety.yaml, and the project's, which can only tighten."""

from __future__ import annotations

import hashlib
import os

import yaml

from pancode.domains.safety import settingsreader
from pancode.domains.safety.rulereader import LEGACY_COMMANDS, LEGACY_PATHS, Reader
from pancode.domains.safety.rules import Mistake, Rule, Rules
from pancode.domains.safety.settings import SandboxSettings
from pancode.engine import places
from pancode.engine.documents import Document, read_text

NAME = "pansafety.yaml"
_KEYS = ("rules", "sandbox", "questions", LEGACY_COMMANDS, *LEGACY_PATHS)

_Stamp = tuple[int, int, int, int] | None


def rule_files(project: str) -> tuple[str, str]:
    """Give the paths of the user's rule file and of the project's; they need not be there."""
    return os.path.join(places.home(), NAME), os.path.join(project, ".pancode", NAME)


def load(user_file: str, project_file: str | None = None) -> Rules:
    """Read both files; what is wrong with them is in the result's `mistakes`, and nothing is raised.

    A file that isn't there says nothing. Where both names mean the same file, it is the user's.
    """
    settings, entries = SandboxSettings(), list[Rule]()
    mistakes, notes = list[Mistake](), list[Mistake]()
    hashed = hashlib.sha256()
    files = [(user_file, False)]
    if project_file is not None and os.path.realpath(project_file) != os.path.realpath(user_file):
        files.append((project_file, True))
    for path, is_project in files:
        reader = Reader(Document(path), os.path.realpath(os.path.expanduser("~")), is_project)
        text = _text(reader.document)
        hashed.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
        settings = _read(reader, text, settings)
        entries += reader.entries
        notes += reader.notes
        mistakes += [
            Mistake(f"{path}:{one.line}", one.problem, one.remedy)
            for one in sorted(reader.document.mistakes, key=lambda mistake: mistake.line)
        ]
    return Rules(tuple(entries), settings, tuple(mistakes), tuple(notes), hashed.hexdigest())


class RuleFiles:
    """The rules in force: the files are read again when they have changed."""

    def __init__(self, project: str) -> None:
        """Find the files of the user and of `project`."""
        self._files = rule_files(project)
        self._stamps: tuple[_Stamp, ...] | None = None
        self._rules = Rules()

    def current(self) -> Rules:
        """Give the rules as the files have them now."""
        stamps = tuple(_stamp(path) for path in self._files)
        if stamps != self._stamps:
            self._rules = load(*self._files)
            self._stamps = stamps
        return self._rules


def _stamp(path: str) -> _Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _text(document: Document) -> str:
    try:
        return read_text(document.path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError):
        document.root()  # Notes why.
        return ""


def _read(reader: Reader, text: str, settings: SandboxSettings) -> SandboxSettings:
    root = reader.document.parsed(text) if text else None
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag.endswith(":null")):
        return settings
    entries = reader.document.mapping(root, "pansafety.yaml", _KEYS)
    for key, node in entries.items():
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
            continue
        match key:
            case "rules":
                reader.rules(node)
            case "sandbox":
                settings = settingsreader.sandbox(reader, node, settings)
            case "questions":
                settings = settingsreader.questions(reader, node, settings)
            case _:
                reader.legacy(key, node)
    return settings
