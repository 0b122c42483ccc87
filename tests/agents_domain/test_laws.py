"""Whatever stands in a panagents.yaml, loading it gives agents and mistakes, and never an exception."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pancode.domains.agents.adapters import Adapter
from pancode.domains.agents.api import Agent
from pancode.domains.agents.choose import beyond, candidates
from pancode.domains.agents.entry import read
from pancode.domains.agents.schema import BY_KEY, FIELDS
from pancode.domains.agents.yamlfile import parse


def adapter(name: str, can: set[str]) -> Adapter:
    def launch(_request: object) -> object:
        raise AssertionError

    return Adapter(name, name, name, (), (), "", (), (), (), frozenset(can), f"/{name}.py", launch)  # type: ignore[arg-type] # never called


ADAPTERS = {
    "full": adapter("full", {field.needs for field in FIELDS if field.needs}),
    "bare": adapter("bare", set()),
}
scalars = st.one_of(
    st.sampled_from(
        ["true", "no", "5", "-1", "1e9", ".nan", "0x10", "~", "[a, b]", "{a: b}", "'x'", "2020-01-01"]
    ),
    st.sampled_from(
        ["full", "bare", "auto", "shell", "pi", "sdk:x", "fast", "frontier", "${A}", "*x", "&x y", "!t z"]
    ),
    st.text(max_size=12),
)
lines = st.tuples(st.integers(0, 6), st.sampled_from([*BY_KEY, "agents", "x", "<<"]), scalars).map(
    lambda parts: f"{' ' * parts[0]}{parts[1]}: {parts[2]}"
)
files = st.one_of(
    st.text(max_size=200),
    st.lists(lines, max_size=12).map("\n".join),
    st.lists(lines, max_size=12).map(
        lambda each: "agents:\n  a:\n" + "\n".join("    " + x.strip() for x in each)
    ),
    st.lists(st.tuples(st.sampled_from(sorted(BY_KEY)), scalars), max_size=4).map(
        lambda each: "agents:\n  a:\n" + "".join(f"    {key}: {text}\n" for key, text in each)
    ),
)


@settings(max_examples=400)
@given(files, st.sampled_from(["user", "project"]))
def test_loading_never_raises_and_each_mistake_has_its_place(text: str, source: str) -> None:
    parsed = parse("f.yaml", text)
    count = (
        text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029")
    )
    for entry in parsed.entries:
        found = read("f.yaml", entry, source, ADAPTERS)  # type: ignore[arg-type] # sampled from its two values
        if isinstance(found, Agent):
            assert found.runtime in (*ADAPTERS, "auto", "shell", "command")
            assert candidates(found, ADAPTERS)
            for name in candidates(found, ADAPTERS):
                assert beyond(found, name, ADAPTERS) == []
        else:
            assert found
            parsed.mistakes += found
    for mistake in parsed.mistakes:
        assert mistake.problem
        assert mistake.line is None or 1 <= mistake.line <= count + 2
