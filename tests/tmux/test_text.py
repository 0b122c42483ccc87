"""What reaches tmux as text, and what as a word of a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.engine.tmux.environment import handover_lines, read_handover, server_environment
from pancode.engine.tmux.text import TEXT_LIMIT, quote, tmux_text


@given(st.text())
def test_no_text_can_start_a_format_or_move_the_cursor(text: str) -> None:
    shown = tmux_text(text)
    assert "#" not in shown
    assert len(shown) <= TEXT_LIMIT
    assert all(char.isprintable() or char == " " for char in shown)
    assert tmux_text(shown) == shown


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_quoted_word_is_one_line_without_bare_specials(text: str) -> None:
    quoted = quote(text)
    assert "\n" not in quoted
    assert quoted.startswith('"') == quoted.endswith('"')


def test_right_to_left_overrides_vanish() -> None:
    assert tmux_text("a\u202eb\u200bc") == "abc"


def test_a_nul_cannot_be_quoted() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0")


@given(
    st.dictionaries(
        st.sampled_from(["OPENAI_API_KEY", "X_TOKEN", "https_proxy", "AWS_REGION"]), st.text(min_size=1)
    )
)
def test_handed_over_variables_come_back_as_they_were(variables: dict[str, str]) -> None:
    lines = handover_lines(variables).splitlines()
    printed = [" ".join(line.split(" ")[3:]).replace(" ", "=", 1) for line in lines]
    assert read_handover(printed) == variables


def test_panes_never_get_a_key() -> None:
    source = {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "OPENAI_API_KEY": "k",
        "PANCODE_API_KEY": "k",
        "PANCODE_SAFETY": "suggest",
        "SSH_AUTH_SOCK": "/s",
        "LD_PRELOAD": "/x",
    }
    assert server_environment(source, {}) == {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "PANCODE_SAFETY": "suggest",
    }


def test_what_agents_may_need_is_handed_over_and_nothing_else() -> None:
    source = {
        "ANTHROPIC_API_KEY": "a",
        "GH_TOKEN": "b",
        "OPENAI_BASE_URL": "c",
        "HTTPS_PROXY": "d",
        "GOOGLE_CLOUD_PROJECT": "e",
        "PANCODE_API_KEY": "f",
        "PANCODE_SAFETY": "full-auto",
        "SSH_AUTH_SOCK": "/s",
        "EDITOR": "vi",
        "EMPTY_API_KEY": "",
    }
    names = [line.split(" ")[3].removeprefix("OPERATOR_") for line in handover_lines(source).splitlines()]
    assert names == [
        "ANTHROPIC_API_KEY",
        "GH_TOKEN",
        "GOOGLE_CLOUD_PROJECT",
        "HTTPS_PROXY",
        "OPENAI_BASE_URL",
        "PANCODE_API_KEY",
        "SSH_AUTH_SOCK",
    ]
