"""Skills are found where the programs keep them, checked, and never followed out of a project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pancode.domains.agents.skills.finding import MOST_BYTES, MOST_FILES
from pancode.domains.agents.skills.skill import LARGEST_TEXT, SHOWN, Skill, read_skill
from tests.skills.conftest import Shop


def read(text: str) -> Skill | list[object]:
    return read_skill("SKILL.md", "/skills/x", text, "user", single=False)  # type: ignore[return-value]


def test_skills_are_found_one_and_two_folders_deep_in_home_and_project(shop: Shop) -> None:
    for number, where in enumerate(
        (
            shop.home / ".pancode/skills/a",
            shop.home / ".claude/skills/group/b",
            shop.home / ".codex/c",
            shop.project / ".pancode/skills/d",
            shop.project / ".gemini/skills/e",
        )
    ):
        shop.skill(where, f"skill-{number}")
    single = shop.project / ".claude" / "tables.skill.md"
    single.parent.mkdir()
    single.write_text("---\nname: tables\ndescription: d\n---\nx\n", encoding="utf-8")
    shop.skill(shop.home / ".claude/skills/a/b/c", "too-deep")
    found = shop.shelf().find()
    assert sorted(found.found) == ["skill-0", "skill-1", "skill-2", "skill-3", "skill-4", "tables"]
    assert found.mistakes == []
    assert {name: skill.source for name, skill in found.found.items()}["skill-3"] == "project"
    assert shop.shelf().files(found.found["tables"])[0] == {"SKILL.md": single.read_text()}


def test_a_project_can_not_put_its_skill_in_the_place_of_yours(shop: Shop) -> None:
    shop.skill(shop.project / ".pancode/skills/tables", "tables", text="Theirs.\n")
    shop.skill(shop.home / ".gemini/tables", "tables", text="Yours.\n")
    found = shop.shelf().find()
    assert found.found["tables"].source == "user"
    assert "already" in found.mistakes[0].problem


def test_no_link_leads_out_of_a_project(shop: Shop) -> None:
    secret = shop.home / "secret.txt"
    secret.write_text("secret-of-the-operator")
    folder = shop.skill(shop.project / ".claude/skills/tables", "tables")
    (folder / "key.txt").symlink_to(secret)
    (folder / "more").symlink_to(shop.home)
    (shop.project / ".claude/skills/whole").symlink_to(shop.skill(shop.home / "elsewhere", "whole"))
    (shop.project / ".gemini").symlink_to(shop.home)
    other = shop.project / ".codex/linked"
    other.mkdir(parents=True)
    (other / "SKILL.md").symlink_to(secret)
    shelf = shop.shelf()
    found = shelf.find()
    assert sorted(found.found) == ["tables"]
    files, left = shelf.files(found.found["tables"])
    assert sorted(files) == ["SKILL.md"]
    assert [line.partition(":")[0] for line in left] == ["key.txt"]
    assert [Path(mistake.file).parent.name for mistake in found.mistakes] == ["linked"]


def test_a_skills_folder_in_your_home_may_be_a_link(shop: Shop) -> None:
    real = shop.skill(shop.home / "src/tables", "tables")
    (shop.home / ".claude/skills").mkdir(parents=True)
    (shop.home / ".claude/skills/tables").symlink_to(real)
    assert list(shop.shelf().known()) == ["tables"]


def test_what_is_no_text_or_too_much_is_left_out_and_named(shop: Shop) -> None:
    folder = shop.skill(shop.home / ".pancode/skills/big", "big")
    (folder / "picture.png").write_bytes(b"\x89PNG\xff")
    for number in range(MOST_FILES + 5):
        (folder / f"z{number:03}.txt").write_text("x")
    os.mkfifo(folder / "a-pipe")
    shelf = shop.shelf()
    files, left = shelf.files(shelf.known()["big"])
    assert len(files) == MOST_FILES
    assert next(iter(files)) == "SKILL.md"
    assert [line.partition(":")[0] for line in left] == ["a-pipe", "picture.png", "z099.txt"]
    (folder / "huge.txt").write_text("x" * (MOST_BYTES + 1))
    assert any(line.startswith("huge.txt: ") for line in shelf.files(shelf.known()["big"])[1])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("no head", 1, "there is no head"),
        ("---\nname: x\n", 1, "there is no head"),
        ("---\nname: x\n---\ntext\n", 1, 'no "description"'),
        ("---\nname: No Name\ndescription: d\n---\ntext\n", 2, "is not a name"),
        ("---\nname: x\ndescription: [d]\n---\ntext\n", 3, "must be a text"),
        (f"---\nname: x\ndescription: {'d' * 1025}\n---\ntext\n", 3, "1025 characters"),
        ("---\nname: x\ndescription: d\ntools: [read, hammer]\n---\ntext\n", 4, '"hammer" is not a tool'),
        ("---\nname: x\ndescription: d\ntools: [[a]]\n---\ntext\n", 4, '"a list or a mapping" is not a tool'),
        ("---\nname: x\ndescription: d\n---\n\n", 6, "no text below"),
        ("---\nname: x\n  bad: : yaml\n---\ntext\n", 3, "is not YAML"),
        ("---\n- a\n---\ntext\n", 1, "not a map"),
        ("---\nname: x\ndescription: d\n---\n" + "x" * LARGEST_TEXT, 1, "at most"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, words: str) -> None:
    wrong = read(text)
    assert isinstance(wrong, list)
    assert [one.line for one in wrong if words in one.problem] == [line], wrong  # type: ignore[attr-defined]


def test_tools_are_read_in_other_programs_words_and_unknown_keys_passed_over() -> None:
    head = "name: x\ndescription: >\n  two\n  lines\nlicense: MIT\nversion: 1.2\nrequiredTools: Bash, Glob\n"
    skill = read(f"---\n{head}---\nt")
    assert isinstance(skill, Skill)
    assert (skill.needs, skill.version, skill.line) == (("bash", "find"), "1.2", "two lines")
    long = read(f"---\nname: x\ndescription: {'d' * 300}\n---\nt")
    assert isinstance(long, Skill)
    assert len(long.line) == SHOWN
