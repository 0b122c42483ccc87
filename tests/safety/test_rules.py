"""Rule files: what they mean, both older formats, every mistake with its line, and a project's limits."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from pancode.core.actions import ActionClass, Decision
from pancode.core.errors import ExitCode, PanError
from pancode.domains.safety.commands.judgement import DYNAMIC, Part
from pancode.domains.safety.matchers import Paths, Text, Words
from pancode.domains.safety.pathglob import existing, path_pattern
from pancode.domains.safety.rulefile import RuleFiles, load
from pancode.domains.safety.rules import PathAction, Rules
from pancode.domains.safety.settings import OnDeadline
from tests.project.tree import path

HOME = os.path.expanduser("~")


def written(folder: Path, text: str, name: str = "pansafety.yaml") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def loaded(folder: Path, user: str = "", project: str = "") -> Rules:
    return load(written(folder, user), written(folder, project, "project.yaml"))


def part(*words: str, kind: ActionClass = ActionClass.BASH_EXEC, text: str | None = None) -> Part:
    return Part(" ".join(words) if text is None else text, kind, "r", "w", words)


def names_met(rules: Rules, one: Part, cwd: str = "/w") -> list[str]:
    return [rule.name for rule in rules.met(one, cwd)]


def test_without_files_nothing_is_said(tmp_path: Path) -> None:
    rules = load(str(tmp_path / "a"), str(tmp_path / "b" / "c"))
    assert (rules.entries, rules.mistakes, rules.hosts) == ((), (), ())
    rules.check()


@pytest.mark.parametrize(
    ("pattern", "words", "met"),
    [
        ("git push", ["git", "push", "origin"], True),
        ("git push", ["/usr/bin/git", "-C", "sub", "-c", "a=b", "push"], True),
        ("git push", ["git", "--no-pager", "log", "push"], False),
        ("git push", ["git", "pull"], False),
        ("kubectl delete", ["kubectl", "-n", "prod", "delete", "pod"], True),
        ("kubectl delete", ["kubectl", "get", "delete"], False),
        ("rm -rf", ["rm", "-v", "-rf", "x"], True),
        ("npm publish", ["npm", DYNAMIC], True),
        ("npm publish", ["npm", "pub" + DYNAMIC], True),
        ("npm publish", ["npm", "ins" + DYNAMIC], False),
        ("npm publish", [DYNAMIC, "publish"], False),
        ("terraform *", ["terraform", "apply"], True),
        ("terraform *", ["terraform"], False),
        ("aws s3 rm **", ["aws", "s3", "rm", "s3://x"], True),
    ],
)
def test_a_blocked_command_is_a_beginning_seen_through_paths_and_options(
    tmp_path: Path, pattern: str, words: list[str], met: bool
) -> None:
    rules = loaded(tmp_path, f"rules:\n  - name: no\n    command: {pattern!r}\n")
    assert names_met(rules, part(*words)) == (["no"] if met else [])


def test_many_options_take_no_time() -> None:
    begun = time.process_time()
    assert not Words((("a", "b", "c", "d"),)).met(part("a", *["-x"] * 5000))
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("pattern", "one", "met"),
    [
        ("git push origin main", part("git", "push", "origin", "main"), True),
        ("git push origin main", part("git", "push", "origin", "main", "--force"), False),
        ("git push origin **", part("git", "push", "origin", "main"), True),
        ("git push origin **", part("git", "push", DYNAMIC), False),
        ("git push", part("/tmp/git", "push"), False),
        ("git push", part("git", "push", text="sudo git push"), False),
        ("git push", part("git", "push", text="GIT_SSH=./x git push"), False),
    ],
)
def test_an_allowed_command_is_met_only_as_it_is_written(
    tmp_path: Path, pattern: str, one: Part, met: bool
) -> None:
    rules = loaded(tmp_path, f"rules:\n  - name: yes\n    command: {pattern}\n    decision: allow\n")
    rules.check()
    assert bool(names_met(rules, one)) is met


READ, WRITE, DELETE = ActionClass.FILE_READ, ActionClass.FILE_WRITE, ActionClass.FILE_DELETE


@pytest.mark.parametrize(
    ("action", "pattern", "kind", "path", "met"),
    [
        ("zero-access", "~/.aws", READ, f"{HOME}/.aws/credentials", True),
        ("zero-access", ".env", READ, "/w/sub/.env", True),
        ("zero-access", ".env", READ, "/w/.env.example", False),
        ("read-only", "**/*.lock", READ, "/w/uv.lock", False),
        ("read-only", "**/*.lock", WRITE, "/w/uv.lock", True),
        ("read-only", "/w/docs", DELETE, "/w", True),
        ("no-delete", "/w/data", WRITE, "/w/data/x", False),
        ("no-delete", "/w/data", DELETE, "/w/data/x", True),
        ("no-delete", "/w/data/x", DELETE, "/w/data", True),
    ],
)
def test_a_path_rule_is_met_by_what_it_forbids(
    action: str, pattern: str, kind: ActionClass, path: str, met: bool
) -> None:
    paths = Paths(PathAction(action), (path_pattern(pattern, HOME),))
    assert paths.met(Part("x", kind, "r", "w", (), (path,)), "/w") is met


def test_a_link_does_not_lead_round_a_path_rule(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "link").symlink_to("secret")
    paths = Paths(PathAction.ZERO_ACCESS, (path_pattern(str(tmp_path / "secret"), HOME),))
    assert paths.met(Part("x", READ, "r", "w", ("cat", "link/a"), (str(tmp_path / "link/a"),)), "/")
    assert paths.met(part("tool", "--file=link/a"), str(tmp_path))
    assert not paths.met(part("tool", "other/a", "link"), "/")


@pytest.mark.parametrize(
    ("words", "met"),
    [
        (("mv", "data/x", "elsewhere"), True),
        (("mv", "data", "elsewhere"), True),
        (("mv", "elsewhere", "data/x"), False),
        (("mv", "-t", "elsewhere", "data/x"), True),
        (("mytool", "data/x"), False),
    ],
)
def test_moving_away_is_deleting(words: tuple[str, ...], met: bool) -> None:
    paths = Paths(PathAction.NO_DELETE, (path_pattern("/w/data/x", HOME),))
    assert paths.met(part(*words, kind=WRITE), "/w") is met


def test_hosts_are_listed_barred_and_seen_by_name(tmp_path: Path) -> None:
    rules = loaded(
        tmp_path,
        "rules:\n  - {name: bad, hosts: [evil.example.com], decision: block}\n"
        "  - {hosts: 'api.example.org:8443', decision: allow}\nsandbox:\n  hosts: ['*.example.com']\n",
    )
    rules.check()
    assert rules.hosts == ("*.example.com:443", "api.example.org:8443")
    assert rules.barred_hosts == ("evil.example.com",)
    listed = [rules.is_listed(host) for host in ("a.example.com", "evil.example.com", "API.example.org", "x")]
    assert listed == [True, False, True, False]
    assert names_met(rules, Part("x", ActionClass.NETWORK, "r", "w", hosts=("evil.example.com",))) == ["bad"]


OLDEST = """
bashToolPatterns:
  - {pattern: 'drop\\s+table', reason: no}
