"""Layout files: the shipped ones, the order of search, and every mistake with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.engine.shipped import layouts_dir
from pancode.engine.tmux.layout import find_layout, load_layout

GOOD = "windows:\n  - window_name: pan\n    panes: [console, fleet]\n"


def write(folder: Path, name: str, text: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", sorted(os.listdir(layouts_dir())))
def test_every_shipped_layout_loads_and_has_a_console_and_a_fleet(name: str) -> None:
    layout = load_layout(os.path.join(layouts_dir(), name), name)
    parts = [pane.part for window in layout.windows for pane in window.panes]
    assert layout.windows[0].name == "pan"
    assert "console" in parts
    assert "fleet" in parts


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "is empty"),
        ("windows: []\n", 1, "at least one"),
        ("- a\n", 1, "must be a mapping"),
        ("windws:\n  - x\n", 1, 'no key "windws"'),
        ("windows:\n  - window_name: pan\n    pains: [fleet]\n", 3, 'no key "pains"'),
        ("windows:\n  - window_name: pan\n    layout: tilled\n    panes: [fleet]\n", 3, '"tilled"'),
        ("windows:\n  - window_name: pan\n", 2, 'needs the key "panes"'),
        ("windows:\n  - window_name: main\n    panes: [fleet]\n", 2, 'must be called "pan"'),
        ("windows:\n  - window_name: a b\n    panes: [fleet]\n", 2, "not a window name"),
        (GOOD + "    workers: many\n", 4, "not a number of workers"),
        (GOOD + "    workers: 7\n", 4, "not a number of workers"),
        (GOOD + "    options:\n      main-pane-with: 3\n", 5, 'no key "main-pane-with"'),
        (GOOD + "    options:\n      main-pane-width: wide\n", 5, "not a size"),
        (GOOD + "    focus: maybe\n", 4, "neither true nor false"),
        (GOOD + "  - window_name: pan\n    panes: [fleet]\n", 4, 'two windows are called "pan"'),
        ("windows:\n  - window_name: pan\n    panes:\n      - {command: ls}\n", 4, 'no key "command"'),
        ("windows: [\n", 2, "is not YAML"),
        ("windows:\n  - window_name: pan\n    window_name: pan\n    panes: [fleet]\n", 3, "twice"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, "mine", text)

    with pytest.raises(PanError) as caught:
        load_layout(path, "mine")

    first = caught.value.problem.splitlines()[0]
    assert first.startswith(f"{path}:{line}: ")
    assert words in first
    assert caught.value.code is ExitCode.CONFIG


def test_all_mistakes_are_told_at_once_with_the_word_that_was_meant(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", "windows:\n  - window_name: pan\n    layot: x\n    pains: [fleet]\n")

    with pytest.raises(PanError) as caught:
        load_layout(path, "mine")

    assert len(caught.value.problem.splitlines()) == 2
    assert 'rename it to "layout"' in str(caught.value.remedy)
    assert 'rename it to "panes"' in str(caught.value.remedy)


def test_ones_own_layout_replaces_a_shipped_one_and_a_repository_cannot(tmp_path: Path) -> None:
    own, project = tmp_path / "own", tmp_path / "project"
    write(own, "solo", "session_name: mine\n" + GOOD)
    write(project, "default", "session_name: theirs\n" + GOOD)
    write(project, "extra", "session_name: theirs\n" + GOOD)

    def title(name: str) -> str:
        return find_layout(name, str(own), layouts_dir(), str(project)).title

    assert (title("solo"), title("default"), title("extra")) == ("mine", "pancode", "theirs")


def test_a_repository_cannot_run_commands_by_a_layout(tmp_path: Path) -> None:
    write(tmp_path, "extra", GOOD.replace("fleet", "make"))

    with pytest.raises(PanError, match="can't run commands"):
        find_layout("extra", "/none", layouts_dir(), str(tmp_path))


def test_an_unknown_layout_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(PanError) as caught:
        find_layout("wal", str(tmp_path), layouts_dir(), "/none")

    assert caught.value.problem == 'there is no layout "wal"; did you mean "wall"?'
    assert "default, review, solo, wall" in str(caught.value.remedy)
    assert caught.value.code is ExitCode.NOT_FOUND


def test_commands_and_sizes_are_read(tmp_path: Path) -> None:
    text = (
        "windows:\n  - window_name: pan\n    layout: main-vertical\n    options: {main-pane-width: 60%}\n"
        "    panes:\n      - shell_command: [ls, pwd]\n        start_directory: src\n        focus: true\n"
        "      -\n"
    )
    window = load_layout(write(tmp_path, "mine", text), "mine").windows[0]
    assert window.sizes == (("main-pane-width", "60%"),)
    assert (window.panes[0].commands, window.panes[0].start_directory) == (("ls", "pwd"), "src")
    assert window.panes[0].focus
    assert (window.panes[1].part, window.panes[1].commands) == (None, ())
