"""Decides how strongly a worker can be enclosed, and whether that is enough for what it is granted."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level
from pancode.domains.safety.enclosure.asks import EnclosureAsk
from pancode.domains.safety.guarantees import FS_ONLY, LINKS, NO_LANDLOCK, NO_TCP, NONE, WEAKNESSES, Weakness

if TYPE_CHECKING:
    from pancode.worker.profile import Kind

LANDLOCK_TCP = 4
"""The first version of Landlock that knows TCP."""


def check_names(names: frozenset[str]) -> None:
    """Raise PanError USAGE for a name that --accept-weaker doesn't know."""
    for name in sorted(names - set(WEAKNESSES)):
        raise PanError(
            f'there is no weaker grade "{name}"',
            remedy="one of " + ", ".join(WEAKNESSES),
            code=ExitCode.USAGE,
        )


def kind(ask: EnclosureAsk) -> tuple[Kind, list[Weakness]]:
    """Give the strongest enclosure of this machine, and what had to be accepted for it.

    PanError REFUSED when the grant needs a stronger one, or nobody accepted this one by its name.
    """
    check_names(ask.accept)
    accepted: list[Weakness] = []
    found = _strongest(ask, accepted)
    if ask.settings.landlock and ask.machine.landlock_abi < 1:
        accepted.append(accept(ask, NO_LANDLOCK, NO_LANDLOCK.when))
    return found, accepted


def accept(ask: EnclosureAsk, weakness: Weakness, why: str) -> Weakness:
    """Give `weakness` if the operator has accepted it for this run; else raise PanError REFUSED."""
    if weakness.name in ask.accept:
        return weakness
    raise PanError(
        f"no worker is started, as it couldn't be enclosed as promised: {why}",
        remedy=f"--accept-weaker {weakness.name} starts it all the same, but then {'; '.join(weakness.lost)}",
        code=ExitCode.REFUSED,
    )


def link(ask: EnclosureAsk, path: str) -> Weakness:
    """Give the weakness of a protected `path` that is a symbolic link, if it is accepted."""
    return accept(ask, LINKS, f'"{path}" is a symbolic link, and a worker could turn it to something else')


def _strongest(ask: EnclosureAsk, accepted: list[Weakness]) -> Kind:
    machine = ask.machine
    why = machine.why or "the sandbox can't be made here"
    match machine.sandbox:
        case "full":
            return "bwrap"
        case "fs-only":
            if NONE.name in ask.accept:
                # Landlock is used whenever it is there; the name only lifts what it can't promise.
                accepted.append(NONE if _too_much(ask) else FS_ONLY)
                return "landlock"
            accepted.append(accept(ask, FS_ONLY, why))
            _check_level(ask)
            return "landlock"
        case "none":
            accepted.append(accept(ask, NONE, why))
            return "none"
        case _:
            assert_never(machine.sandbox)


def _too_much(ask: EnclosureAsk) -> bool:
    if ask.machine.landlock_abi < LANDLOCK_TCP:
        return ask.grant.may_write or ask.grant.level is not Level.SUGGEST
    return ask.grant.level is Level.FULL_AUTO


def _check_level(ask: EnclosureAsk) -> None:
    if not _too_much(ask):
        return
    old = ask.machine.landlock_abi < LANDLOCK_TCP
    level = Level.SUGGEST if old else Level.AUTO_EDIT
    raise PanError(
        f"{ask.grant.level} needs more than the file system kept: {ask.machine.why or FS_ONLY.when}",
        remedy=f"go down to {level}, or take --accept-weaker none for this run",
        code=ExitCode.REFUSED,
    )


def losses(ask: EnclosureAsk, accepted: list[Weakness]) -> list[str]:
    """Give what is not kept, in sentences, for the weaknesses that were accepted."""
    found = [sentence for each in dict.fromkeys(accepted) for sentence in each.lost]
    if FS_ONLY in accepted and ask.machine.landlock_abi < LANDLOCK_TCP:
        found += NO_TCP
    return found
