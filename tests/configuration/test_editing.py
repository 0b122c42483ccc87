"""Changing one setting in a file: comments, order and every other key stay, or the file stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pancode.core.errors import ExitCode, PanError
from pancode.domains.panconfigure import changing
from pancode.domains.panconfigure.editing import with_value, without
from pancode.domains.panconfigure.schema import BY_NAME
from pancode.domains.panconfigure.sources import read_settings
from tests.configuration.conftest import Desk

WORKER = BY_NAME["models.worker"]
FILE = """\
# mine
models:   # all of them
  worker: a/b   # cheap
  scout: "s"

runtime: {safety: auto-edit, theme: dark}   # in one line
# the end
"""


@pytest.mark.parametrize(
    ("text", "key", "value", "made"),
    [
        ("", "models.worker", "x", "models:\n  worker: x\n"),
        ("# only this", "models.worker", "x", "# only this\nmodels:\n  worker: x\n"),
        (FILE, "models.worker", "x", FILE.replace("a/b", "x")),
        (FILE, "models.scout", "x: y", FILE.replace('"s"', '"x: y"')),
        (
            FILE,
            "models.orchestrator",
            "x",
            FILE.replace('scout: "s"\n', 'scout: "s"\n  orchestrator: x\n'),
        ),
        (FILE, "runtime.theme", "light", FILE.replace("theme: dark", "theme: light")),
        (FILE, "runtime.reasoning", "low", FILE.replace("theme: dark", "theme: dark, reasoning: low")),
        (FILE, "dispatch.maxDepth", "1", FILE + "dispatch:\n  maxDepth: 1\n"),
        ("models:\nruntime:\n  a: b", "models.worker", "x", "models:\n  worker: x\nruntime:\n  a: b"),
        ("models: {}\n", "models.worker", "x", "models: {worker: x}\n"),
        ("models.worker: a # b\n", "models.worker", "x", "models.worker: x # b\n"),
        ("models:\r\n  worker: a\r\n", "models.worker", "x", "models:\r\n  worker: x\r\n"),
        ("models:\n  worker:\n", "models.worker", "x", "models:\n  worker: x\n"),
        ("models:\n    worker: a", "models.scout", "x", "models:\n    worker: a\n    scout: x\n"),
        ("models:\n  worker: |-\n    a\n  s: b\n", "models.worker", "x", "models:\n  worker: x\n  s: b\n"),
    ],
)  # fmt: skip
def test_a_value_is_set_and_all_else_stays(text: str, key: str, value: str, made: str) -> None:
    assert with_value("f", text, key, value) == made


@pytest.mark.parametrize(
    ("text", "key", "made"),
    [
        (FILE, "models.worker", FILE.replace("  worker: a/b   # cheap\n", "")),
        (FILE, "runtime.safety", FILE.replace("safety: auto-edit, ", "")),
        (FILE, "runtime.theme", FILE.replace(", theme: dark", "")),
        ("models:\n  worker: a\nruntime: {theme: dark}\n", "models.worker", "runtime: {theme: dark}\n"),
        ("models:\n  worker: a\nruntime: {theme: dark}\n", "runtime.theme", "models:\n  worker: a\n"),
        ("models.worker: a\n", "models.worker", ""),
        ("models:\n  # why\n  worker: a\n", "models.worker", "models:\n  # why\n"),
        (FILE, "budget.ceiling", FILE),
    ],
)
def test_a_value_is_taken_out_and_all_else_stays(text: str, key: str, made: str) -> None:
    assert without("f", text, key) == made


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("models: [", "models.worker"),
        ("- a\n", "models.worker"),
        ("models:\n  worker: &x a\n  scout: *x\n", "models.worker"),
        ("models: a\n", "models.worker"),
        ("--- \nmodels:\n  worker: a\n...\n", "runtime.theme"),
    ],
)
def test_what_only_a_person_can_change_is_left_as_it_is(text: str, key: str) -> None:
    with pytest.raises(PanError) as caught:
        with_value("f", text, key, "x")
    assert caught.value.code is ExitCode.CONFIG


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(BY_NAME)), st.text(min_size=1, max_size=20).filter(str.isprintable)),
        max_size=8,
    )
)
def test_every_text_can_be_written_and_is_read_again(changes: list[tuple[str, str]]) -> None:
    text, wanted = "# kept\n", dict[str, str]()
    for key, value in changes:
        text = with_value("f", text, key, value)
        wanted[key] = value
    for key in [*wanted]:
        text = without("f", text, key)
    assert text == "# kept\n"


def test_the_file_is_replaced_through_a_link_and_the_change_is_written_down(desk: Desk) -> None:
    real = desk.project / "mine.yaml"
    real.write_text(FILE)
    os.symlink(real, desk.home / "config.yaml")
    made = changing.change(str(desk.home), WORKER, "x", "operator")
    assert (made.before, made.after) == ("a/b", "x")
    assert (desk.home / "config.yaml").is_symlink()
    assert real.read_text() == FILE.replace("a/b", "x")


def test_undo_goes_back_step_by_step(desk: Desk) -> None:
    home = str(desk.home)
    for value in ("a", "b", None, "c"):
        changing.change(home, WORKER, value, "operator")
    seen = [changing.undo(home, "operator").after for _ in range(4)]
    assert seen == [None, "b", "a", None]
    with pytest.raises(PanError, match="no change to undo"):
        changing.undo(home, "operator")
    assert (desk.home / "config.yaml").read_text() == ""


def test_a_change_by_hand_since_is_not_undone(desk: Desk) -> None:
    changing.change(str(desk.home), WORKER, "a", "operator")
    desk.user("models:\n  worker: mine\n")
    with pytest.raises(PanError, match="changed by hand"):
        changing.undo(str(desk.home), "operator")
    assert "mine" in (desk.home / "config.yaml").read_text()


def test_a_change_that_a_crash_kept_from_the_file_is_passed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = str(desk.home)
    changing.change(home, WORKER, "a", "operator")
    with monkeypatch.context() as patch:
        patch.setattr("pancode.engine.files.os.replace", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            changing.change(home, WORKER, "b", "operator")
    assert read_settings(str(desk.home / "config.yaml")).given["models.worker"].text == "a"
    assert changing.undo(home, "operator").after is None


def _cut_off(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("content", [b"models: [", b"\xff\xfe", b"a: \x00", None])
def test_a_file_that_cannot_be_read_is_never_overwritten(desk: Desk, content: bytes | None) -> None:
    path: Path = desk.home / "config.yaml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(PanError):
        changing.change(str(desk.home), WORKER, "x", "operator")
    assert path.is_dir() if content is None else path.read_bytes() == content


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("models.wroker", "x", 'did you mean "models.worker"'),
        ("them", "light", 'did you mean "runtime.theme"'),
        ("maxDepth", "x", "a whole number from 0"),
        ("depth", "x", 'there is no key "depth"'),
        ("runtime.safety", "full", "one of suggest, auto-edit, full-auto"),
        ("place.home", "/x", "no file can set it"),
        ("budget.ceiling", "much", "a limit such as 10usd"),
    ],
)
def test_a_wrong_key_or_value_is_a_sentence(desk: Desk, key: str, value: str, words: str) -> None:
    with pytest.raises(PanError, match=words):
        changing.change(str(desk.home), changing.key_of(key), value, "operator")
    assert not (desk.home / "config.yaml").exists()


def test_a_remark_within_braces_is_not_taken_out_with_the_only_setting() -> None:
    with pytest.raises(PanError, match="left as it is"):
        without("f", "models: { # why\n  worker: a }\n", "models.worker")


def test_a_record_of_changes_that_makes_no_sense_is_passed_over(desk: Desk) -> None:
    changing.change(str(desk.home), WORKER, "a", "operator")
    odd = '{"seq": 9, "key": "models.worker", "before": 7, "after": "a", "undoes": [1]}\n'
    with (desk.home / changing.JOURNAL).open("a", encoding="utf-8") as file:
        file.write(odd)
    assert changing.undo(str(desk.home), "operator").after is None
