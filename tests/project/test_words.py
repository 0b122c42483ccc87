"""What may not stand in any file of the repository."""

from __future__ import annotations

import os
import re

import pytest

from tests.project.tree import ROOT, own_files, path

# Where this checkout lies; a name of one part, such as "/src", would be found in harmless places.
HERE = re.escape(ROOT) if ROOT.count("/") > 1 else "(?!)"
HOME = os.path.expanduser("~")
SOMEBODY = re.escape(HOME) if re.match(r"/(?:home|Users)/\w", HOME) else "/root"

# Written so that no pattern matches its own line, nor names anybody.
FORBIDDEN = {
    "a registry's host": re.compile(
        r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|crates[.]io|deb[.]debian[.]org"
    ),
    "somebody's home": re.compile(rf"(?<![\w.])(?:{SOMEBODY}|{HERE})/"),
    "work left undone": re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b"),
}
# The lock of uv names where each file lies, which is its purpose.
ALLOWED = {("uv.lock", "a registry's host")}


def text_of(name: str) -> str | None:
    with open(path(name), "rb") as file:
        content = file.read()
    return None if b"\0" in content else content.decode("utf-8", "replace")


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:160]}"
        for name in own_files()
        if (name, what) not in ALLOWED and (text := text_of(name)) is not None
        for number, line in enumerate(text.splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert found == []
