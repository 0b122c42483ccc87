"""The user's fragments: replaced by id, added, and every mistake with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.core.grants import Grant, Level, Mode
from pancode.domains.prompts.api import Occasion, Persona
from pancode.domains.prompts.fragment import VARIABLES
from pancode.domains.prompts.library import Library, shipped
from pancode.domains.prompts.reading import KEYS, LARGEST, Wrong, read_fragment
from pancode.domains.prompts.service import Compiler

OCCASION = Occasion(grant=Grant(Mode.BUILD, Level.AUTO_EDIT), runtime="codex", runs_on="Codex")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    folder.mkdir()
    return folder


def head(**keys: str) -> str:
    given = {"id": "mine", "version": "1", "category": "operational"} | keys
    lines = [f"{key.replace('_', '-')}: {text}" for key, text in given.items() if text]
    return "\n".join(["---", *lines, "---", ""])


def test_a_fragment_of_yours_is_added_and_counts_from_the_next_prompt_on(mine: Path) -> None:
    compiler = Compiler(str(mine.parent))
    before = compiler.compile_prompt(Persona(name="a"), OCCASION)
    (mine / "tests.md").write_text(head(roles="[worker]") + "\nRun `make check`.\n", encoding="utf-8")
    after = compiler.compile_prompt(Persona(name="a"), OCCASION)
    assert after.text.endswith("Run `make check`.")
    assert after.hash != before.hash
    assert after.used[-1].source == str(mine / "tests.md")
    assert "make check" not in compiler.compile_prompt(Persona(name="scout", role="scout"), OCCASION).text


def test_a_fragment_of_yours_takes_the_place_of_the_shipped_one(mine: Path) -> None:
    text = head(id="honesty", version="7", category="constitution") + "Say what you saw.\n"
    (mine / "honesty.md").write_text(text, encoding="utf-8")
    made = Compiler(str(mine.parent)).compile_prompt(Persona(name="a"), OCCASION)
    assert "Say what you saw." in made.text
    assert "No invented paths" not in made.text
    assert "honesty@7" in made.to_json()["fragments"]


def test_safety_can_be_put_into_other_words_but_taken_from_nobody(mine: Path) -> None:
    ours = {each.id: each for each in shipped()}
    path = mine / "s.md"
    path.write_text(
        head(id="safety-refused", version="2", category="safety", roles="[worker, scout]") + "No is no.\n",
        encoding="utf-8",
    )
    library = Library(str(mine.parent))
    assert library.wrong() == ()
    assert {each.id: each.text for each in library.fragments()}["safety-refused"] == "No is no."
    for change in ({"roles": "[scout]"}, {"category": "operational"}, {"runtimes": "[codex]"}):
        path.write_text(
            head(**{"id": "safety-refused", "category": "safety", "roles": "[worker, scout]", **change})
            + "No is no.\n",
            encoding="utf-8",
        )
        [wrong] = library.wrong()
        assert "part of every prompt" in wrong.problem
        assert {each.id: each.text for each in library.fragments()}["safety-refused"] == (
            ours["safety-refused"].text
        )


def test_what_would_leave_no_room_is_left_out(mine: Path) -> None:
    for place in range(3):
        text = head(id=f"more-{place}", category="safety", roles="[worker]") + "x" * LARGEST
        (mine / f"{place}.md").write_text(text, encoding="utf-8")
    library = Library(str(mine.parent))
    assert library.wrong()
    assert all("no room" in wrong.problem for wrong in library.wrong())
    made = Compiler(str(mine.parent)).compile_prompt(Persona(name="a", system_prompt="y" * 5000), OCCASION)
    assert made.text.endswith("y" * 5000)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("no head", 1, "there is no head"),
        ("---\nid: a\n", 1, "no end"),
        ("---\nid: a\nversion: 1\n---\nx\n", 1, 'no "category"'),
        (head(catgory="mode") + "x", 5, 'no key "catgory"'),
        (head(version="one") + "x", 3, '"version" can\'t be "one"'),
        (head(id="No Name") + "x", 2, '"id" can\'t be'),
        (head(category="saftey") + "x", 4, '"category" can\'t be'),
        (head(modes="[build, bild]") + "x", 5, '"modes" can\'t be'),
        (head(read_only="yes") + "x", 5, '"read-only" can\'t be'),
        (head(roles="[]") + "x", 5, '"roles" can\'t be'),
        (head() + "\n\n", 6, "there is no text"),
        (head() + "one\n${agnet} two", 7, "no variable ${agnet}"),
        (head(category="identity") + "${board}", 6, "must be in all of them"),
        (head() + "x" * (LARGEST + 1), 6, "at most"),
        ("---\nid a\nversion: 1\ncategory: mode\n---\nx", 2, "no colon"),
        ("---\nid: a\nid: b\nversion: 1\ncategory: mode\n---\nx", 3, "twice"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, words: str) -> None:
    wrong = read_fragment("f.md", text, "f.md")
    assert isinstance(wrong, list)
    assert [one.line for one in wrong if words in one.problem] == [line], list(map(str, wrong))


def test_a_near_miss_is_named() -> None:
    wrong = read_fragment("f.md", head(mods="build") + "${bord}", "f.md")
    assert isinstance(wrong, list)
    assert 'rename it to "modes"' in str(wrong[0])
    wrong = read_fragment("f.md", head() + "${bord}", "f.md")
    assert isinstance(wrong, list)
    assert "write ${board}" in str(wrong[0])


def test_all_mistakes_of_a_file_are_told_together() -> None:
    wrong = read_fragment("f.md", head(category="saftey", version="0") + "${agnet}\n${bord}", "f.md")
    assert isinstance(wrong, list)
    assert [one.line for one in wrong] == [3, 4, 6, 7]


def test_a_broken_file_takes_nothing_else_along(mine: Path) -> None:
    (mine / "bad.md").write_bytes(b"\xff\xfe")
    (mine / "twice-a.md").write_text(head() + "one", encoding="utf-8")
    (mine / "twice-b.md").write_text(head() + "two", encoding="utf-8")
    library = Library(str(mine.parent))
    assert [Path(wrong.file).name for wrong in library.wrong()] == ["bad.md", "twice-b.md"]
    assert isinstance(library.wrong()[0], Wrong)
    assert [each.text for each in library.fragments() if each.id == "mine"] == ["one"]


def test_the_page_has_every_key_and_every_variable() -> None:
    assert {"id", "version", "category", "read-only"} <= set(KEYS)
    assert "skills_dir" in VARIABLES
    assert all(each.text for each in shipped())


def test_a_link_to_nothing_costs_no_other_fragment(mine: Path) -> None:
    (mine / "tests.md").write_text(head(roles="[worker]") + "\nRun `make check`.\n", encoding="utf-8")
    (mine / ".#tests.md").symlink_to("ada@host.4711")  # as an editor locks a file
    compiler = Compiler(str(mine.parent))
    assert "make check" in compiler.compile_prompt(Persona(name="a"), OCCASION).text
    assert compiler.library.wrong() == ()


def test_a_version_of_thousands_of_digits_is_told_as_any_other_wrong_one(mine: Path) -> None:
    (mine / "long.md").write_text(head(version="9" * 5000) + "\nHi.\n", encoding="utf-8")
    (wrong,) = Library(str(mine.parent)).wrong()
    assert wrong.remedy == "write a whole number from 1 to 999999"
