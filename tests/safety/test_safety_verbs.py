"""`pancode safety classify|explain` and `pancode audit`: real processes, no session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pancode.core.actions import ActionClass
from pancode.domains.safety.audit import Audit, Decided, Word
from pancode.domains.safety.classify import Classifier
from pancode.domains.safety.explain import place_at

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Here:
    """A home, a project in it, and `pancode` as it would be typed there."""

    home: Path
    project: Path

    def pancode(self, *words: str, given: str = "", **more: str) -> Done:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PANCODE_")}
        return subprocess.run(
            [sys.executable, "-m", "pancode", *words],
            input=given,
            capture_output=True,
            text=True,
            cwd=self.project,
            env=env | {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home)} | more,
            timeout=60,
            check=False,
        )

    def rules(self, text: str) -> str:
        path = self.home / ".pancode" / "pansafety.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    project = tmp_path / "home" / "project"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return Here(tmp_path / "home", project)


def lines(*commands: str) -> str:
    return "".join(json.dumps({"command": command}) + "\n" for command in commands)


def answers(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_classify_answers_each_line_with_one(here: Here) -> None:
    done = here.pancode(
        "safety", "classify", "--jsonl", given=lines("ls", "git push -f", "\ud800", "") + "\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = answers(done)
    assert [one["command"] for one in found] == ["ls", "git push -f", "\ud800", ""]
    for one in found:
        assert set(one) == {"command", "class", "destructive", "decisions", "why"}
        assert list(one["decisions"]) == ["suggest", "auto-edit", "full-auto"]
    assert (found[0]["class"], found[0]["destructive"]) == ("file_read", False)
    assert found[1]["class"] == "git_destructive"
    assert found[1]["destructive"] is True
    assert found[1]["decisions"] == {"suggest": "block", "auto-edit": "block", "full-auto": "ask"}


def test_a_bad_line_is_answered_in_its_place_and_told_at_the_end(here: Here) -> None:
    given = lines("ls") + '{"command": 5}\n[]\nls\n{"comand": "ls"}\n' + "[" * 100_000 + "\n" + lines("ls")
    done = here.pancode("safety", "classify", "--jsonl", given=given)
    assert done.returncode == 2
    found = answers(done)
    assert ["error" in one for one in found] == [False, True, True, True, True, True, False]


def test_classify_reads_a_file_of_plain_commands(here: Here) -> None:
    (here.project / "list").write_text("ls\nsudo reboot\n")
    done = here.pancode("safety", "classify", "list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["file_read", "system_modify"]
    assert here.pancode("safety", "classify", "no-such").returncode == 2


def test_classify_is_quick(here: Here) -> None:
    import time

    classifier, times = Classifier(str(here.project)), []
    line = json.dumps(
        {"command": "cd src && FOO=1 timeout 5 git -C . commit -m 'a b' | tee log; ls"}
    ).encode()
    classifier.answer_json(line)
    for _ in range(100):
        begun = time.process_time()
        classifier.answer_json(line)
        times.append(time.process_time() - begun)
    assert min(times) < 0.015


def test_explain_names_part_rule_file_and_line(here: Here) -> None:
    path = here.rules("rules:\n  - name: no-make\n    command: make deploy\n    because: not from here\n")
    done = here.pancode("safety", "explain", "--", "ls && make deploy PASSWORD=hunter22x")
    assert done.returncode == 0
    assert "hunter22x" not in done.stdout
    assert f"no-make ({path}:2)" in done.stdout
    assert "not from here" in done.stdout
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "block" in rows["full-auto"]
    told = json.loads(here.pancode("safety", "explain", "--json", "--", "ls && make deploy").stdout)
    assert told["decisions"] == {"suggest": "block", "auto-edit": "block", "full-auto": "block"}
    assert {"rule": "no-make", "source": f"{path}:2"}.items() <= told["parts"][-1].items()
    assert {"text", "class", "decision", "rule", "source", "why"} == set(told["parts"][0])


def test_explain_takes_words_level_mode_and_directory(here: Here) -> None:
    words = ("--level", "auto-edit", "--mode", "plan", "--cwd", str(here.home), "--json")
    told = json.loads(here.pancode("safety", "explain", *words, "--", "touch", "a b").stdout)
    assert (told["command"], told["mode"], told["cwd"]) == ("touch 'a b'", "plan", str(here.home))
    assert told["decisions"] == {"auto-edit": "block"}
    assert "plan mode" in told["levels"]["auto-edit"]["why"]
    assert here.pancode("safety", "explain", "--cwd", "nowhere", "--", "ls").returncode == 4
    assert here.pancode("safety", "explain").returncode == 2


def test_mistakes_in_the_rules_are_told(here: Here) -> None:
    path = here.rules("rules:\n  - {comand: ls}\n")
    done = here.pancode("safety", "explain", "--", "ls")
    assert done.returncode == 10
    assert f'{path}:2: there is no key "comand"' in done.stderr
    assert "block" in done.stdout
    classified = here.pancode("safety", "classify", "--jsonl", given=lines("ls"))
    assert (classified.returncode, classified.stdout) == (10, "")
    assert f"{path}:2" in classified.stderr


def test_a_projects_allow_is_told_to_have_no_effect(here: Here) -> None:
    (here.project / ".pancode").mkdir()
    (here.project / ".pancode" / "pansafety.yaml").write_text(
        "rules:\n  - {command: git push origin main, decision: allow}\n"
    )
    done = here.pancode("safety", "explain", "--level", "full-auto", "--json", "--", "git push origin main")
    told = json.loads(done.stdout)
    assert told["decisions"] == {"full-auto": "ask"}
    assert "has no effect" in told["notes"][0]


def test_a_home_is_no_work_tree_even_if_git_says_so(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    (here.home / ".git").mkdir()
    (here.home / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (here.home / "loose").mkdir()
    monkeypatch.setenv("HOME", str(here.home))
    monkeypatch.delenv("PANCODE_PROJECT", raising=False)
    place = place_at(str(here.home / "loose"))
    assert (place.worktree, place.home) == (str(here.home / "loose"), str(here.home))
    assert Classifier(str(here.home)).classified("rm -rf ~")["class"] == ActionClass.BASH_DESTRUCTIVE.value


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("safety", "bogus"), 2, 'there is no safety level "bogus"'),
        (("mode", "bogus"), 2, 'there is no mode "bogus"'),
        (("safety", "auto-edit"), 13, "is not up"),
        (("safety", "--json"), 13, "is not up"),
        (("audit", "--class", "bogus"), 2, "bogus"),
        (("audit", "--since", "noon"), 2, '"noon" is not a time'),
    ],
)
def test_wrong_words_and_no_session_are_sentences(
    here: Here, words: tuple[str, ...], code: int, said: str
) -> None:
    done = here.pancode(*words)
    assert done.returncode == code
    assert said in done.stderr


def test_a_worker_sets_neither_mode_nor_level(here: Here) -> None:
    for words in (("safety", "full-auto"), ("mode", "build")):
        done = here.pancode(*words, PANCODE_RUN_ID="k3f")
        assert done.returncode == 5
        assert "a worker can't set" in done.stderr


def test_the_audit_is_listed_filtered_and_verified(here: Here) -> None:
    path = here.home / ".pancode" / "audit.jsonl"
    audit = Audit(str(path))
    action = {"tool": "shell", "command": "git push"}
    for run, word in (("k3f", Word.ASKED), ("k3f", Word.APPROVED), ("x2a", Word.BLOCKED)):
        audit.append(
            Decided(run, "main", "dev", action, "d", "git_push", word, "policy", "push", "it pushes")
        )
    listed = here.pancode("audit").stdout.splitlines()
    assert listed[0].split() == ["when", "run", "agent", "decision", "by", "class", "rule", "what"]
    assert [line.split()[4] for line in listed[1:]] == ["asked", "approved", "blocked"]
    assert listed[1].endswith("git push")
    found = answers(here.pancode("audit", "--run", "k3", "--decision", "approved", "--since", "1h", "--json"))
    assert [record["seq"] for record in found] == [2]
    assert here.pancode("audit", "--since", "2999-01-01").stdout == "nothing\n"
    whole = here.pancode("audit", "verify")
    assert (whole.returncode, whole.stdout.startswith("3 records")) == (0, True)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"x2a", b"x2b"))
    broken = here.pancode("audit", "verify")
    assert broken.returncode == 1
    assert "record 3 is wrong: it was changed" in broken.stdout
    assert json.loads(here.pancode("audit", "verify", "--json").stdout)["broken"] == 3
