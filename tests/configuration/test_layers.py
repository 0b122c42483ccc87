"""Which layer wins, what would hold without it, and that a project never loosens anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.domains.panconfigure.key import Key, Value
from pancode.domains.panconfigure.layers import LAYERS, Given, Layer, resolve
from pancode.domains.panconfigure.schema import BY_NAME, KEYS
from pancode.domains.panconfigure.settings import DEFAULTS, resolved, settings_of

WORDS = {
    "runtime.safety": ["suggest", "auto-edit", "full-auto"],
    "runtime.mode": ["plan", "review", "build"],
    "models.gateway": ["on", "off"],
    "models.worker": ["a/b", "c"],
    "models.endpoint": ["http://127.0.0.1:1", "https://example.org/v1"],
    "dispatch.maxDepth": ["0", "2", "9"],
    "dispatch.concurrency": ["1", "60", "999999"],
    "dispatch.freeMemory": ["1", "256", "9000"],
    "dispatch.workerTimeout": ["0", "1000", "5m", "9h"],
    "dispatch.agentConcurrency": ["3", "3,builder=1", "builder=9"],
    "budget.ceiling": ["5", "0usd", "1usd, 10k tokens", "9 turns"],
}
LOOSER = {
    "runtime.safety": "full-auto",
    "models.gateway": "off",
    "dispatch.maxDepth": "9",
    "dispatch.concurrency": "999999",
    "dispatch.freeMemory": "1",
}


@st.composite
def settings(draw: st.DrawFn) -> tuple[Key, dict[Layer, dict[str, Given]]]:
    name = draw(st.sampled_from(sorted(WORDS)))
    layers = draw(
        st.dictionaries(st.sampled_from(LAYERS[1:]), st.sampled_from(WORDS[name]).map(lambda text: text))
    )
    return BY_NAME[name], {layer: {name: Given(text, f"of {layer}")} for layer, text in layers.items()}


def default(key: Key) -> Value:
    return DEFAULTS[key.field]


@given(settings())
def test_the_strongest_layer_that_counts_wins_and_explain_says_what_get_gives(
    made: tuple[Key, dict[Layer, dict[str, Given]]],
) -> None:
    key, layers = made
    found = resolve(key, default(key), layers)
    assert getattr(settings_of(resolved(layers), {"HOME": "/h"}), key.field) == found.value
    assert [one.layer for one in found.said] == sorted(
        (one.layer for one in found.said), key=LAYERS.index, reverse=True
    )
    assert found.said[-1].layer == "default"
    assert len(found.said) + len(found.left_out) == len(layers) + 1
    strongest = max((layer for layer in layers if layer != "project"), key=LAYERS.index, default="default")
    if found.winner.layer != "project":
        assert found.winner.layer == strongest


@given(settings())
def test_what_would_hold_without_the_winner_is_told(made: tuple[Key, dict[Layer, dict[str, Given]]]) -> None:
    key, layers = made
    found = resolve(key, default(key), layers)
    without = {layer: said for layer, said in layers.items() if layer != found.winner.layer}
    again = resolve(key, default(key), without)
    assert found.otherwise == (None if found.winner.layer == "default" else again.winner)


def test_without_the_users_word_a_projects_that_was_left_out_may_count() -> None:
    key = BY_NAME["runtime.mode"]
    layers: dict[Layer, dict[str, Given]] = {
        "user": {key.name: Given("plan", "config.yaml:1")},
        "project": {key.name: Given("review", ".pancode/config.yaml:1")},
    }
    found = resolve(key, default(key), layers)
    assert (found.value, [one.value for one in found.said]) == ("plan", ["plan", "build"])
    assert found.otherwise is not None
    assert (found.otherwise.layer, found.otherwise.value) == ("project", "review")


@given(settings())
def test_a_project_never_allows_more(made: tuple[Key, dict[Layer, dict[str, Given]]]) -> None:
    key, layers = made
    without: dict[Layer, dict[str, Given]] = {
        layer: said for layer, said in layers.items() if layer != "project"
    }
    before, after = (resolve(key, default(key), each).value for each in (without, layers))
    if key.others == "tighten":
        assert not key.loosens(before, after)
    if key.others == "no":
        assert before == after


def test_each_loosening_by_a_project_is_left_out_and_told() -> None:
    for name, text in LOOSER.items():
        key = BY_NAME[name]
        found = resolve(key, default(key), {"project": {name: Given(text, "/p/.pancode/config.yaml:2")}})
        assert found.winner.layer == "default"
        assert "only stricter" in found.left_out[0].why
        assert found.left_out[0].where == "/p/.pancode/config.yaml:2"


def test_every_key_has_a_name_a_variable_and_a_field_of_its_own() -> None:
    for names in ([key.name for key in KEYS], [key.variable for key in KEYS], [key.field for key in KEYS]):
        assert len(names) == len(set(names))
    assert {key.field for key in KEYS} == set(DEFAULTS)
    assert all(key.looser is not None for key in KEYS if key.others == "tighten")


@pytest.mark.parametrize("text", ["0" * 9 + "9" * 9, "0" * 9 + "9" * 5000, "1000001", "٥"])
def test_a_number_is_taken_only_up_to_the_most(text: str) -> None:
    with pytest.raises(ValueError, match="a whole number from 0 to 1000000"):
        BY_NAME["dispatch.freeMemory"].read(text)


def test_a_weight_is_a_number_that_can_be_weighed() -> None:
    with pytest.raises(ValueError, match="weights such as"):
        BY_NAME["models.scoring"].read("cost:" + "9" * 400)


@pytest.mark.parametrize("text", ["http://a b", "http://a\x1b[31m", "https://a/\n"])
def test_an_endpoint_has_neither_spaces_nor_escapes(text: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        BY_NAME["models.endpoint"].read(text)
