"""The lock, the two lists that serve without uv, and pyproject.toml say the same."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.project.tree import read

PIN = re.compile(r"^([a-z0-9._-]+)==([^ ]+)", re.MULTILINE)
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
NAME = re.compile(r"^[A-Za-z0-9._-]+")

# Which of the lock's groups each list installs, beside the package's own needs.
GROUPS = {"run": ("", "build"), "dev": ("", "dev"), "node": ("node",)}


def locked() -> dict[str, dict[str, Any]]:
    return {package["name"]: package for package in tomllib.loads(read("uv.lock"))["package"]}


def closure(packages: dict[str, dict[str, Any]], groups: tuple[str, ...]) -> set[str]:
    """Give the names of all packages that these groups pull in; the group "" is what PanCode itself needs."""
    own = packages["pancode"]
    waiting = [
        need["name"]
        for group in groups
        for need in (own["dev-dependencies"][group] if group else own["dependencies"])
    ]
    names: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += [need["name"] for need in packages[name].get("dependencies", [])]
    return names


@pytest.mark.parametrize("which", GROUPS)
def test_a_list_holds_what_the_lock_holds(which: str) -> None:
    packages = locked()
    listed = dict(PIN.findall(read(f"requirements/{which}.txt")))
    assert listed == {name: packages[name]["version"] for name in closure(packages, GROUPS[which])}


@pytest.mark.parametrize("which", GROUPS)
def test_every_hash_of_a_list_is_in_the_lock(which: str) -> None:
    known = set(re.findall(r'hash = "(sha256:[0-9a-f]{64})"', read("uv.lock")))
    listed = set(HASH.findall(read(f"requirements/{which}.txt")))
    assert listed <= known
    assert len(listed) >= len(PIN.findall(read(f"requirements/{which}.txt")))


def test_the_lock_was_made_for_these_needs() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    own = locked()["pancode"]
    wanted = {match[0].lower() for need in project["project"]["dependencies"] if (match := NAME.match(need))}
    assert {need["name"] for need in own["dependencies"]} == wanted
    assert own["version"] == project["project"]["version"]


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert f'"{version}"' in read("pancode/version.py")
