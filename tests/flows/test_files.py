"""Flow files: what is read, and how each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.domains.dispatch.flow.definition import Flow, Foreach
from pancode.domains.dispatch.flow.holding import hold
from pancode.domains.dispatch.flow.reader import read_flow
from pancode.domains.dispatch.flow.schema import terms_of
from pancode.domains.dispatch.flow.tasks import from_text
from pancode.domains.dispatch.flow.trees import Tree
from pancode.engine.places import Places

GOOD = """\
task: Add a changelog
agent: dev
model: m1
nodes:
  plan:
    agent: planner
    task: "Plan $ORIGINAL"
  build:
    needs: plan
    foreach: {json: plan}
    task: "Do ${item.what}"
    isolate: true
    verify: make test
    retry: 2
    timeout: 60
  docs:
    needs: [plan]
    when: plan.status == "done"
    foreach: [1, two, true]
    task: $ITEM
    files: "docs/*"
  done:
    merge: build
"""


def read(tmp_path: Path, text: str) -> Flow:
    path = tmp_path / "made.yaml"
    path.write_text(text)
    return read_flow(str(path))


def test_a_whole_file(tmp_path: Path) -> None:
    flow = read(tmp_path, GOOD)
    assert (flow.kind, flow.name, flow.original, flow.caches) == ("flow", "made", "Add a changelog", True)
    plan, build, docs, done = flow.nodes
    assert (plan.agent, plan.model, build.agent, build.model) == ("planner", None, "dev", "m1")
    assert (build.needs, build.foreach, build.isolate) == (
        ("plan",),
        Foreach(node="plan", reading="json"),
        True,
    )
    assert (build.verify, build.retry, build.terms) == ("make test", 2, {"timeout": 60.0})
    assert docs.foreach == Foreach(items=("1", "two", "true"))
    assert docs.files == ("docs/*",)
    assert (done.merge, done.needs, done.agent, done.task) == (("build",), ("build",), None, "")


@pytest.mark.parametrize(
    ("text", "line", "problem", "remedy"),
    [
        ("nodes:\n  a:\n    task: x\n    agnt: dev\n", 4, 'no key "agnt" in node "a"', 'to "agent"'),
        ("nods:\n  a: {task: x}\n", 1, 'there is no key "nods" in the flow', 'rename it to "nodes"'),
        ("name: x\n", 1, 'the flow lacks the key "nodes"', "add `nodes:`"),
        ("nodes:\n  a:\n    agent: dev\n", 2, "a node has either a task or a merge", ""),
        ("nodes:\n  a:\n    merge: b\n    agent: dev\n", 2, "a merge has no agent", ""),
        ("nodes:\n  a:\n    task: x\n    retry: many\n", 4, '"retry" of node "a"', ""),
        ("nodes:\n  a:\n    task: x\n    retry: 99\n", 4, "it must be at most 10", ""),
        ("nodes:\n  a: {task: x}\n  b: {task: '${a.reslt}', needs: a}\n", 3, '"${a.reslt}"', '"${a.result}"'),
        ("nodes:\n  a b:\n    task: x\n", 2, '"a b" is no name of a node', ""),
        ("nodes:\n  a: {task: x}\n  b:\n    task: y\n    needs: [aa]\n", 5, 'node "b" needs "aa"', 'to "a"'),
        ("nodes:\n  a:\n    task: x\n    needs: b\n  b: {task: y, needs: a}\n", 4, "in a circle", "take one"),
        ("nodes:\n  a: {task: x}\n  b:\n    task: ${a.result}\n", 4, 'at "a", which it doesn\'t need', "[a]"),
        ("nodes:\n  a:\n    task: x\n    when: b.statu == 1\n", 4, 'a node has no "statu"', ""),
        ("nodes:\n  a:\n    task: $ITEM\n", 3, "names $ITEM but has no foreach", "foreach"),
        ("nodes:\n  item: {task: x}\n  b: {task: '${item.result}', needs: item}\n", 3, "may be the item", ""),
        ("nodes:\n  a:\n    task: x\n    foreach: {line: b}\n", 4, 'no key "line"', 'rename it to "lines"'),
        ("nodes:\n  a:\n    task: x\n    task: y\n", 4, 'the key "task" is there twice', "remove"),
        ("nodes: [a]\n", 1, '"nodes" of the flow', ""),
        ("nodes:\n  a: [\n", 3, "is not YAML", ""),
        ("- a\n", 1, "the flow: it must hold keys and values", ""),
        ("", 1, "the file is empty", "nodes"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_was_meant(
    tmp_path: Path, text: str, line: int, problem: str, remedy: str
) -> None:
    with pytest.raises(PanError) as error:
        read(tmp_path, text)
    assert error.value.code is ExitCode.CONFIG
    assert f"made.yaml:{line}: " in error.value.problem
    assert problem in error.value.problem
    assert remedy in (error.value.remedy or "")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PanError) as error:
        read(tmp_path, "nodes:\n  a:\n    tsk: x\n  b:\n    task: y\n    nedes: a\n")
    assert [row.split(":")[1] for row in error.value.problem.splitlines()] == ["3", "6"]


def test_a_tree_is_told_by_the_files_that_count() -> None:
    tree = Tree("/p", "c0ffee", {"src/a.py": "1", "docs/b.md": "2", "flow.yaml": "3"})
    other = Tree("/p", "decaf", {**tree.entries, "docs/b.md": "9"})
    assert tree.digest(["src/*"]) == other.digest(["src/*"])
    assert tree.digest(["docs/*", "src/*"]) != other.digest(["docs/*", "src/*"])
    assert tree.digest() != Tree("/p", "decaf", tree.entries).digest()
    edited = Tree("/p", "c0ffee", {**tree.entries, "flow.yaml": "4"})
    assert tree.digest(but="/p/flow.yaml") == edited.digest(but="/p/flow.yaml")
    assert tree.digest() != edited.digest()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PanError) as error:
        read_flow(str(tmp_path / "none.yaml"))
    assert error.value.code is ExitCode.NOT_FOUND


def test_a_file_of_the_project_names_no_model_beyond_ones_own(tmp_path: Path) -> None:
    project, home = tmp_path / "shop", tmp_path / "home"
    teams = home / "teams"
    for folder in (project, teams):
        folder.mkdir(parents=True)
    places = Places(str(project), "main", str(home), str(tmp_path / "run"))

    def too_far(model: str) -> str | None:
        return f"{model} is too far" if model == "openai/m1" else None

    text = GOOD.replace("model: m1", "model: openai/m1")
    for file in (project / "f.yaml", teams / "f.yaml", tmp_path / "f.yaml"):
        file.write_text(text)
    models = [node.model for node in read_flow(str(project / "f.yaml")).nodes]
    with pytest.raises(PanError, match=r"f\.yaml:3: openai/m1 is too far") as caught:
        hold(str(project / "f.yaml"), models, places, too_far)
    assert caught.value.code is ExitCode.REFUSED
    hold(str(project / "f.yaml"), ["m1", None], places, too_far)
    for own in (teams, tmp_path):
        hold(str(own / "f.yaml"), models, places, too_far)


def test_what_a_node_or_a_task_wants_goes_to_its_runs_as_their_needs(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("nodes:\n  a: {task: x, wants: tools, max_cost: 0.5}\n  b: {task: y, needs: a}\n")
    flow = read_flow(str(file))
    assert [node.terms for node in flow.nodes] == [{"needs": ["tools"], "max_cost": 0.5}, {}]
    (task,) = from_text('{"task": "x", "wants": ["tools", "mid"]}\n', "tasks.jsonl")
    assert terms_of(task) == {"needs": ["tools", "mid"]}
