"""Every kind of mistake in a panagents.yaml is named with its line, and the other agents stay usable."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pancode.core.errors import ExitCode, PanError

if TYPE_CHECKING:
    from tests.agents_domain.conftest import World

Problems = Callable[[str], list[tuple[int | None, str]]]

ONE_LINE = [
    ("desription: x", 'there is no key "desription"'),
    ("tools: read", '"tools" of agent "bad" must be a list'),
    ("tools: [read, raed]", '"raed" is not a tool'),
    ("tools: []", "it is an empty list"),
    ("tools: [[read]]", "must be a text"),
    ("readonly: maybe", '"readonly" of agent "bad" must be true or false'),
    ('readonly: "true"', "must be true or false"),
    ("max_turns: 0", "must be a whole number above 0"),
    ("max_turns: many", "must be a whole number above 0"),
    ("max_turns: 2.5", "must be a whole number above 0"),
    ("token_budget: -5", "must be a whole number above 0"),
    ("timeout: .inf", "must be a number of seconds above 0"),
    ("timeout: 1:30", "must be a number of seconds above 0"),
    ("idle_timeout: soon", "must be a number of seconds above 0"),
    ("description: [a]", "must be a single value"),
    ("description: true", "must be a text"),
    ("model: ${HOME", "write ${NAME}"),
    ("model: --yolo", "begins with a dash"),
    ("speed: fats", '"speed" of agent "bad" can\'t be "fats"'),
    ("tier: huge", '"tier" of agent "bad" can\'t be "huge"'),
    ("autonomy: autonomous", "is not available yet"),
    ("isolation: worktree", "is not available yet"),
    ("prompt: terse", "is not available yet"),
    ("sampling: coding", "is not available yet"),
    ("runtime: sdk:mastre", 'there is no runtime "sdk:mastre" (in agent "bad")'),
    ("runtime: alhpa", 'there is no runtime "alhpa" (in agent "bad"); did you mean "alpha"?'),
    ("runtime_args: [--fast]", "are for one CLI, and its runtime is auto"),
    ("command: []", "it names no program"),
    ("command: [aider]", "the task would get lost"),
    ("endpoint: localhost:8080", "not an http:// or https:// URL"),
    ("endpoint: http://me:pw@host/v1", "not an http:// or https:// URL"),
    ("endpoint_key_env: sk-ant-123", "not the key itself"),
    ("env: [A=1]", "is not the name of a variable"),
    ("env: [TMUX]", "TMUX is never passed on"),
    ("env: [SSH_AUTH_SOCK]", "SSH_AUTH_SOCK is never passed on"),
    ("tags: [two words]", "is not a tag"),
    ("skills: [a, a]", "names a skill twice"),
    ("skills: [a, b, c, d, e, f, g, h, i]", "at most 8 fit"),
    ("<<: {readonly: true}", 'has "<<"'),
    ("[a]: b", "is not a word"),
]


@pytest.mark.parametrize(("line", "problem"), ONE_LINE)
def test_a_mistake_is_named_with_its_line_and_takes_only_its_agent_out(
    world: World, problems: Problems, line: str, problem: str
) -> None:
    found = problems(
        f"agents:\n  good:\n    readonly: true\n  bad:\n    retry_on_failure: true\n    {line}\n"
    )
    assert [place for place, _ in found] == [6]
    assert problem in found[0][1]
    names = [agent.name for agent in world.registry().all()]
    assert "good" in names
    assert "bad" not in names


TWO_LINES = [
    ("runtime: beta\n    tools: [read]", 'beta can\'t honour "tools" of agent "bad"'),
    ("runtime: beta\n    max_turns: 3", 'beta can\'t honour "max_turns"'),
    ("runtime: beta\n    token_budget: 3", 'beta can\'t honour "token_budget"'),
    ("runtime: cli:beta\n    speed: fast", 'beta can\'t honour "speed"'),
    ("runtime: shell\n    model: gpt", 'shell can\'t honour "model"'),
    ("runtime: shell\n    readonly: true", 'shell can\'t honour "readonly"'),
    ("runtime: shell\n    endpoint: http://h", 'shell can\'t honour "endpoint"'),
    ('command: [x, "{task}"]\n    model: gpt', 'a command can\'t honour "model"'),
    ('command: [x, "{task}"]\n    system_prompt: hi', 'a command can\'t honour "system_prompt"'),
    ('command: [x, "{task}"]\n    runtime_args: [a]', 'a command can\'t honour "runtime_args"'),
    ("concurrency: 1\n    command: [x, run]", "the task would get lost"),
    ('command: [x, "{task}"]\n    runtime: alpha', "has both a command and a runtime"),
    ("readonly: true\n    readonly: false", 'has the key "readonly" twice; first in line 6'),
]


@pytest.mark.parametrize(("lines", "problem"), TWO_LINES)
def test_a_field_that_the_runtime_cannot_honour_is_rejected_at_load(
    problems: Problems, lines: str, problem: str
) -> None:
    found = problems(f"agents:\n  bad:\n    description: x\n    tags: [a]\n    timeout: 5\n    {lines}\n")
    assert [place for place, _ in found] == [7]
    assert problem in found[0][1]


def test_every_runtime_lacking_something_is_a_mistake_of_an_auto_agent(
    world: World, problems: Problems
) -> None:
    (world.shipped / "alpha.py").unlink()
    found = problems("agents:\n  bad:\n    tools: [read]\n    max_turns: 3\n")
    assert found == [(4, 'no CLI can honour "max_turns" and "tools" together of agent "bad"')]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("- a\n", 1, "not a map with the key agents"),
        ("agents: [a]\n", 1, "agents is not a map"),
        ("\nagent:\n  a: {}\n", 2, 'there is no key "agent" here'),
        ("scout:\n  readonly: true\n", 1, 'there is no key "scout" here'),
        ("agents:\n  a: 5\n", 2, 'agent "a" is not a map'),
        ("agents:\n  a: {}\n  b: {}\n  a: {}\n", 4, 'has the key "a" twice; first in line 2'),
        ("agents:\n  two words: {}\n", 2, "is not a name for an agent"),
        ("agents:\n  a: {\n", 2, "YAML, column"),
        ("agents:\n  a: {}\n---\nb: 1\n", 3, "YAML"),
        ("agents:\n  a:\n\t  b: 1\n", 3, "YAML, column 1"),
        ("agents: {a: !!python/object:os.system {}}\n", None, ""),
        ("# fine\n\x07\n", 2, "the character U+0007 can't be in YAML"),
        ("[" * 3000, None, ""),
    ],
)
def test_a_file_of_another_shape_is_explained(
    world: World, problems: Problems, text: str, line: int | None, problem: str
) -> None:
    found = problems(text)
    if problem:
        assert [place for place, _ in found] == [line]
        assert problem in found[0][1]
    assert world.registry().get("alpha").name == "alpha"


def test_an_empty_file_means_only_the_built_in_agents(world: World, problems: Problems) -> None:
    for text in ("", "agents:\n", "# nothing\n"):
        assert problems(text) == []
        assert [agent.name for agent in world.registry().all()] == ["alpha", "beta", "shell"]


def test_broken_yaml_in_one_agent_leaves_the_others(world: World, problems: Problems) -> None:
    found = problems(
        "# mine\nagents:\n  one:\n    readonly: true\n  two:\n    tags: [a\n  three:\n    tags: [b]\n"
    )
    assert len(found) == 1
    assert found[0][0] is not None
    assert found[0][0] >= 6
    names = {agent.name for agent in world.registry().all()}
    assert {"one", "three"} <= names
    assert "two" not in names


def test_a_file_that_cannot_be_read_is_a_mistake_without_a_line(world: World) -> None:
    world.user_file.mkdir()
    (mistake,) = world.registry().mistakes()
    assert (mistake.line, mistake.problem) == (None, "this can't be read: is a directory")


def test_a_file_that_is_not_utf_8_is_a_mistake_with_its_line(world: World) -> None:
    world.user_file.write_bytes(b"agents:\n  a: {description: \xff}\n")
    (mistake,) = world.registry().mistakes()
    assert (mistake.line, mistake.problem) == (2, "this is not UTF-8 text")


def test_an_agent_with_a_mistake_does_not_fall_back_to_the_built_in_one(world: World) -> None:
    world.write("agents:\n  alpha:\n    readonly: yess\n")
    with pytest.raises(PanError) as caught:
        world.registry().get("alpha")
    assert caught.value.code is ExitCode.CONFIG
    assert f"{world.user_file}:3" in str(caught.value)


def test_a_user_entry_replaces_the_built_in_agent_of_its_name(world: World) -> None:
    world.write("agents:\n  alpha:\n    runtime: alpha\n    readonly: true\n")
    agent = world.registry().get("alpha")
    assert (agent.source, agent.readonly, agent.line) == ("user", True, 2)


def test_a_project_adds_agents_but_replaces_none(world: World) -> None:
    world.write("agents:\n  mine:\n    readonly: true\n")
    file = world.write_project("agents:\n  mine: {}\n  shell: {}\n  theirs:\n    tags: [x]\n")
    registry = world.registry()
    assert registry.get("mine").readonly
    assert registry.get("shell").source == "built-in"
    assert registry.get("theirs").source == "project"
    assert [(m.file, m.line) for m in registry.mistakes()] == [(str(file), 2), (str(file), 3)]


@pytest.mark.parametrize(
    "line",
    [
        'command: [sh, -c, "{task}"]',
        "runtime_args: [--yolo]",
        "env: [AWS_SECRET_ACCESS_KEY]",
        "endpoint: http://elsewhere",
        "endpoint_key_env: SOME_KEY",
        "model: ${ALPHA_API_KEY}",
    ],
)
def test_a_project_may_not_start_programs_send_keys_or_read_variables(world: World, line: str) -> None:
    world.write("agents:\n")
    file = world.write_project(f"agents:\n  theirs:\n    {line}\n")
    (mistake,) = world.registry().mistakes()
    assert (mistake.file, mistake.line) == (str(file), 3)
    assert "a project may not" in mistake.problem


def test_a_broken_adapter_of_the_users_is_reported_with_its_line_and_skipped(world: World) -> None:
    folder = world.home / "adapters"
    folder.mkdir()
    world.write("agents:\n")
    good = (world.shipped / "alpha.py").read_text(encoding="utf-8")
    (folder / "a.py").write_text("ID = (\n", encoding="utf-8")
    (folder / "b.py").write_text("\n\nraise RuntimeError('no')\n", encoding="utf-8")
    (folder / "c.py").write_text(good.replace("INSTALL =", "ELSE ="), encoding="utf-8")
    (folder / "d.py").write_text(good.replace('"alpha"', '"shell"', 1), encoding="utf-8")
    (folder / "e.py").write_text(good.replace("install-alpha", "mine"), encoding="utf-8")
    registry = world.registry()
    said = {(os.path.basename(m.file), m.line): m.problem for m in registry.mistakes()}
    assert set(said) == {("a.py", 1), ("b.py", 3), ("c.py", None), ("d.py", None)}
    assert said["b.py", 3] == "the adapter doesn't load: RuntimeError: no"
    assert "it needs INSTALL" in said["c.py", None]
    assert next(info.install for info in registry.runtimes() if info.id == "alpha") == "mine"


def test_an_unknown_agent_is_answered_with_the_nearest_and_the_list(world: World) -> None:
    world.write("agents:\n")
    with pytest.raises(PanError) as caught:
        world.registry().get("alhpa")
    assert caught.value.code is ExitCode.NOT_FOUND
    assert caught.value.problem == 'there is no agent "alhpa"; did you mean "alpha"?'
    assert "alpha beta shell" in str(caught.value.remedy)
