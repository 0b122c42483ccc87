"""Says what reading, writing, emptying or deleting a file amounts to, by where it lies."""

from __future__ import annotations

import re

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Finding
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.places import TMP, Spot, artefact, governance, persistent, secret

_FILE_NAME = re.compile(
    r"\.(json|lock|txt|md|rst|py|pyi|js|jsx|ts|tsx|mjs|cjs|ya?ml|toml|cfg|ini|html?|css|scss|sh|xml|csv|tsv"
    r"|png|jpe?g"
    r"|gif|svg|pdf|go|rs|c|h|cc|cpp|hpp|java|rb|php|lua|sql|zip|tgz|tar|gz|whl|out|err|bak|diff|patch|map"
    r"|lcov|prof)$"
)
_TMP_SOCKETS = re.compile(r"(tmux-\d+|\.X11-unix|\.ICE-unix|ssh-\w+|systemd-private.*|snap\..*)(/.*)?")
_TMP_NAME = re.compile(r"[^*?\[\]]*[\w-][^*?\[\]]*")
_TMP_OWN = re.compile(r"(?!tmux|ssh-|snap|systemd|dbus|pancode|vscode|claude|codex)\w[\w.-]{2,}")
"""What the names of a worker's own files may begin with where a pattern follows."""

_EMPTY_BY_NATURE = re.compile(r"(.*/)?(__init__\.pyi?|py\.typed|\.gitkeep|\.keep|\.nojekyll|\.placeholder)")
_WHOLE = re.compile(r"(\./+)?(\*+|\.\*?|\.\?\*?|\.\.|\.\[.*|\?+\*?|)/*")


def reading(spot: Spot) -> Finding:
    """Say what reading the file is."""
    if secret(spot, spot.home and spot.path[: -len(spot.home) - 1]):
        return Finding(ActionClass.SECRET_READ, "secret-file", f'"{spot.shown}" holds a secret', spot.paths)
    if spot.zone == "device":
        return Finding(ActionClass.SYSTEM_MODIFY, "device", f'reads the device "{spot.shown}"', spot.paths)
    return Finding(ActionClass.FILE_READ, "read", f'reads "{spot.shown}"', spot.paths)


def copying(spot: Spot) -> Finding:
    """Say what copying the file or directory is: whole directories may hold secrets."""
    if spot.zone == "home" and spot.tail in ("", ".ssh", ".aws", ".config", ".gnupg", ".kube"):
        return Finding(ActionClass.SECRET_READ, "secret-file", f'"{spot.shown}" holds secrets', spot.paths)
    return reading(spot)


def writing(spot: Spot, verb: str = "writes") -> Finding:
    """Say what writing the file is."""
    kind, rule, more = _written(spot)
    return Finding(kind, rule, f'{verb} "{spot.shown}"{more}', spot.paths)


def _written(spot: Spot) -> tuple[ActionClass, str, str]:
    if spot.zone == "null":
        return ActionClass.FILE_READ, "write-nowhere", ", where nothing is kept"
    if spot.zone == "device":
        return ActionClass.SYSTEM_MODIFY, "device", ", a device"
    if persistent(spot):
        return (
            ActionClass.SYSTEM_MODIFY,
            "write-persistent",
            ", which opens the account or outlives the session",
        )
    if governance(spot):
        return ActionClass.GOVERNANCE_WRITE, "write-governance", ", which others obey or execute"
    if spot.zone in ("home", "outside"):
        return ActionClass.BASH_DESTRUCTIVE, "write-outside", ", outside the work tree"
    if spot.zone == "tmp" and _TMP_SOCKETS.fullmatch(spot.tail):
        return ActionClass.SYSTEM_MODIFY, "write-system", ", which belongs to another program"
    if spot.zone == "system" and spot.path not in TMP:
        return ActionClass.SYSTEM_MODIFY, "write-system", ", a part of the machine"
    return ActionClass.FILE_WRITE, "write", ""


def emptying(spot: Spot) -> Finding:
    """Say what emptying the file is."""
    found = writing(spot, "empties")
    rebuilt = artefact(spot) or spot.zone in ("tmp", "null") or _EMPTY_BY_NATURE.fullmatch(spot.tail)
    if found.kind is not ActionClass.FILE_WRITE or rebuilt:
        return found
    return Finding(ActionClass.BASH_DESTRUCTIVE, "empty-file", f'empties "{spot.shown}"', spot.paths)


def deleting(spot: Spot, *, recursive: bool, verb: str = "deletes") -> Finding:
    """Say what deleting the file, or with `recursive` the directory, is."""
    if spot.zone == "device":
        return Finding(ActionClass.SYSTEM_MODIFY, "device", f'{verb} "{spot.shown}", a device', spot.paths)
    found = _deleted(spot, recursive=recursive)
    if found is None:
        return Finding(ActionClass.FILE_DELETE, "delete", f'{verb} "{spot.shown}"', spot.paths)
    rule, more = found
    return Finding(ActionClass.BASH_DESTRUCTIVE, rule, f'{verb} "{spot.shown}": {more}', spot.paths)


def in_code(found: Finding, spot: Spot) -> Finding:
    """Be stricter where the text of a program deletes: nothing shows beforehand what it takes along."""
    if found.kind is not ActionClass.FILE_DELETE or artefact(spot) or spot.zone == "tmp":
        return found
    why = f"{found.why} from the text of a program"
    return Finding(ActionClass.BASH_DESTRUCTIVE, "delete-in-code", why, found.paths)


def _deleted(spot: Spot, *, recursive: bool) -> tuple[str, str] | None:
    if spot.zone == "unknown" or spot.word.text.startswith(DYNAMIC):
        return "delete-unknown", "the target is known only when it runs"
    if spot.word.dynamic and not (artefact(spot) or (spot.zone == "tmp" and not recursive)):
        return "delete-unknown", "the target is known only when it runs"
    if spot.path == "/" or spot.zone == "root":
        return "delete-everything", "that is everything in a directory"
    if spot.zone == "tree" and _WHOLE.fullmatch(spot.word.text) and not artefact(spot):
        return "delete-everything", "that is everything in a directory"
    if governance(spot) or (spot.zone == "tree" and ".git" in spot.tail.split("/")):
        return None if spot.path.endswith(".lock") else ("delete-governance", "others obey or execute it")
    if spot.zone == "null":
        return None
    if spot.zone != "tree":
        return None if _own_tmp(spot) else ("delete-outside", "it lies outside the work tree")
    return None if artefact(spot) else _source_deleted(spot, recursive=recursive)


def _own_tmp(spot: Spot) -> bool:
    if spot.zone != "tmp" or _TMP_SOCKETS.fullmatch(spot.tail) or ".." in spot.word.text.split("/"):
        return False
    if spot.word.glob and _TMP_OWN.match(spot.tail):
        return not spot.word.dynamic
    return _TMP_NAME.fullmatch(spot.tail) is not None and not spot.word.glob


def _source_deleted(spot: Spot, *, recursive: bool) -> tuple[str, str] | None:
    if secret(spot):
        return "delete-secret", "nothing brings it back"
    if spot.word.glob or set(spot.word.text) & set("*?"):
        return "delete-pattern", "the pattern may match anything"
    if recursive and not _FILE_NAME.search(spot.path):
        return "delete-recursive", "no command rebuilds that directory"
    return None
