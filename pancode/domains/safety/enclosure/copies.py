"""The operator's tool settings as a worker may have them: without passwords and names of programs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from pancode.domains.safety.enclosure.registries import BELOW_HOME
from pancode.domains.safety.enclosure.sight import Kept, Sight

GIT = (".gitconfig", ".config/git/config")
GIT_LISTS = (".config/git/ignore", ".config/git/attributes")
_LARGEST = 1 << 18
_KEYS = frozenset({
    "user.name", "user.email", "user.useconfigonly", "author.name", "author.email", "committer.name",
    "committer.email", "init.defaultbranch", "core.autocrlf", "core.eol", "core.safecrlf",
    "core.quotepath", "core.ignorecase", "core.filemode", "core.whitespace", "core.abbrev",
    "core.longpaths", "core.commentchar", "core.precomposeunicode", "pull.rebase", "pull.ff",
    "push.default", "push.autosetupremote", "merge.ff", "merge.conflictstyle", "rebase.autosquash",
    "rebase.autostash", "diff.algorithm", "diff.renames", "diff.mnemonicprefix", "diff.colormoved",
    "color.ui", "column.ui", "rerere.enabled", "commit.verbose", "i18n.commitencoding",
    "i18n.logoutputencoding", "fetch.prune", "log.date", "branch.sort", "tag.sort", "help.autocorrect",
    "safe.directory", "http.sslcainfo", "feature.manyfiles",
})  # fmt: skip
"""What of a git configuration neither runs a program nor holds a secret."""
_SECTION = re.compile(r'^\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]\s*(.*)$')
_SECRET = re.compile(
    r"//[^/\s\"']*@|_auth|token|passw|secret|api[-_]?key|credential|user(name)?\s*[=:]|header|_key\s*=|proxy",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?<=:)//[^/\s\"'@]*@")
_TOKEN = re.compile(r"extraheader|passw|token\s*=|secret", re.IGNORECASE)
_INCLUDES = 3
_KEPT: Kept[dict[str, str]] = Kept()


def copies(home: str) -> Mapping[str, str]:
    """Give path below HOME -> text of every settings file that a worker finds in its private home.

    What can't be read is left out.
    """
    return _KEPT.get(home, lambda sight: _found(home, sight))


def _found(home: str, sight: Sight) -> dict[str, str]:
    found: dict[str, str] = {}
    git = "".join(git_settings(os.path.join(home, name), sight) for name in GIT)
    if git:
        found[".gitconfig"] = git
    for name in GIT_LISTS:
        if text := _text(os.path.join(home, name), sight):
            found[name] = text
    for name in BELOW_HOME:
        if text := _text(os.path.join(home, name), sight):
            found[name] = without_secrets(text)
    return found


def without_secrets(text: str) -> str:
    r"""Give `text` without the lines that look as if they held a password, a token or a login.

    >>> without_secrets("registry=https://r.example/\n//r.example/:_authToken=abc\n")
    'registry=https://r.example/\n'
    """
    return "".join(line for line in text.splitlines(keepends=True) if not _SECRET.search(line))


def git_without_login(text: str) -> str:
    r"""Give a git configuration without passwords in its addresses and without lines that hold tokens.

    >>> git_without_login('[remote "o"]\n\turl = https://me:pw@host/r\n\textraheader = x\n')
    '[remote "o"]\n\turl = https://host/r\n'
    """
    lines = [line for line in text.splitlines(keepends=True) if not _TOKEN.search(line)]
    return _LOGIN.sub("//", "".join(lines))


def git_settings(path: str, sight: Sight, depth: int = 0) -> str:
    """Give the harmless settings of a git configuration, and of the files that it always includes."""
    section = ""
    found: list[str] = []
    for key, line in _settings(_text(path, sight)):
        if key == "include.path" and depth < _INCLUDES:
            named = os.path.expanduser(line.partition("=")[2].strip().strip('"'))
            found.append(git_settings(os.path.join(os.path.dirname(path), named), sight, depth + 1))
            section = ""
        elif key in _KEYS:
            name = key.partition(".")[0]
            found.append(f"{'' if name == section else f'[{name}]'}\n\t{line}\n".lstrip("\n"))
            section = name
    return "".join(found)


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """Give each setting as (section.key in lower case, its line); sections like [url "x"] are left out."""
    section: str | None = None
    for line in text.replace("\\\n", "").splitlines():
        rest = line.strip()
        if match := _SECTION.match(rest):
            section = None if match[2] is not None else match[1].lower()
            rest = match[3]
        if section is not None and rest and rest[0] not in "#;":
            yield f"{section}.{rest.partition('=')[0].strip().lower()}", rest


def _text(path: str, sight: Sight) -> str:
    return read_text(path) if sight.exists(path) else ""


def read_text(path: str) -> str:
    """Give a file's text, "" if it can't be read or is too large for settings."""
    try:
        if os.stat(path).st_size > _LARGEST:
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
