"""Whatever an agent writes is kept, and nothing that it writes is fatal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.worker.conftest import MakeShim

OK = {"kind": "finished", "ok": True}


def test_odd_lines_are_kept_counted_and_survived(make_agent: MakeShim) -> None:
    shim = make_agent(
        "not JSON at all",
        b"\xff\xfe invalid \x80 bytes\n",
        '{"kind": "text", "text": "cut',
        "[1, 2]",
        '{"type": "of tomorrow"}',
        '{"do": "raise"}',
        '{"kind": "text"}',
        '{"kind": "usage", "scope": "step", "input": "many"}',
        b"\n\n",
        json.dumps({"kind": "text", "text": "\ud83d lone"}),
        json.dumps(OK).encode(),
    ).start(pane=False)
    assert shim.end() == 0
    result = shim.result()
    assert shim.verdict() == ("done", "completed")
    assert result["unknown"] == {"not JSON": 4, "of tomorrow": 1, "adapter error": 3}
    notices = [event["text"] for event in shim.events("notice")]
    assert notices[0] == "not JSON at all"
    assert notices[1] == "\ufffd\ufffd invalid \ufffd bytes"
    assert (shim.folder / "stream.raw").read_bytes().count(b"\n") == 11


def test_a_line_of_five_megabytes_is_an_event_like_any_other(make_agent: MakeShim) -> None:
    long = "x" * 5_000_000
    shim = make_agent({"kind": "text", "text": long}, OK).start(pane=False)
    assert shim.end() == 0
    assert len(shim.events("text")[0]["text"]) == len(long)
    assert len(shim.result()["result"]) == 1_000_000


def test_a_line_over_the_limit_is_kept_but_not_read(make_agent: MakeShim) -> None:
    shim = make_agent(b"x" * (17 << 20) + b"\n", OK).start(pane=False)
    assert shim.end() == 0
    assert shim.result()["unknown"] == {"line over 16 MB": 1}
    assert (shim.folder / "stream.raw").stat().st_size > 17 << 20


def test_ten_thousand_events_in_a_burst_are_all_journaled(make_agent: MakeShim) -> None:
    shim = make_agent(*({"kind": "text", "text": f"{n} ", "delta": True} for n in range(10_000)), OK).start()
    assert shim.end() == 0
    texts = shim.events("text")
    assert [event["text"] for event in texts] == [f"{n} " for n in range(10_000)]
    assert shim.result()["events"]["text"] == 10_000


def test_standard_error_is_kept_apart_and_shown_dim(make_agent: MakeShim) -> None:
    shim = make_agent(OK, then="echo 'a warning' >&2; echo '{\"json\": 1}' >&2; echo more >/dev/tty").start()
    assert shim.end() == 0
    assert (shim.folder / "stderr.raw").read_bytes() == b'a warning\n{"json": 1}\nmore\n'
    assert b"\x1b[2ma warning\x1b[0m\r\n" in shim.seen
    assert b'"json"' not in shim.seen


def test_no_raw_json_is_ever_shown(make_agent: MakeShim) -> None:
    shim = make_agent(
        '{"type": "of tomorrow", "secret": "sauce"}',
        {"kind": "tool_started", "id": "1", "name": "shell", "args": {"command": "ls"}},
        OK,
    ).start()
    shim.end()
    assert b"sauce" not in shim.seen
    assert b'{"' not in shim.seen


def test_output_after_the_agents_end_is_still_read(make_agent: MakeShim) -> None:
    late = f"(trap '' HUP TERM; echo > up; while [ -d /proc/$$ ]; do :; done; echo '{json.dumps(OK)}') & "
    shim = make_agent(then=late + "until [ -e up ]; do sleep 0.01; done").start(pane=False)
    assert shim.end() == 0


def test_a_stream_held_open_from_outside_is_not_waited_for(make_shim: MakeShim) -> None:
    code = (
        "import os, socket, sys, array\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1]))])\n"
        "s.recv(1)\n"
        'print(\'{"kind": "finished", "ok": true}\')\n'
    )
    import socket
    from pathlib import Path

    adapter = str(Path(__file__).parent / "fake_adapter.py")
    shim = make_shim(sys.executable, "-I", "-S", "-c", code, "sock", adapter=adapter)
    path = str(shim.folder / "sock")
    shim.spec["argv"][-1] = path
    (shim.folder / "spec.json").write_text(json.dumps(shim.spec))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(60)
        shim.start(pane=False)
        line, _ = server.accept()
        with line:
            _, fds, _, _ = socket.recv_fds(line, 1, 1)
            line.send(b"x")
            assert shim.end() == 0
    import os

    os.close(fds[0])
    assert shim.verdict() == ("done", "completed")


def test_a_command_without_a_newline_at_its_end_is_read_whole(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "printf 'no newline'").start(pane=False)
    shim.end()
    assert shim.result()["result"] == "no newline"


def test_a_lot_of_output_of_a_command_is_kept_and_shown(make_shim: MakeShim) -> None:
    shim = make_shim("seq", "200000").start()
    assert shim.end() == 0
    raw = (shim.folder / "stream.raw").read_bytes()
    assert raw.split() == [str(n).encode() for n in range(1, 200_001)]
    shown = "".join(line[2] for line in shim.cast()[1:] if line[1] == "o")
    assert "\r\n200000\r\n" in shown
    assert b"\r\n123456\r\n" in shim.seen