zeroAccessPaths: ["**/.env"]
readOnlyPaths: []
noDeletePaths: [/w/keep]
"""
UNIFIED = """
rules:
  - {pattern: "*.pem", reason: keys, action: no-access}
  - {pattern: "^make deploy", type: bash, reason: later}
  - {pattern: "/w/docs/**"}
"""


def test_both_older_formats_are_read(tmp_path: Path) -> None:
    old = loaded(tmp_path, OLDEST)
    old.check()
    assert [rule.where.rpartition(":")[2] for rule in old.entries] == ["3", "4", "6"]
    assert old.about_text("psql -c 'drop  table x'")
    assert old.paths(PathAction.ZERO_ACCESS)[0].covers("/w/a/.env")
    new = loaded(tmp_path, UNIFIED)
    new.check()
    assert new.paths(PathAction.ZERO_ACCESS)[0].covers("/w/a.pem")
    assert new.paths(PathAction.READ_ONLY)[0].covers("/w/docs/a/b")
    assert [rule.because for rule in new.about_text("make deploy now")] == ["later"]


def test_a_regular_expression_that_takes_for_ever_counts_as_met() -> None:
    begun = time.process_time()
    assert Text(re.compile("(a+)+$")).met("a" * 60 + "b")
    assert not Text(re.compile("(a+)+$")).met("b")
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("- x\n", 1, "must be a mapping"),
        ("rulez: []\n", 1, 'no key "rulez"'),
        ("rules:\n  - command: ls\n    decison: ask\n", 3, 'no key "decison"'),
        ("rules:\n  - decision: ask\n", 2, "exactly one of"),
        ("rules:\n  - command: ls\n    hosts: a.b\n", 2, "exactly one of"),
        ("rules:\n  - command: ls\n    decision: perhaps\n", 3, '"perhaps"'),
        ("rules:\n  - command: 'a | b'\n", 2, "single command"),
        ("rules:\n  - command: 'a ''b'\n", 2, "can't be read"),
        ("rules:\n  - command: '**'\n", 2, "only at the end"),
        ("rules:\n  - command: git p*\n    decision: allow\n", 2, "written out"),
        ("rules:\n  - paths: a\n", 2, "needs an action"),
        ("rules:\n  - paths: a\n    action: hide\n", 3, '"hide"'),
        ("rules:\n  - paths: a/../b\n    action: read-only\n", 2, "is not a path"),
        ("rules:\n  - paths: a\n    action: read-only\n    decision: allow\n", 4, "can't allow"),
        ("rules:\n  - hosts: https://x\n", 2, "is not a host"),
        ("rules:\n  - paths: '*.pem'\n    action: read-only\n    matches: [a.txt]\n", 4, "doesn't match"),
        ("rules:\n  - tools: mcp_*\n    not_matches: mcp_x\n", 3, "matches its example"),
        ("bashToolPatterns:\n  - pattern: '('\n", 2, "regular expression"),
        ("sandbox:\n  writable: /\n", 2, "too much"),
        ("sandbox:\n  readable: src\n", 2, "not an absolute path"),
        ("sandbox:\n  unix: maybe\n", 2, "neither true nor false"),
        ("sandbox:\n  limits:\n    memory: lots\n", 3, "not an amount"),
        ("questions:\n  on_deadline: allow\n", 2, '"allow"'),
        ("rules: [\n", 2, "is not YAML"),
        ("[" * 200_000, 1, "nested too deeply"),
    ],
)
def test_a_mistake_is_named_by_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = written(tmp_path, text)
    rules = load(path, None)
    assert [mistake.where for mistake in rules.mistakes][:1] == [f"{path}:{line}"]
    assert words in rules.mistakes[0].problem
    with pytest.raises(PanError, match=re.escape(path)) as caught:
        rules.check()
    assert caught.value.code is ExitCode.CONFIG


@pytest.mark.parametrize("what", ["pipe", "directory", "huge", "latin"])
def test_what_is_no_file_of_rules_is_a_mistake_and_is_not_waited_for(tmp_path: Path, what: str) -> None:
    path = tmp_path / "pansafety.yaml"
    match what:
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "huge":
            path.write_bytes(b"#" * 1_000_001)
        case _:
            path.write_bytes(b"# \xe9\n")
    assert "can't be read" in load(str(path), None).mistakes[0].problem


def test_a_project_only_tightens(tmp_path: Path) -> None:
    rules = loaded(
        tmp_path,
        "sandbox:\n  unix: true\n  limits: {memory: 4G}\nquestions: {deadline: 2m, on_deadline: wait}\n",
        "rules:\n  - {command: ls, decision: allow}\n  - {name: theirs, command: make, decision: ask}\n"
        "sandbox:\n  readable: [/etc]\n  hosts: [x.example]\n  unix: false\n  landlock: true\n"
        "  limits: {memory: 8G, processes: 100, cpu: none}\nquestions:\n  notifier: evil\n",
    )
    rules.check()
    assert [rule.name for rule in rules.entries] == ["theirs"]
    found = rules.settings
    assert (found.readable, found.hosts, found.unix, found.landlock) == ((), (), False, True)
    assert (found.limits.memory, found.limits.processes, found.limits.cpu) == (4 << 30, 100, None)
    assert (found.notifier, found.ask_s, found.on_deadline) == (None, 120.0, OnDeadline.WAIT)
    assert found.held_s > 86_400
    lines = [note.where.rpartition(":")[2] for note in rules.notes]
    assert lines == ["2", "5", "6", "9", "9", "11"]


def test_changed_files_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANCODE_HOME", str(tmp_path / "home"))
    files = RuleFiles(str(tmp_path / "project"))
    first = files.current()
    assert files.current() is first
    written(tmp_path / "project" / ".pancode", "rules:\n  - command: ls\n")
    second = files.current()
    assert [rule.decision for rule in second.entries] == [Decision.BLOCK]
    assert second.digest != first.digest
    written(tmp_path / "home", "rules: 5\n")
    assert files.current().mistakes


def test_the_example_in_the_documentation_is_good(tmp_path: Path) -> None:
    page = Path(path("docs", "safety-rules.md")).read_text(encoding="utf-8")
    rules = loaded(tmp_path, page.partition("```yaml\n")[2].partition("```")[0])
    rules.check()
    assert [rule.decision.value for rule in rules.entries] == ["block", "block", "block", "ask", "allow"]
    assert (rules.settings.landlock, rules.settings.limits.cpu_time) == (True, 7200)


def test_what_is_there_is_found_and_a_large_tree_is_not_searched_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/.env", "b/c/.env", "b/keys/x.pem", "b/keys/y.pem"):
        written(tmp_path, "", name)
    patterns = [
        path_pattern(text, HOME) for text in (".env", "keys", "*.pem", "/no/such", str(tmp_path / "a"))
    ]
    found, complete = existing(patterns, str(tmp_path))
    assert complete
    assert {os.path.relpath(path, tmp_path) for path in found} == {"a", "a/.env", "b/c/.env", "b/keys"}
    monkeypatch.setattr("pancode.domains.safety.pathglob.MOST_ENTRIES", 3)
    assert existing(patterns, str(tmp_path))[1] is False
