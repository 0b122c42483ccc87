"""The worker's system prompt: identity and permissions first, true to the grant, and short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pancode.core.grants import Grant, Level, Mode
from pancode.domains.prompts.api import OWN_LIMIT, TOKEN_LIMIT, Persona
from pancode.domains.prompts.compile import READ_ONLY, compile_prompt

BUILD = Grant(Mode.BUILD, Level.AUTO_EDIT)
REVIEW = Grant(Mode.REVIEW, Level.AUTO_EDIT)


def test_identity_and_permission_come_before_the_agents_own_words() -> None:
    persona = Persona(name="builder", description="makes one change", system_prompt="OWN WORDS")
    text = str(compile_prompt(persona, BUILD, "Codex"))
    order = [
        text.index(words)
        for words in ('You are "builder"', "You may read, write", "FILES CHANGED", "OWN WORDS")
    ]
    assert order == sorted(order)


def test_what_may_be_written_depends_on_the_grant_and_the_agent() -> None:
    for persona, grant, read_only in (
        (Persona(name="a", description=""), BUILD, False),
        (Persona(name="a", description=""), REVIEW, True),
        (Persona(name="a", description="", read_only=True), BUILD, True),
        (Persona(name="a", description=""), Grant(Mode.BUILD, Level.SUGGEST), True),
    ):
        text = str(compile_prompt(persona, grant, "Codex"))
        assert (READ_ONLY in text) == read_only
        assert ("FINDINGS" in text) == read_only


def test_a_bare_cli_is_left_alone_unless_it_may_not_write_or_has_own_words() -> None:
    bare = Persona(name="codex", description="", bare=True)
    assert compile_prompt(bare, BUILD, "Codex") is None
    assert compile_prompt(bare, REVIEW, "Codex") == READ_ONLY
    assert "OWN" in str(
        compile_prompt(Persona(name="c", description="", bare=True, system_prompt="OWN"), BUILD, "C")
    )


@given(
    st.text(max_size=300),
    st.text(max_size=OWN_LIMIT),
    st.sampled_from(list(Mode)),
    st.sampled_from(list(Level)),
    st.booleans(),
    st.booleans(),
)
def test_no_prompt_is_longer_than_its_room(
    description: str, own: str, mode: Mode, level: Level, read_only: bool, bare: bool
) -> None:
    persona = Persona(
        name="a" * 32, description=description, system_prompt=own, read_only=read_only, bare=bare
    )
    text = compile_prompt(persona, Grant(mode, level), "Claude Code")
    assert text is None or len(text) / 4 <= TOKEN_LIMIT
