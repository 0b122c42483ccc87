"""What is known of a model by its name, and its tier."""

from __future__ import annotations

import pytest

from pancode.domains.providers.api import Facts
from pancode.domains.providers.families import known


@pytest.mark.parametrize(
    ("model", "said", "local", "size", "tier"),
    [
        ("claude-opus-5", Facts(), False, None, "frontier"),
        ("anthropic/claude-sonnet-4.5", Facts(), False, None, "frontier"),
        ("claude-haiku-4-5", Facts(), False, None, "mid"),
        ("gpt-5-mini", Facts(), False, None, "mid"),
        ("o4-mini", Facts(), False, None, "mid"),
        ("xai/grok-4", Facts(), False, None, "frontier"),
        ("gpt-5.5", Facts(), False, None, "frontier"),
        ("gemini-3-pro", Facts(), False, None, "frontier"),
        ("somebodys-reasoner", Facts(reasoning=True), False, None, "frontier"),
        ("somebodys-reasoner", Facts(reasoning=True, context=32_768), True, 8.0, "mid"),
        ("qwen3:30b", Facts(context=262_144), True, 30.5, "frontier"),
        ("qwen3:8b", Facts(context=40_960), True, 8.2, "mid"),
        ("llama3.2:1b", Facts(context=131_072), True, 1.2, "small"),
        ("gpt-oss:20b", Facts(context=131_072), True, 20.9, "mid"),
        ("mystery", Facts(context=131_072), True, None, "frontier"),
        ("mystery", Facts(context=16_384), True, None, "mid"),
        ("mystery", Facts(context=8_192), True, None, "small"),
        ("mystery", Facts(), True, None, "mid"),
    ],
)
def test_the_tier_comes_from_family_size_and_context(
    model: str, said: Facts, local: bool, size: float | None, tier: str
) -> None:
    assert known(model, said, local=local, size=size).tier == tier


def test_the_operators_word_counts_more_than_the_servers_and_that_more_than_the_familys() -> None:
    said, own = Facts(context=32_768, tools=True), Facts(tools=False, tier="small")
    found = known("qwen3:30b", said, local=True, size=30.5, own=own)
    assert (found.context, found.tools, found.reasoning, found.tier) == (32_768, False, True, "small")


def test_what_nobody_says_stays_unknown() -> None:
    assert known("mystery", Facts(), local=False) == Facts(tier="mid")


def test_a_family_says_nothing_of_how_much_fits_into_a_local_engine() -> None:
    assert known("gpt-5-local", Facts(), local=True).context is None
    assert known("gpt-5-mini", Facts(), local=False).context == 400_000


@pytest.mark.parametrize("model", ["auto3", "proto1", "mycodex", "foo3-opusculum-x"])
def test_a_family_is_found_at_the_beginning_of_a_word(model: str) -> None:
    assert known(model, Facts(), local=True).tools is None
