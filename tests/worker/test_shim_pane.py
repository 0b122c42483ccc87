"""What the pane is to a person: size, keys, colours, and nothing that reaches beyond it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.worker.conftest import MakeShim

OK = {"kind": "finished", "ok": True}


def test_the_agent_has_the_panes_size_and_follows_it(make_shim: MakeShim) -> None:
    code = "stty size < /dev/tty; trap 'stty size < /dev/tty' WINCH; echo up; while :; do sleep 0.02; done"
    shim = make_shim("sh", "-c", code).start(size=(31, 97))
    shim.wait_for("31 97\r\n")
    shim.wait_for("up")
    shim.resize(22, 77)
    shim.wait_for("22 77\r\n")
    shim.signal(signal.SIGTERM)
    shim.end()
    cast = shim.cast()
    assert (cast[0]["version"], cast[0]["width"], cast[0]["height"]) == (2, 97, 31)
    assert [line[2] for line in cast[1:] if line[1] == "r"] == ["77x22"]
    assert [line[0] for line in cast[1:]] == sorted(line[0] for line in cast[1:])


def test_keys_reach_an_interactive_command_and_are_echoed_once(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", 'read line; echo "got <$line>"; exec cat', interactive=True).start()
    shim.wait_event("exec")
    shim.type("hé llo\r".encode())
    shim.wait_for("got <hé llo>")
    assert shim.seen.count("hé llo\r\n".encode()) == 1
    shim.type(b"\x04")
    assert shim.end() == 0
    assert shim.verdict() == ("done", "completed")


def test_keys_do_not_reach_a_command_that_is_not_interactive(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "cat; echo up; read line < /dev/tty; echo got").start()
    shim.wait_for("up")
    shim.type(b"hello\r")
    shim.type(b"\x03")
    assert shim.end() == 8
    assert b"hello" not in shim.seen
    assert b"got" not in shim.seen


def test_an_interactive_shell_is_ended_by_a_stop(make_shim: MakeShim) -> None:
    shim = make_shim("bash", "--norc", "-i", interactive=True).start()
    shim.wait_for("# " if os.getuid() == 0 else "$ ")
    shim.type(b"sleep 1000 & echo job\r")
    shim.wait_for("\r\njob\r\n")
    shim.signal(signal.SIGTERM)
    assert shim.end() == 8
    assert not shim.survivors()


def test_the_panes_mode_is_given_back(make_shim: MakeShim) -> None:
    import termios

    shim = make_shim("sh", "-c", "echo up; read x < /dev/tty").start(hold=True)
    shim.wait_for("up")
    assert not termios.tcgetattr(shim.master)[3] & termios.ECHO
    shim.type(b"\x03")
    shim.wait_for("cancelled")
    shim.wait_mode(termios.ECHO)
    shim.end()


def test_what_acts_on_the_operators_terminal_is_taken_out(make_shim: MakeShim) -> None:
    evil = (
        r"\033]52;c;c3RvbGVu\007"
        r"\033]0;title\007"
        r"\033Ptmux;\033\033]52;c;c3RvbGVu\007\033\\"
        r"\033[21t\033_apc\033\\\033kname\033\\"
        r"\033[31mred\033[0m plain\n"
    )
    shim = make_shim("printf", evil).start()
    assert shim.end() == 0
    assert b"\x1b[31mred\x1b[0m plain\r\n" in shim.seen
    for bad in (b"]52", b"c3RvbGVu", b"title", b"\x1bP", b"21t", b"apc", b"name"):
        assert bad not in shim.seen
    assert shim.result()["result"] == "red plain"
    assert b"c3RvbGVu" in (shim.folder / "stream.raw").read_bytes()


def test_an_agents_words_cannot_act_either(make_agent: MakeShim) -> None:
    evil = "\x1b]52;c;c3RvbGVu\x07\x1b[2Jhi\u202e\x9b31m"
    shim = make_agent(
        {"kind": "text", "text": evil},
        {"kind": "tool_started", "id": "1", "name": evil, "args": {"command": evil}},
        {"kind": "tool_finished", "id": "1", "name": evil, "ok": False, "result": evil},
        {"kind": "problem", "message": evil},
        then=r"printf '\033]52;c;c3RvbGVu\007oops\n' >&2",
        task=evil,
        model=evil,
    ).start()
    shim.end()
    assert b"oops" in shim.seen
    for bad in (b"]52", b"\x1b[2J", "\u202e".encode(), "\x9b".encode()):
        assert bad not in shim.seen


def test_modes_that_a_program_left_on_are_switched_off(make_shim: MakeShim) -> None:
    shim = make_shim("printf", r"\033[?1049h\033[?25l\033[?1000hbye").start()
    shim.end()
    assert b"\x1b[?1049l" in shim.seen.partition(b"bye")[2]
    assert b"\x1b[?1000l" in shim.seen.partition(b"bye")[2]
    assert b"\x1b[?25h" in shim.seen.partition(b"bye")[2]


def test_the_cast_holds_what_the_pane_showed(make_agent: MakeShim) -> None:
    shim = make_agent({"kind": "text", "text": "schön 日本"}, OK).start()
    shim.end()
    shown = "".join(line[2] for line in shim.cast()[1:] if line[1] == "o")
    assert shown.encode() == shim.seen
    assert "schön 日本" in shown


def test_a_pane_that_is_not_read_holds_up_neither_agent_nor_end(make_agent: MakeShim) -> None:
    lines = [{"kind": "text", "text": f"line {n} " + "x" * 200 + "\n"} for n in range(8000)]
    shim = make_agent(*lines, OK).start()
    assert shim.process is not None
    assert shim.process.wait(60) == 0
    assert len(shim.events("text")) == 8000


def test_there_need_not_be_a_terminal_at_all(make_agent: MakeShim) -> None:
    shim = make_agent({"kind": "text", "text": "hello"}, OK).start(pane=False)
    assert shim.end() == 0
    said = (shim.folder / "pane.txt").read_text()
    assert " hello\n" in said.replace("\r\n", "\n")
    assert "Traceback" not in said
