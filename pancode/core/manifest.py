"""What a domain says of itself, and the order in which domains are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from pancode.core.errors import ExitCode, PanError


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A domain's name, what it needs, and the verbs it brings (`verb -> "module:attribute"`)."""

    name: str
    summary: str
    needs: tuple[str, ...] = ()
    verbs: Mapping[str, str] = field(default_factory=dict)
    enabled_by: str | None = None
    """An environment variable that must be `on` for the domain to load; None loads always."""


def load_order(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Sort so that each domain comes after all it needs; raise PanError naming a cycle or a gap.

    Domains that don't depend on each other keep the alphabetical order, so the result is stable.

    >>> a, b = Manifest(name="a", summary="", needs=("b",)), Manifest(name="b", summary="")
    >>> [m.name for m in load_order([a, b])]
    ['b', 'a']
    """
    by_name = {manifest.name: manifest for manifest in sorted(manifests, key=lambda m: m.name)}
    for manifest in by_name.values():
        for need in manifest.needs:
            if need not in by_name:
                raise PanError(
                    f'domain "{manifest.name}" needs "{need}", which is not there',
                    remedy=f"add the folder of {need}, or take it out of {manifest.name}'s manifest",
                    code=ExitCode.CONFIG,
                )
    sorter = TopologicalSorter({name: by_name[name].needs for name in by_name})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise PanError(
            f"the domains need each other in a circle: {circle}",
            remedy="take one of these needs out of its manifest",
            code=ExitCode.CONFIG,
        ) from None
    order: list[Manifest] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [by_name[name] for name in ready]
        sorter.done(*ready)
    return order


def is_enabled(manifest: Manifest, environment: Mapping[str, str]) -> bool:
    """Whether the domain is to be loaded in this environment."""
    return manifest.enabled_by is None or environment.get(manifest.enabled_by) == "on"
