"""The tools read, write, edit and ls: what they give, what they keep, and what they refuse."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pancode.worker.tools.edit import replaced
from pancode.worker.tools.outcome import ToolError
from pancode.worker.tools.textfile import decoded
from tests.worker.toolserver import Tools, tools

__all__ = ["tools"]


def test_a_long_file_is_read_in_pieces_that_say_how_to_go_on(tools: Tools) -> None:
    (tools.tree / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 5001)))
    first = tools.done("read", path="a.txt")
    assert first.startswith("line 1\n")
    assert first.endswith("line 2000\n[lines 1-2000 of 5,000; read on with offset=2001]")
    last = tools.done("read", path="a.txt", offset=4001)
    assert last.startswith("line 4001\n")
    assert last.endswith("line 5000\n[lines 4001-5000 of 5,000]")
    assert tools.done("read", path="a.txt", offset=7, limit=1, numbers=True).startswith("     7\tline 7\n")
    assert "has only 5,000 lines; offset 5001" in tools.refused("read", path="a.txt", offset=5001)


def test_what_is_read_fits_whatever_the_lines_are(tools: Tools) -> None:
    (tools.tree / "wide").write_text("x" * 100_000 + "\n" + "y" * 1900 + "\n" * 3 + ("z" * 1900 + "\n") * 100)
    text = tools.done("read", path="wide")
    assert len(text) < 30_000
    assert "[… 98,000 more characters in this line]" in text
    assert "read on with offset=" in text


def test_a_huge_file_is_not_read_whole(tools: Tools) -> None:
    with (tools.tree / "huge").open("wb") as file:
        file.write(b"first\nsecond\n" + b"x\n" * 5000)
        file.truncate(8 << 30)
    text = tools.done("read", path="huge", limit=2)
    assert text == "first\nsecond\n[lines 1-2 of a file of 8,589,934,592 bytes; read on with offset=3]"
    assert "files up to 16 MB can be edited" in tools.refused("edit", path="huge", old="first", new="last")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("grün\nblau\n".encode(), ""),
        (b"\xef\xbb\xbf" + "grün\nblau\n".encode(), "[UTF-8 with a byte order mark]"),
        (b"\xff\xfe" + "grün\nblau\n".encode("utf-16-le"), "[UTF-16]"),
        (b"\xfe\xff" + "grün\nblau\n".encode("utf-16-be"), "[UTF-16 (big endian)]"),
        ("grün\nblau\n".encode("latin-1"), "[Latin-1]"),
        ("grün\r\nblau\r\n".encode(), "[UTF-8, CRLF line endings]"),
    ],
)
def test_encodings_are_said_and_kept(tools: Tools, data: bytes, words: str) -> None:
    path = tools.tree / "a.txt"
    path.write_bytes(data)
    assert tools.done("read", path="a.txt") == "\n".join(["grün", "blau", *([words] if words else [])])
    assert tools.done("edit", path="a.txt", old="blau\n", new="rot\ngelb\n").startswith("replaced 1 place")
    before, after = decoded(data, ""), decoded(path.read_bytes(), "")
    assert (after.encoding, after.bom) == (before.encoding, before.bom)
    ends = "\r\n" if b"\r" in data else "\n"
    assert after.text == ends.join(["grün", "rot", "gelb", ""])
    tools.done("write", path="a.txt", content="neu\nalt\n")
    assert decoded(path.read_bytes(), "").text == ends.join(["neu", "alt", ""])


def test_a_character_that_the_encoding_lacks_is_refused(tools: Tools) -> None:
    (tools.tree / "a.txt").write_bytes("grün\n".encode("latin-1"))
    assert 'is Latin-1 and can\'t hold "→"' in tools.refused("edit", path="a.txt", old="grün", new="→")
    assert (tools.tree / "a.txt").read_bytes() == "grün\n".encode("latin-1")
    assert "it was Latin-1 and is UTF-8 now" in tools.done("write", path="a.txt", content="→\n")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image of 58 bytes"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x7fELF" + bytes(9), "a program or library"),
        (b"some\0thing", "binary data of 10 bytes"),
        (bytes(range(1, 32)) * 4, "binary data"),
    ],
)
def test_what_is_not_text_is_named_with_its_size(tools: Tools, data: bytes, kind: str) -> None:
    (tools.tree / "a.bin").write_bytes(data)
    assert kind in tools.refused("read", path="a.bin")
    assert kind in tools.refused("edit", path="a.bin", old="a", new="b")


def test_what_never_ends_or_waits_is_refused(tools: Tools) -> None:
    os.mkfifo(tools.tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tools.tree / "sock"))
        for path, kind in (
            ("pipe", "a named pipe"),
            ("sock", "a socket"),
            ("/dev/zero", "a character device"),
        ):
            for tool, args in (
                ("read", {}),
                ("write", {"content": "x"}),
                ("edit", {"old": "a", "new": "b"}),
                ("grep", {"pattern": "x"}),
            ):
                assert kind in tools.refused(tool, path=path, **args)
    assert "is a directory" in tools.refused("read", path=".")
    assert "is a directory" in tools.refused("write", path=".", content="x")


def test_a_file_is_written_whole_and_stays_what_it_was(tools: Tools) -> None:
    tree = tools.tree
    script = tree / "run.sh"
    script.write_text("old\n")
    script.chmod(0o750)
    (tree / "link").symlink_to("run.sh")
    assert tools.done("write", path="link", content="a\nb") == "overwrote link: 2 lines, 3 bytes"
    assert script.read_text() == "a\nb"
    assert stat.S_IMODE(script.stat().st_mode) == 0o750
    assert (tree / "link").is_symlink()
    os.link(script, tree / "same")
    tools.done("write", path="same", content="c")
    assert script.read_text() == "c"
    assert tools.done("write", path="new/deep/a.txt", content="x\n").startswith(
        "created new/deep/a.txt: 1 line"
    )
    (tree / "dangling").symlink_to("there.txt")
    tools.done("write", path="dangling", content="")
    assert (tree / "there.txt").read_text() == ""
    assert sorted(path.name for path in tree.iterdir()) == [
        "dangling",
        "link",
        "new",
        "run.sh",
        "same",
        "there.txt",
    ]


def test_errors_are_the_systems_own_words(tools: Tools) -> None:
    (tools.tree / "config.py").write_text("")
    assert tools.refused("read", path="confg.py") == (
        "confg.py: no such file or directory; there is config.py"
    )
    assert "config.py/x: not a directory" in tools.refused("write", path="config.py/x", content="")
    assert "file name too long" in tools.refused("write", path="x" * 300, content="")
    assert "half of a surrogate pair" in tools.refused("write", path="a", content="\ud800")
    assert not (tools.tree / "a").exists()
    (tools.tree / "ring").symlink_to("ring")
    assert "too many levels of symbolic links" in tools.refused("read", path="ring")


def test_a_full_disk_leaves_the_file_as_it_was(tools: Tools, small_disk: Path) -> None:
    path = small_disk / "a.txt"
    path.write_text("kept\n")
    words = tools.refused("write", path=str(path), content="x" * (8 << 20))
    assert "no space left on device" in words
    assert path.read_text() == "kept\n"
    os.link(path, small_disk / "same")
    assert "no space left" in tools.refused("write", path=str(path), content="x" * (8 << 20))
    assert path.read_text().startswith("kept\n")
    assert sorted(each.name for each in small_disk.iterdir()) == ["a.txt", "same"]


def test_a_directory_is_listed_in_order(tools: Tools) -> None:
    tree = tools.tree
    (tree / "b").mkdir()
    (tree / "a.py").write_text("x" * 1200)
    (tree / "c").symlink_to("nowhere")
    (tree / ".hidden").write_text("")
    assert tools.done("ls") == ".hidden  0 bytes\na.py  1,200 bytes\nb/\nc -> nowhere"
    assert tools.done("ls", path="b") == "[b is empty]"
    assert "[3 more of 4 entries" in tools.done("ls", limit=1)
    assert "a.py: not a directory" in tools.refused("ls", path="a.py")


def test_edits_are_made_all_or_none(tools: Tools) -> None:
    path = tools.tree / "a.py"
    path.write_text("one = 1\ntwo = 2\n")
    words = tools.refused("edit", path="a.py", edits=[{"old": "1", "new": "11"}, {"old": "3", "new": "4"}])
    assert words.startswith("a.py: edit 2 of 2: old is not in the file")
    assert words.endswith("Nothing was changed.")
    assert path.read_text() == "one = 1\ntwo = 2\n"
    done = tools.done("edit", path="a.py", edits=[{"old": "1", "new": "3"}, {"old": "3\n", "new": "4\n"}])
    assert done == "replaced 2 places in a.py\n@@ -1,3 +1,3 @@\n-one = 1\n+one = 4\n two = 2\n "
    assert tools.done("edit", path="a.py", old="= ", new="= -", all=True).startswith("replaced 2 places")
    assert "give both old and new" in tools.refused("edit", path="a.py", old="x")


def test_a_text_that_is_not_there_is_told_with_what_is_nearest(tools: Tools) -> None:
    (tools.tree / "a.py").write_text("def area(r):\n    return 3.14 * r * r\n\nx = 1\nx = 1\n")

    def said(old: str, new: str = "new") -> str:
        return tools.refused("edit", path="a.py", old=old, new=new)

    assert "old is there 2 times (lines 4, 5)" in said("x = 1")
    assert "with other white space it is, at line 1:\ndef area(r):" in said("def area( r ):")
    assert "the nearest is at line 2:" in said("    return 3.141 * r*r")
    assert "without the line numbers" in said("     1\tdef area(r):\n     2\t    return 3.14 * r * r")
    assert "new is already (line 1)" in said("def square(r):", "def area(r):")
    assert "nothing like it" in said("entirely unrelated words here")
    assert "old is empty" in said("")
    assert "the same" in said("x", "x")


def test_two_edits_of_one_file_at_a_time_are_both_made(tools: Tools) -> None:
    (tools.tree / "a").write_text("".join(f"<{n}>\n" for n in range(40)))
    calls = [tools.begin("edit", {"path": "a", "old": f"<{n}>", "new": f"[{n}]"}) for n in range(40)]
    assert all(tools.answer(call)["ok"] for call in calls)
    assert (tools.tree / "a").read_text() == "".join(f"[{n}]\n" for n in range(40))


_LETTERS = st.text(st.sampled_from("ab\r\né→ \t"), max_size=40)


@given(text=_LETTERS, old=_LETTERS, new=_LETTERS, every=st.booleans())
@settings(max_examples=400)
def test_a_replacement_touches_nothing_else(text: str, old: str, new: str, every: bool) -> None:
    try:
        after, count = replaced(text, old, new, every=every)
    except ToolError:
        return
    flat, old, new = (_flat(each) for each in (text, old, new))
    assert _flat(after) in (flat.replace(old, new), _flat(flat.replace(old, new)))
    assert count == flat.count(old)
    if count == 1:
        start = flat.index(old)
        head, tail = flat[:start], flat[start + len(old) :]
        assert any(_flat(text[:at]) == head and after.startswith(text[:at]) for at in range(len(text) + 1))
        assert any(_flat(text[at:]) == tail and after.endswith(text[at:]) for at in range(len(text) + 1))


def _flat(text: str) -> str:
    return text.replace("\r\n", "\n")


@given(text=st.text(max_size=60), encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "latin-1"]))
@settings(max_examples=300)
def test_a_text_comes_back_as_the_same_bytes(text: str, encoding: str) -> None:
    boms = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    data = boms.get(encoding, b"") + text.encode(encoding, "ignore")
    try:
        found = decoded(data, "a.txt")
    except ToolError:
        return
    assert found.encoded(found.text) == data
