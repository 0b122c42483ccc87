"""The load order of the domains, and what is said when there is none."""

from __future__ import annotations

import pytest

from pancode.core.errors import PanError
from pancode.core.manifest import Manifest, load_order
from pancode.finding import manifests


def test_the_domains_are_found_and_each_comes_after_all_it_needs() -> None:
    order = load_order(manifests())
    assert {one.name for one in order} == {
        "safety", "session", "agents", "prompts", "dispatch", "observability", "scheduling",
        "intelligence", "panconfigure", "ui", "isolation", "board", "providers", "panos", "sharing",
        "routing",
    }  # fmt: skip
    names = [one.name for one in order]
    for one in order:
        assert all(names.index(need) < names.index(one.name) for need in one.needs)


def test_a_cycle_is_named() -> None:
    ring = [Manifest(name="a", summary="", needs=("b",)), Manifest(name="b", summary="", needs=("a",))]
    with pytest.raises(PanError, match=r"circle: (a -> b -> a|b -> a -> b)"):
        load_order(ring)


def test_a_missing_need_is_named() -> None:
    with pytest.raises(PanError, match='"a" needs "ghost"'):
        load_order([Manifest(name="a", summary="", needs=("ghost",))])


def test_no_verb_is_brought_twice_and_each_can_be_imported() -> None:
    from pancode.cli.main import cli

    verbs = [verb for one in manifests() for verb in one.verbs]
    assert len(verbs) == len(set(verbs))
    context = cli.make_context("pancode", ["--help"], resilient_parsing=True)
    for verb in verbs:
        assert cli.get_command(context, verb) is not None
