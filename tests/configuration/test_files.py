"""config.yaml and panpresets.yaml: what they say, and each mistake with its line and the nearest key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure.inforce import InForce
from pancode.domains.panconfigure.schema import KEYS
from pancode.domains.panconfigure.sources import SEED, read_presets, read_settings
from pancode.engine.places import Places
from tests.configuration.conftest import Desk

NOTHING: dict[str, str] = {}


def test_groups_and_whole_keys_are_understood_and_a_variable_is_stronger(desk: Desk) -> None:
    desk.user("models:\n  worker: a/b   # mine\ndispatch.workerTimeout: 5m\nruntime:\n")
    found = desk.in_force().read(NOTHING)
    assert (found.worker_model, found.worker_timeout_s) == ("a/b", 300.0)
    assert desk.in_force().read({"PANCODE_WORKER_MODEL": "c"}).worker_model == "c"
    where = desk.in_force().resolved(NOTHING)["models.worker"].winner
    assert (where.layer, where.where) == ("user", f"{desk.home}/config.yaml:2")
    assert desk.in_force().filled({"X": "1"})["PANCODE_WORKER_MODEL"] == "a/b"


@pytest.mark.parametrize(
    ("text", "line", "words", "remedy"),
    [
        ("models:\n  wroker: a\n", 2, 'no key "wroker" in models', 'rename it to "worker"'),
        ("modles:\n  worker: a\n", 1, 'no key "modles"', 'rename it to "models"'),
        ("models.worekr: a\n", 1, 'no key "models.worekr"', 'rename it to "models.worker"'),
        ("runtime:\n  safety: full\n", 2, 'safety is "full"', "full-auto"),
        ("models: a\n", 1, "models must be a mapping", "worker"),
        ("models:\n  worker: [a]\n", 2, "must be a text", ""),
        ("models:\n  worker: a\nmodels.worker: b\n", 3, '"models.worker" is there twice', "remove"),
        ("- a\n", 1, "not a mapping", "runtime"),
        ("models:\n\tworker: a\n", 2, "is not YAML", ""),
        ("place:\n  home: /x\n", 1, 'no key "place"', ""),
    ],
)
def test_a_mistake_has_its_line_and_the_nearest_key(
    desk: Desk, text: str, line: int, words: str, remedy: str
) -> None:
    path = desk.user(text)
    with pytest.raises(PanError) as caught:
        desk.in_force().read(NOTHING)
    assert caught.value.code is ExitCode.CONFIG
    assert caught.value.problem.startswith(f"{path}:{line}: ")
    assert words in caught.value.problem
    assert remedy in (caught.value.remedy or "")


def test_a_project_may_tighten_and_nothing_else(desk: Desk) -> None:
    desk.theirs(
        "runtime:\n  safety: suggest\n  reasoning: low\nmodels:\n  endpoint: http://evil.example\n"
        "dispatch:\n  maxDepth: 9\n"
    )
    configuration = desk.in_force()
    found = configuration.read(NOTHING)
    assert (found.safety, found.reasoning, found.endpoint, found.max_depth) == ("suggest", "low", None, 2)
    left_out = [one for each in configuration.resolved(NOTHING).values() for one in each.left_out]
    assert {one.key for one in left_out} == {"models.endpoint", "dispatch.maxDepth"}


def test_a_file_that_breaks_while_a_session_is_up_counts_as_it_was(desk: Desk) -> None:
    path = desk.user("models:\n  worker: a\n")
    configuration = desk.in_force()
    assert configuration.current().worker_model == "a"
    path.write_text("models: [")
    assert configuration.current().worker_model == "a"
    with pytest.raises(PanError, match=r"config\.yaml:2: is not YAML"):
        configuration.read(NOTHING)
    path.unlink()
    assert configuration.current().worker_model is None


def test_a_preset_is_stronger_than_the_files_and_weaker_than_a_variable(desk: Desk) -> None:
    desk.user("models:\n  worker: a\n  scout: s\npreset:\n  active: mine\n")
    desk.presets(
        "mine:\n  description: x\n  workerModel: b\n  agents: [builder, dev]\n  budget: 2.50\n"
        "  layout: wall\n"
    )
    found = desk.in_force().read(NOTHING)
    assert (found.worker_model, found.scout_model) == ("b", "s")
    assert (found.default_agent, found.budget_ceiling, found.layout) == ("builder, dev", "2.50usd", "wall")
    assert desk.in_force().read({"PANCODE_WORKER_MODEL": "c"}).worker_model == "c"
    assert desk.in_force().read({"PANCODE_PRESET": "off"}).worker_model == "a"


def test_every_shipped_preset_is_whole_and_the_users_own_replace_them(desk: Desk) -> None:
    shipped = read_presets(SEED)
    assert not shipped.mistakes
    assert {"local", "openai", "anthropic", "google", "hybrid", "demo"} <= set(shipped.presets)
    desk.presets("local:\n  reasoning: low\n")
    found = desk.in_force().presets().presets
    assert [*found["local"].given] == ["runtime.reasoning"]
    assert "openai" in found


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: b\n", 1, "must be a mapping"),
        ("a:\n  safety: yolo\n", 2, 'safety is "yolo"'),
        ("a:\n  model: [x]\n", 2, "must be a text"),
        ("a:\n  workermodel: x\n", 2, 'there is no key "workermodel"'),
        ("off:\n  safety: suggest\na:\n  modle: x\n", 4, 'there is no key "modle"'),
        ("a:\n  agents: []\n", 2, "at least one"),
    ],
)
def test_a_mistake_in_a_preset_has_its_line(desk: Desk, text: str, line: int, words: str) -> None:
    desk.presets(text)
    with pytest.raises(PanError) as caught:
        desk.in_force().beginning(NOTHING, "a")
    assert f"panpresets.yaml:{line}: " in caught.value.problem
    assert words in caught.value.problem
    assert caught.value.code is ExitCode.CONFIG


def test_a_mistake_in_another_preset_stops_nobody(desk: Desk) -> None:
    desk.presets("a:\n  safety: suggest\nb:\n  safty: x\n")
    assert desk.in_force().beginning(NOTHING, "a").safety == "suggest"


def test_a_preset_that_is_not_there_is_told_with_the_nearest(desk: Desk) -> None:
    with pytest.raises(PanError, match='did you mean "local"') as caught:
        desk.in_force().beginning(NOTHING, "lokal")
    assert caught.value.code is ExitCode.NOT_FOUND


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_content_is_more_than_a_mistake(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    for found in (read_settings(str(path)), read_presets(str(path))):
        assert all(one.line >= 1 for one in found.mistakes)


def test_the_documentation_has_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert all(f"| `{key.name}` | `{key.variable}` |" in page for key in KEYS)


def test_whatever_changes_on_the_disk_is_obeyed_the_next_time_that_somebody_asks(desk: Desk) -> None:
    asked, configuration = {"PANCODE_PRESET": "mine"}, desk.in_force()
    desk.presets("mine:\n  workerModel: a/b\n")

    def found() -> list[object]:
        by_preset, by_nobody = configuration.read(asked), configuration.read(NOTHING)
        return [by_preset.worker_model, by_nobody.worker_model, by_nobody.reasoning, by_nobody.safety]

    assert found() == found() == ["a/b", None, "medium", "auto-edit"]
    desk.presets("mine:\n  workerModel: longer/name\n")
    assert found()[0] == "longer/name"
    desk.user("models: {worker: mine/own}\n")
    assert found()[1] == "mine/own"
    assert configuration.filled(NOTHING)["PANCODE_WORKER_MODEL"] == "mine/own"
    desk.theirs("runtime: {reasoning: low}\n")
    assert found()[2] == "low"
    Path(desk.places.preset_file).parent.mkdir(parents=True)
    Path(desk.places.preset_file).write_text('{"preset": "openai-max"}')
    assert found()[3] == "full-auto"


def test_a_model_that_a_project_chooses_is_held_to_the_providers_of_this_moment(desk: Desk) -> None:
    desk.theirs(THEIRS.format("openai/gpt-5"))
    configuration = desk.in_force()
    assert configuration.read(NOTHING).worker_model is None
    (desk.home / "panproviders.yaml").write_text("providers:\n  openai: {key_env: WORK}\n")
    assert configuration.read(NOTHING).worker_model == "openai/gpt-5"


def test_a_home_behind_a_link_is_no_project_of_its_own(desk: Desk) -> None:
    desk.theirs("runtime: {layout: wall}\n")
    (desk.home / "pancode").symlink_to(desk.project / ".pancode")
    places = Places(str(desk.project), "main", str(desk.home / "pancode"), str(desk.home / "run"))
    in_force = InForce(places, {})
    assert in_force.read({}).layout == "wall"
    assert in_force.left_out({}) == []


def test_a_preset_that_is_not_there_is_told_with_what_names_it(desk: Desk) -> None:
    with pytest.raises(PanError) as caught:
        desk.in_force().resolved({"PANCODE_PRESET": "nope"})
    assert caught.value.code is ExitCode.NOT_FOUND
    assert caught.value.problem.endswith("(PANCODE_PRESET names it)")


THEIRS = "models:\n  worker: {}\n"


@pytest.mark.parametrize(
    ("own", "providers", "model", "reached"),
    [
        ("", "", "openai/gpt-5", False),
        ("", "", "gpt-5", False),
        ("", "", "xai/grok", False),
        ("", "", "sonnet", True),  # An agent CLI's own word.
        ("", "", "ollama/qwen3:30b", True),
        ("", "openai: {enabled: false}", "openai/gpt-5", False),
        ("", "openai: {key_env: WORK}", "openai/gpt-5", True),
        ("", "openai: {key_env: WORK}", "gpt-5", True),
        ("", "groq: {models: [q/a]}\n  openrouter: {enabled: false}", "q/a", True),
        ("models: {endpoint: http://10.0.0.7}\n", "", "gpt-5", True),
        ("models: {endpoint: http://10.0.0.7}\n", "", "q/a", True),
        ("models: {endpoint: http://10.0.0.7}\n", "", "openai/gpt-5", False),
        ("models: {scout: openai/gpt-5-mini}\n", "", "openai/gpt-5", True),
        ("models: {scout: gpt-5-mini}\n", "", "openai/gpt-5", True),
        ("models: {scout: openai/gpt-5-mini}\n", "", "anthropic/opus", False),
        ("models: {machines: tower=10.0.0.7}\n", "", "tower-ollama/q", True),
    ],
)
def test_a_project_chooses_only_among_the_models_that_ones_own_settings_reach(
    desk: Desk, own: str, providers: str, model: str, *, reached: bool
) -> None:
    desk.user(own)
    (desk.home / "panproviders.yaml").write_text(f"providers:\n  {providers}\n")
    path = desk.theirs(THEIRS.format(model))
    found = desk.in_force().resolved({"OPENAI_API_KEY": "k"})["models.worker"]
    assert found.value == (model if reached else None)
    assert [(one.where, model in one.why) for one in found.left_out] == (
        [] if reached else [(f"{path}:2", True)]
    )
    assert ("PANCODE_WORKER_MODEL" in desk.in_force().filled({})) is reached
    assert (desk.in_force().too_far(model, {}) is None) is reached


def test_a_variable_and_a_preset_of_ones_own_reach_further_and_a_projects_presets_are_not_read(
    desk: Desk,
) -> None:
    desk.theirs(THEIRS.format("openai/gpt-5"))
    (desk.project / ".pancode" / "panpresets.yaml").write_text("evil:\n  endpoint: http://evil.example\n")
    assert desk.in_force().read({"PANCODE_SCOUT_MODEL": "openai/x"}).worker_model == "openai/gpt-5"
    desk.presets("mine:\n  model: openai/x\n")
    assert desk.in_force().beginning(NOTHING, "mine").preset == "mine"
    assert desk.in_force().read({"PANCODE_PRESET": "mine"}).worker_model == "openai/gpt-5"
    assert desk.in_force().read(NOTHING).worker_model is None
    assert "evil" not in desk.in_force().presets().presets
