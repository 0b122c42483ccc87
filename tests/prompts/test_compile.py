"""A prompt is true to its grant, within its room, and never without identity, safety and output contract."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.core.grants import Grant, Level, Mode
from pancode.domains.prompts.api import LETTERS, OWN_LIMITS, TOKEN_LIMITS, Occasion, Persona, Role, Tier
from pancode.domains.prompts.compile import compile_prompt
from pancode.domains.prompts.fragment import CATEGORIES, REQUIRED, Fragment
from pancode.domains.prompts.library import overfull, shipped

FRAGMENTS = shipped()
BUILD = Grant(Mode.BUILD, Level.AUTO_EDIT)
RUNTIMES = ("native", "claude-code", "claude-sdk", "codex", "gemini", "opencode", "copilot", "acp", "else")
BOARD = "/usr/bin/python3 -I -S /usr/lib/python3/pancode/worker/board_client.py 61802"


def occasion(**given: Any) -> Occasion:
    return Occasion(**{"grant": BUILD, "runtime": "codex", "runs_on": "Codex", **given})


def text_of(persona: Persona, grant: Grant = BUILD, **given: Any) -> str:
    return compile_prompt(FRAGMENTS, persona, occasion(grant=grant, **given)).text


def test_the_categories_stand_in_their_order_and_the_agents_own_words_are_last() -> None:
    persona = Persona(name="builder", description="makes one change", system_prompt="OWN WORDS")
    made = compile_prompt(FRAGMENTS, persona, occasion(board=BOARD))
    places = [CATEGORIES.index(used.category) for used in made.used[:-1]]
    assert places == sorted(places)
    assert made.used[-1].category == "agent"
    assert made.text.endswith("\n\nOWN WORDS")
    assert made.text.startswith('You are "builder", a worker of PanCode, running on Codex.')


@pytest.mark.parametrize("role", get_args(Role))
def test_every_prompt_has_identity_safety_and_output_contract(role: Role) -> None:
    for tier, mode, level, runtime, reads in itertools.product(
        get_args(Tier), Mode, Level, RUNTIMES, (True, False)
    ):
        persona = Persona(name="a", role=role, read_only=reads, system_prompt="x" * OWN_LIMITS[role])
        made = compile_prompt(
            FRAGMENTS, persona, occasion(grant=Grant(mode, level), tier=tier, runtime=runtime, board=BOARD)
        )
        assert {used.category for used in made.used} >= REQUIRED
        assert made.tokens <= TOKEN_LIMITS[role]
        assert made.dropped == ()


def test_what_may_be_written_depends_on_the_grant_and_the_agent_not_on_the_mode_alone() -> None:
    for persona, grant, reads in (
        (Persona(name="a"), BUILD, False),
        (Persona(name="a"), Grant(Mode.REVIEW, Level.AUTO_EDIT), True),
        (Persona(name="reviewer", read_only=True), BUILD, True),
        (Persona(name="a"), Grant(Mode.BUILD, Level.AUTO_EDIT, read_only=True), True),
        (Persona(name="a"), Grant(Mode.BUILD, Level.SUGGEST), True),
    ):
        text = text_of(persona, grant)
        assert ("not change any file" in text) == reads
        assert ("FINDINGS" in text) == reads
        assert ("You may read, write" in text) != reads


def test_runtime_and_tier_choose_their_fragments() -> None:
    persona = Persona(name="a")
    assert "apply_patch" in text_of(persona, runtime="codex")
    assert "apply_patch" not in text_of(persona, runtime="gemini")
    assert "Work in this order" in text_of(persona, tier="small")
    assert "Work in this order" not in text_of(persona, tier="frontier")


def test_a_fragment_whose_variable_has_no_value_here_is_left_out() -> None:
    persona = Persona(name="a", skills={"tables": "draws tables"})
    assert "board" not in text_of(persona)
    assert BOARD in text_of(persona, board=BOARD)
    assert "SKILL.md" not in text_of(persona)
    assert "- tables: draws tables" in text_of(persona, skills_dir="/r/skills")


def test_the_hash_is_the_same_for_all_runs_that_are_told_the_same() -> None:
    persona = Persona(name="a", skills={"tables": "draws tables"})
    one, other = (compile_prompt(FRAGMENTS, persona, occasion(skills_dir=at)) for at in ("/r/1", "/r/2"))
    assert one.text != other.text
    assert (one.hash, one.kept) == (other.hash, other.kept)
    assert compile_prompt(FRAGMENTS, replace(persona, name="b"), occasion()).hash != one.hash


def test_the_least_important_is_dropped_first_and_nothing_required_ever() -> None:
    long = [
        Fragment(id=f"x{place}", version=1, category=category, text="y" * 1500)
        for place, category in enumerate(CATEGORIES)
    ]
    made = compile_prompt(long, Persona(name="a", role="scout"), occasion())
    assert made.dropped == ("x7", "x5", "x3", "x2", "x1")
    assert [used.category for used in made.used] == ["identity", "safety", "output-contract"]


def test_what_stands_in_a_value_is_never_a_variable() -> None:
    text = text_of(Persona(name="a", description="say ${board} and ${nothing}"), board=BOARD)
    assert "say ${board} and ${nothing}" in text


@given(
    st.text(max_size=300),
    st.text(max_size=6000),
    st.sampled_from(list(Mode)),
    st.sampled_from(list(Level)),
    st.sampled_from(get_args(Role)),
    st.dictionaries(st.text(min_size=1, max_size=32), st.text(max_size=200), max_size=8),
)
def test_no_prompt_is_longer_than_its_room(
    description: str, own: str, mode: Mode, level: Level, role: Role, skills: dict[str, str]
) -> None:
    persona = Persona(name="a" * 32, description=description, system_prompt=own, role=role, skills=skills)
    made = compile_prompt(
        FRAGMENTS, persona, occasion(grant=Grant(mode, level), board=BOARD, skills_dir="/r/" + "x" * 200)
    )
    assert len(made.text) <= TOKEN_LIMITS[role] * LETTERS
    assert made.text.endswith(own.strip()[: OWN_LIMITS[role]])


def test_the_shipped_fragments_leave_the_agents_words_their_room() -> None:
    assert overfull(FRAGMENTS) is None
