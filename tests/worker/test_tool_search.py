"""The tools grep and find, and what git leaves out, held against git itself."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pancode.domains.safety.commands import places
from pancode.worker.tools import search
from pancode.worker.tools.globs import Rule, matcher, rules
from tests.worker.toolserver import Tools, tools

__all__ = ["tools"]


def planted(tree: Path, *names: str, text: str = "needle\n") -> None:
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)


def test_a_search_leaves_out_what_git_does(tools: Tools) -> None:
    tree = tools.tree
    planted(tree, "a.py", "build/b.py", "src/c.py", "src/d.log", "src/keep.log", ".git/e.py", ".github/f.yml")
    (tree / ".gitignore").write_text("/build/\n*.log\n")
    (tree / "src" / ".gitignore").write_text("!keep.log\n")
    (tree / "image").write_bytes(b"needle\0")
    found = ["a.py", ".github/f.yml", "src/c.py", "src/keep.log"]
    assert tools.done("grep", pattern="needle", files_only=True).splitlines() == found
    assert tools.done("find", pattern="*.{py,yml}").splitlines() == found[:3]
    assert "build/b.py" in tools.done("grep", pattern="needle", ignored=True)
    assert ".git/" not in tools.done("find", pattern="*", ignored=True)
    # Of a folder that is named itself, what lies in it counts; rules from above do, too.
    assert tools.done("find", pattern="*.py", path="build") == "build/b.py"
    assert tools.done("find", pattern="*.log", path="src") == "src/keep.log"


def test_matches_are_told_with_their_places(tools: Tools) -> None:
    planted(tools.tree, "a.txt", text="one\ntwo\nthree\nfour\nfive\nsix\nseven\r\n")
    assert tools.done("grep", pattern="^t") == "a.txt:2: two\na.txt:3: three"
    assert tools.done("grep", pattern="seven$", path="a.txt") == "a.txt:7: seven"
    assert tools.done("grep", pattern="^(two|six)$", context=1).splitlines() == [
        "a.txt-1- one",
        "a.txt:2: two",
        "a.txt-3- three",
        "--",
        "a.txt-5- five",
        "a.txt:6: six",
        "a.txt-7- seven",
    ]
    assert tools.done("grep", pattern="TWO", ignore_case=True) == "a.txt:2: two"
    assert tools.done("grep", pattern="[", literal=True) == "[no match]"
    assert "no regular expression of Python's" in tools.refused("grep", pattern="[")
    assert tools.done("grep", pattern=r"one\s+two") == "[no match]"
    assert tools.done("grep", pattern=r"\A(?=t)").splitlines() == ["a.txt:2: two", "a.txt:3: three"]
    assert tools.done("grep", pattern="e", limit=1).splitlines()[1].startswith("[there are more than these 1")


def test_globs_narrow_a_search(tools: Tools) -> None:
    planted(tools.tree, "a.py", "src/b.py", "src/deep/c.py", "src/deep/d.ts")
    assert tools.done("grep", pattern="n", glob="*.ts", files_only=True) == "src/deep/d.ts"
    assert tools.done("grep", pattern="n", glob="src/*.py", files_only=True) == "src/b.py"
    assert tools.done("find", pattern="src/**/*.py").splitlines() == ["src/b.py", "src/deep/c.py"]
    assert tools.done("find", pattern=f"{tools.tree}/src/*").splitlines() == ["src/b.py", "src/deep/"]
    assert "give the directory as path" in tools.refused("find", pattern="/etc/*")
    assert "[there are more than these 1;" in tools.done("find", pattern="*", limit=1)
    assert tools.done("find", pattern="nothing*") == "[nothing fits]"
    assert "is a file" in tools.refused("find", pattern="*", path="a.py")
    assert "no such file" in tools.refused("find", pattern="*", path="nowhere")


def test_encodings_and_long_lines_are_searched(tools: Tools) -> None:
    tree = tools.tree
    (tree / "latin").write_bytes("grün\n".encode("latin-1"))
    (tree / "utf16").write_bytes("\ufeffgrün\r\n".encode("utf-16-le"))
    (tree / "wide").write_text("x" * 50_000 + "grün\n")
    lines = tools.done("grep", pattern="grün$").splitlines()
    assert lines[0] == "latin:1: grün"
    assert lines[1] == "utf16:1: grün"
    assert lines[2].endswith("[… 48,004 more characters in this line]")


def test_a_file_larger_than_a_block_is_counted_right(tools: Tools) -> None:
    with (tools.tree / "big").open("w") as file:
        for number in range(1, 700_001):
            file.write(f"line {number}\n")
    assert tools.done("grep", pattern="^line (1|350000|700000)$").splitlines() == [
        "big:1: line 1",
        "big:350000: line 350000",
        "big:700000: line 700000",
    ]


def test_a_secret_is_searched_only_where_it_is_named(tools: Tools) -> None:
    planted(tools.tree, "app/.env", "app/.env.example", "id_rsa")
    assert tools.done("grep", pattern="needle", files_only=True).splitlines() == [
        "app/.env.example",
        "[2 files that may hold secrets left out; name one as path to search it]",
    ]
    assert tools.done("grep", pattern="needle", path="app/.env") == "app/.env:1: needle"
    # What the gate takes for a secret is what the search does.
    assert vars(places)["SECRETS"] is vars(search)["SECRETS"]
    assert places.names_secret("app/.env")
    assert not places.names_secret("app/.env.example")


def test_a_pattern_that_never_ends_stops_nothing_else(tools: Tools) -> None:
    planted(tools.tree, "a.txt", text="a" * 60 + "!\n")
    call = tools.begin("grep", {"pattern": "(a+)+$"})
    assert tools.done("read", path="a.txt").startswith("aaa")
    tools.send(b'{"id": %d, "cancel": true}' % call)
    assert tools.answer(call)["text"] == "the call was cancelled"
    assert tools.close() == 0


def test_names_that_are_no_text_can_be_told(tools: Tools) -> None:
    (tools.tree / os.fsdecode(b"b\xffd")).write_text("needle\n")
    assert tools.done("find", pattern="b*") == "b?d"
    assert "needle" in tools.done("grep", pattern="needle")
    assert "b?d" in tools.done("ls")


_NAMES = st.lists(st.sampled_from(["a", "b", "ab", "a.log", "[x]"]), min_size=1, max_size=4).map("/".join)
_LINES = st.lists(
    st.one_of(
        st.text(st.sampled_from("ab*?/!. "), min_size=1, max_size=7),
        st.sampled_from(
            ["*.log", "/a", "a/", "!b", "**/b", "a/**", "a/**/b", "[!a]", "a/*", "b\\ ", "#", "\\#"]
        ),
    ),
    max_size=4,
)


@given(names=st.lists(_NAMES, min_size=1, max_size=5), lines=_LINES)
@settings(
    max_examples=100,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_rules_mean_what_git_takes_them_for(
    tmp_path_factory: object, names: list[str], lines: list[str]
) -> None:
    found = rules("\n".join(lines))
    asked = sorted(set(names))
    ignored = {path for path in asked if _ours(found, path)}
    assert ignored == _gits(lines, asked), lines


def _parts(name: str) -> list[str]:
    pieces = name.split("/")
    return ["/".join(pieces[: at + 1]) + ("/" if at < len(pieces) - 1 else "") for at in range(len(pieces))]


def _ours(found: list[Rule], path: str) -> bool:
    """Whether a walk would leave the path out: it, or a folder above it."""
    for part in _parts(path.rstrip("/")):
        is_folder = part.endswith("/") or path.endswith("/")
        bare = part.rstrip("/")
        for rule in found:
            if rule.fits(bare, bare.rpartition("/")[2], is_folder=is_folder):
                if rule.takes:
                    return True
                break
    return False


_tree: list[Path] = []


def _gits(lines: list[str], paths: list[str]) -> set[str]:
    import tempfile

    if not _tree:
        _tree.append(Path(tempfile.mkdtemp()))
        subprocess.run(["git", "init", "-q", str(_tree[0])], check=True)
    (_tree[0] / ".gitignore").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n"],
        cwd=_tree[0],
        input="\0".join(paths) + "\0",
        capture_output=True,
        text=True,
        check=False,
    )
    fields = done.stdout.split("\0")[:-1]
    told = zip(fields[2::4], fields[3::4], strict=True)
    return {path for pattern, path in told if pattern and not pattern.startswith("!")}


@given(name=_NAMES)
def test_a_name_fits_itself(name: str) -> None:
    escaped = re.sub(r"([*?\[\]\\])", r"\\\1", name)
    assert matcher(f"./{escaped}")(name) or "/" not in name
    assert matcher("**")(name)
