"""Judges programs that work on other hosts, or join connections."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    Script,
    destroys,
    named,
    plain,
    system,
    unclear,
)
from pancode.domains.safety.commands.hosts import host_of, loopback, reaching, sending
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.poison import executing
from pancode.domains.safety.commands.touching import copying, deleting, emptying, writing

_SSH = named("b c D E e F I i J L l m O o p Q R S W w B")


def _ssh(call: Call) -> Iterator[Effect]:
    found = split(call.args, _SSH, stop=True)
    for value in found.values("o"):
        name, _, rest = value.text.replace(" ", "=", 1).partition("=")
        if name.lower() in ("proxycommand", "localcommand", "knownhostscommand", "remotecommand"):
            yield from executing(rest, "ssh")
    if found.has("R", "D", "L", "w"):
        yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "opens a way between networks")
    words = found.operands
    if not words:
        return
    host = words[0].text.rpartition("@")[2].removeprefix("ssh://").split(":")[0].lower()
    yield (
        sending(host, "commands") if not loopback(host) else unclear("logs in to this machine by another way")
    )
    if words[1:]:
        yield Script(" ".join(word.text for word in words[1:]))


def _copies(call: Call) -> Iterator[Effect]:
    """Judge scp, and rsync: files to or from another host, or between directories."""
    values = named(
        "c F i J l o P S e rsh exclude include filter files-from log-file compare-dest link-dest f T port"
    )
    found = split(call.args, (*values, "rsync-path"))
    for value in found.values("e", "rsh", "rsync-path"):
        if call.name == "rsync":
            yield from executing(value.text, "rsync", appended=True)
    if not found.operands:
        return
    *sources, target = found.operands
    for word in sources:
        remote = re.match(r"([\w.-]+@)?[\w.-]+:|rsync://", word.text)
        yield reaching(_machine(word.text)) if remote else copying(locate(word, call.scene))
    if re.match(r"([\w.-]+@)?[\w.-]+:|rsync://", target.text):
        yield sending(_machine(target.text), "files")
        return
    spot = locate(target, call.scene)
    if call.name == "unison" and "-force" in call.texts:
        yield deleting(spot, recursive=True, verb="replaces what is in")
    if any(word.text == "/dev/null" for word in sources):
        yield emptying(spot)
    if any(text.startswith("--del") for text in call.texts) and not found.has("n", "dry-run"):
        yield deleting(spot, recursive=True, verb="deletes files in")
    if found.has("remove-source-files"):
        yield from (
            deleting(locate(word, call.scene), recursive=True, verb="removes files of") for word in sources
        )
    yield writing(spot, "copies to")


def _machine(text: str) -> str:
    return host_of(text) if "//" in text else text.rpartition("@")[2].partition(":")[0].lower()


def _nc(call: Call) -> Iterator[Effect]:
    found = split(call.args, named("e c g G i I m o O p P q s T V w W x X exec sh-exec proxy"))
    for value in found.values("e", "c", "exec", "sh-exec"):
        yield Script(value.text)
        yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "lets others run a program here")
    for line in (call.stdin.text or "").splitlines():
        if re.match(r"(?i)\s*(flushall|flushdb|shutdown|config set|del |eval|drop|delete)", line):
            yield destroys("data-store", f'sends "{line.strip()[:40]}" to a service')
    if found.has("l", "listen"):
        yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "listens for others")
    for word in found.operands[:1]:
        host = word.text.lower()
        yield reaching(host) if found.has("z") or loopback(host) else sending(host, "data")
    yield plain(ActionClass.NETWORK, "connects", "connect")


def _socat(call: Call) -> Iterator[Effect]:
    for text in call.texts:
        kind, _, rest = text.partition(":")
        kind = kind.upper()
        if kind in ("EXEC", "SYSTEM", "SHELL"):
            yield Script(rest.split(",")[0])
            yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "lets others run a program here")
        elif kind.startswith(("UNIX", "ABSTRACT", "GOPEN")):
            yield system("socket", "talks to the service behind a socket")
        elif "LISTEN" in kind:
            yield Finding(ActionClass.NETWORK_UNLISTED, "tunnel", "listens for others")
        elif rest and "-" not in kind:
            yield sending(rest.split(":")[0].lower(), "data")
    yield plain(ActionClass.NETWORK, "connects", "connect")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(("ssh", "autossh", "mosh", "slogin"), _ssh),
    **dict.fromkeys(("scp", "rsync", "unison", "rcp"), _copies),
    **dict.fromkeys(("nc", "ncat", "netcat", "nc.traditional", "nc.openbsd"), _nc),
    "socat": _socat,
}
