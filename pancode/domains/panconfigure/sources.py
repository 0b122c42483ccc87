"""Where settings are written down, and what was found there. Light: YAML is imported only for a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.layers import Given
from pancode.engine import files

SEED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "panpresets.yaml")
CONFIG, PRESETS = "config.yaml", "panpresets.yaml"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a file: its line, what, and what to do about it."""

    path: str
    line: int
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        """Give it as file:line: problem."""
        return f"{self.path}:{self.line}: {self.problem}"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a file says, by setting. `is_whole` is False where it can't be read or isn't YAML."""

    path: str
    given: Mapping[str, Given] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of settings: what it is for, and what it says, by setting."""

    name: str
    description: str
    given: Mapping[str, Given]
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class PresetsFile:
    """The presets by name, and every mistake of the file. `is_whole` as in `SettingsFile`."""

    path: str
    presets: Mapping[str, Preset] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    is_whole: bool = True


def user_path(home: str) -> str:
    """Give the path of the user's settings."""
    return os.path.join(home, CONFIG)


def project_path(project: str) -> str:
    """Give the path of a project's settings."""
    return os.path.join(project, ".pancode", CONFIG)


def presets_path(home: str) -> str:
    """Give the path of the user's presets."""
    return os.path.join(home, PRESETS)


def read_settings(path: str) -> SettingsFile:
    """Read a config.yaml; one that isn't there says nothing. Raises nothing for its content."""
    if not os.path.lexists(path):
        return SettingsFile(path)
    from pancode.domains.panconfigure import fromyaml

    return fromyaml.settings(path)


def read_presets(path: str) -> PresetsFile:
    """Read the shipped presets, and a panpresets.yaml in their place. Raises nothing for its content."""
    from pancode.domains.panconfigure import fromyaml

    shipped = fromyaml.presets(SEED)
    if not os.path.lexists(path):
        return PresetsFile(path, shipped.presets)
    found = fromyaml.presets(path)
    return PresetsFile(path, {**shipped.presets, **found.presets}, found.mistakes, found.is_whole)


def seed_presets(home: str) -> None:
    """Put the shipped panpresets.yaml into `home` unless one is there, whatever is in it.

    Where `home` can't be written, the shipped presets hold all the same.
    """
    with contextlib.suppress(OSError):
        files.seed(presets_path(home), SEED)


def refuse(mistakes: Iterable[Mistake]) -> None:
    """Raise PanError CONFIG with every mistake, one a line, unless there is none."""
    found = list(mistakes)
    if not found:
        return
    first, *others = found
    rows = [str(first), *(f"  {one}" for one in others)]
    remedies = dict.fromkeys(one.remedy for one in found if one.remedy)
    raise PanError("\n".join(rows), remedy="; ".join(remedies) or None, code=ExitCode.CONFIG)
