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

# Which of the lock's groups each list installs; "" is what PanCode itself needs, "extras" all of its extras.
GROUPS = {"run": ("", "build"), "dev": ("", "extras", "dev"), "node": ("node",)}


def locked() -> dict[str, dict[str, Any]]:
    return {package["name"]: package for package in tomllib.loads(read("uv.lock"))["package"]}


def closure(packages: dict[str, dict[str, Any]], groups: tuple[str, ...]) -> set[str]:
    """Give the names of all packages that these groups pull in, with the extras that they are wanted with."""
    waiting = [need for group in groups for need in wanted(packages["pancode"], group)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        need = waiting.pop()
        for extra in ("", *need.get("extra", ())):
            if (need["name"], extra) not in seen:
                seen.add((need["name"], extra))
                waiting += wanted(packages[need["name"]], extra)
    return {name for name, _ in seen}


def wanted(package: dict[str, Any], group: str) -> list[dict[str, Any]]:
    """Give the needs of one group or extra of a package."""
    extras: dict[str, list[dict[str, Any]]] = package.get("optional-dependencies", {})
    if not group:
        return list(package.get("dependencies", []))
    if group == "extras":
        return [need for needs in extras.values() for need in needs]
    return [*extras.get(group, []), *package.get("dev-dependencies", {}).get(group, [])]


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
