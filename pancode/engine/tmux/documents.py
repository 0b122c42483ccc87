"""Reads the user's YAML with the line of every value, and names each mistake by file and line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from pancode.core.errors import ExitCode, PanError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a file: the line (from 1), what, and what to do about it."""

    line: int
    problem: str
    remedy: str = ""


@dataclass(slots=True)
class Document:
    """A YAML file while it is checked: collects every mistake instead of stopping at the first."""

    path: str
    mistakes: list[Mistake] = field(default_factory=list)

    def root(self) -> yaml.Node | None:
        """Read the file into nodes; None if it is empty or isn't YAML (then that is a mistake too)."""
        try:
            with open(self.path, encoding="utf-8") as file:
                node: yaml.Node | None = yaml.compose(file, Loader=_LOADER)
        except (OSError, UnicodeDecodeError) as error:
            self.mistakes.append(Mistake(1, f"can't be read: {error}"))
            return None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            what = getattr(error, "problem", None) or "broken"
            self.mistakes.append(Mistake(mark.line + 1 if mark else 1, f"is not YAML: {what}"))
            return None
        return node

    def wrong(self, node: yaml.Node, problem: str, remedy: str = "") -> None:
        """Note a mistake at the place of `node`."""
        self.mistakes.append(Mistake(node.start_mark.line + 1, problem, remedy))

    def mapping(self, node: yaml.Node, what: str, known: Iterable[str]) -> dict[str, yaml.Node]:
        """Give the entries of a mapping whose keys are known; the others, and doubles, are mistakes."""
        allowed = list(known)
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what} must be a mapping", f"keys: {', '.join(allowed)}")
            return {}
        entries: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in allowed:
                self.wrong(key, f'there is no key "{name}" in {what}', suggestion(name, allowed))
            elif name in entries:
                self.wrong(key, f'the key "{name}" is there twice', "remove one of them")
            else:
                entries[name] = value
        return entries

    def sequence(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """Give the items of a list; anything else, or an empty one, is a mistake."""
        if isinstance(node, yaml.SequenceNode) and node.value:
            return list(node.value)
        self.wrong(node, f"{what} must be a list with at least one item")
        return []

    def text(self, node: yaml.Node, what: str) -> str:
        """Give a plain value as text; a list or mapping is a mistake and gives an empty text."""
        if isinstance(node, yaml.ScalarNode) and node.tag != "tag:yaml.org,2002:null":
            return str(node.value)
        self.wrong(node, f"{what} must be a text")
        return ""

    def check(self) -> None:
        """Raise PanError (CONFIG) with every mistake, one a line as file:line, unless there is none."""
        if not self.mistakes:
            return
        first, *others = sorted(self.mistakes, key=lambda mistake: mistake.line)
        rows = [f"{self.path}:{first.line}: {first.problem}"]
        rows += [f"  {self.path}:{other.line}: {other.problem}" for other in others]
        remedies = [mistake.remedy for mistake in (first, *others) if mistake.remedy]
        raise PanError(
            "\n".join(rows), remedy="; ".join(dict.fromkeys(remedies)) or None, code=ExitCode.CONFIG
        )


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say which known word is meant, or list them all.

    >>> suggestion("pains", ["panes", "layout"])
    'rename it to "panes"'
    """
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f'rename it to "{near[0]}"' if near else f"known here: {', '.join(names)}"


def names_in(directories: Iterable[str], ending: str = ".yaml") -> dict[str, str]:
    """Give name -> path of the files with that ending; an earlier directory wins."""
    found: dict[str, str] = {}
    for directory in directories:
        if os.path.isdir(directory):
            for entry in sorted(os.listdir(directory)):
                if entry.endswith(ending):
                    found.setdefault(entry.removesuffix(ending), os.path.join(directory, entry))
    return found
