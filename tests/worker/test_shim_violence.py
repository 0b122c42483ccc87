"""Agents that do harm: to their own run's folder, to the terminal, to memory and to the process table."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.worker.journal import LONGEST_RECORD, Journal
from pancode.worker.tally import LONGEST_RESULT, MOST_UNKNOWN, Tally
from pancode.worker.text import cut, width
from pancode.worker.transcript import LONGEST_TEXT, Transcript
from tests.worker.conftest import Controller, MakeShim, Shim, until

OK = '{"kind": "finished", "ok": true}'


def at_its_folder(make_shim: MakeShim, code: str, **changes: Any) -> Shim:
    """Make a shim whose agent runs `code` with its run's folder in $PANCODE_RUN_DIR."""
    shim = make_shim("sh", "-c", code, **changes)
    shim.spec["env"]["PANCODE_RUN_DIR"] = str(shim.folder)
    (shim.folder / "spec.json").write_text(json.dumps(shim.spec))
    return shim


def hear_to_the_end(controller: Controller) -> list[dict[str, Any]]:
    """Hear journal lines up to the last, and acknowledge it."""
    heard = [controller.hear()]
    while heard[-1]["kind"] != "ended":
        heard.append(controller.hear())
    controller.say(ack=heard[-1]["seq"])
    return heard


@pytest.mark.parametrize("when", ["", "read go < fifo; "])
def test_an_agent_that_removes_its_runs_folder_still_has_its_end_told(
    make_shim: MakeShim, controllers: Callable[[], Controller], when: str
) -> None:
    controller = controllers()
    shim = at_its_folder(make_shim, f'{when}until rm -rf "$PANCODE_RUN_DIR" 2> err; do :; done; echo said')
    fifo = shim.folder.parent / "fifo"
    os.mkfifo(fifo)
    shim.start(pane=True)
    controller.accept()
    controller.say(ack=0)
    if when:
        controller.hear()
        fifo.write_text("go\n")
    heard = hear_to_the_end(controller)
    assert (heard[-1]["status"], heard[-1]["result"]) == ("done", "said")
    assert shim.end() == 12
    assert b"the result can't be written: no such file or directory" in shim.seen
    assert not shim.survivors()


def test_a_cut_journal_neither_spins_the_shim_nor_hides_the_end(
    make_shim: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    code = 'read go < fifo; : > "$PANCODE_RUN_DIR/events.jsonl"; echo > cut; read go < fifo'
    shim = at_its_folder(make_shim, code, heartbeat_s=0.05)
    fifo = shim.folder.parent / "fifo"
    os.mkfifo(fifo)
    shim.start(pane=False)
    controller.accept()
    controller.say(ack=0)
    shim.wait_event_count("heartbeat", 30)
    fifo.write_text("go\n")
    shim.wait_file("cut")
    shim.wait_event_count("heartbeat", 20)
    fifo.write_text("go\n")
    controller.say(ack=1)
    heard = b""
    while b'"kind":"ended"' not in heard:
        assert controller.line is not None
        more = controller.line.recv(1 << 16)
        assert more, "the shim hung up without telling its end"
        heard += more
    used = Path(f"/proc/{shim.pid}/stat").read_text().rpartition(")")[2].split()
    assert (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK") < 0.4
    controller.say(ack=1000)
    assert shim.end() == 0


def test_a_message_without_end_takes_no_more_memory_than_its_result_may_have() -> None:
    tally = Tally()
    for _ in range(300):
        tally.add({"kind": "text", "text": "x" * 100_000, "delta": True}, 0.0)
    assert tally.result == "x" * LONGEST_RESULT
    assert sum(map(len, tally._said)) <= 2 * LONGEST_RESULT


def test_unknown_records_of_ever_new_kinds_are_counted_together_in_the_end() -> None:
    tally = Tally()
    for number in range(10_000):
        tally.add({"kind": "unknown", "type": f"kind {number}"}, 0.0)
    assert len(tally.unknown) == MOST_UNKNOWN + 1
    assert sum(tally.unknown.values()) == 10_000


def test_a_record_of_megabytes_is_cut_in_the_journal(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "events.jsonl"))
    event = {"kind": "tool_started", "id": "1", "name": "write", "args": {"text": "日" * 5_000_000}}
    journal.add("agent", event)
    journal.add("agent", {"kind": "text", "text": "short"})
    journal.flush()
    first, second = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert len(first) < LONGEST_RECORD
    kept = json.loads(first)
    assert (kept["id"], kept["name"], kept["cut"], kept["seq"]) == ("1", "write", True, 1)
    assert kept["args"].startswith('{"text":')
    assert "cut" not in json.loads(second)


def test_a_line_of_megabytes_holds_nothing_up(make_agent: MakeShim, tmp_path: Path) -> None:
    wide = json.dumps({"kind": "text", "text": "日" * 3_000_000}, ensure_ascii=False)
    long = tmp_path / "long"
    long.write_text(f"{wide}\n{'y' * 20_000_000}\n{OK}\n")
    shim = make_agent(then=f"cat {long}").start(pane=False)
    assert shim.end() == 0
    result = shim.result()
    assert (result["status"], result["unknown"]) == ("done", {"line over 16 MB": 1})
    assert (shim.folder / "stream.raw").stat().st_size == long.stat().st_size


def test_long_text_is_cut_on_the_pane_and_says_how_much() -> None:
    shown = Transcript(80).show({"kind": "text", "text": "語 " * 1_000_000})
    assert f"[{2_000_000 - LONGEST_TEXT}" in shown
    assert len(shown) < 3 * LONGEST_TEXT


def test_cutting_measures_only_what_may_fit() -> None:
    measured = cut("日" * 5_000_000, 40)
    assert measured == "日" * 19 + "…"
    assert width(measured) <= 40


def test_two_hundred_deaf_children_in_sessions_of_their_own_are_all_ended(make_shim: MakeShim) -> None:
    deaf = "trap '' TERM HUP INT; sleep 600 & wait; sleep 600"
    code = f'trap "" TERM HUP INT; for i in $(seq 200); do setsid sh -c "{deaf}" & done; echo x > up; wait'
    shim = make_shim("sh", "-c", code).start(pane=False)
    shim.wait_file("up")
    shim.signal(15)
    assert shim.end() == 8
    assert not shim.survivors()


def test_bytes_that_are_no_utf8_and_a_closed_stdout_harm_nobody(make_agent: MakeShim) -> None:
    shim = make_agent(
        b"\xff\xfe\x00 \xc3\x28\n", '{"kind": "text", "text": "\\ud800 lone"}', OK, then="exec >&-"
    )
    shim.start()
    assert shim.end() == 0
    assert shim.verdict() == ("done", "completed")
    assert shim.survivors() == []


class Tmux:
    """A tmux server of the test's own, to see what a terminal makes of the bytes."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-u", "-f", "/dev/null", "-S", str(self.socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def screen(self) -> str:
        return self("capture-pane", "-p", "-t", "t:")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    """Give a tmux of which nothing is left afterwards."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    server = Tmux(tmp_path / "t")
    yield server
    subprocess.run(["tmux", "-S", str(server.socket), "kill-server"], check=False, capture_output=True)


def in_tmux(tmux: Tmux, shim: Shim, columns: int) -> str:
    """Run a shim in a pane of `columns`; give the screen once its verdict stands there."""
    from tests.worker.conftest import BOOT

    command = f"{shutil.which('python3')} -I -S {BOOT} {shim.folder}"
    size = ("-x", str(columns), "-y", "24")
    tmux(
        "new-session",
        "-d",
        "-s",
        "t",
        *size,
        command,
        ";",
        "set",
        "-g",
        "remain-on-exit",
        "on",
        ";",
        "set",
        "-g",
        "remain-on-exit-format",
        "",
    )
    until((shim.folder / "result.json").exists, "the result")
    until(lambda: re.search(r"(done|failed|exit)", tmux.screen()), "the verdict")
    return tmux.screen()


LEFT_ON = (
    "\\033[?1049h\\033[?1000h\\033[?1003h\\033[?25l\\033[?7l\\033[4h\\033(0\\033)0\\016\\033[5;8r\\033[?2004h"
    "\\033]52;c;aGk=\\007\\033]2;stolen\\007\\033Ptmux;\\033\\033]52;c;aGk=\\007\\033\\\\"
)


@pytest.mark.parametrize("end", ["", "\\033[?1049l"])
def test_a_terminal_left_in_any_mode_shows_the_verdict(make_shim: MakeShim, tmux: Tmux, end: str) -> None:
    shim = make_shim("sh", "-c", f"printf 'before\\n'; printf '{LEFT_ON}{end}'; printf 'over and out'")
    screen = in_tmux(tmux, shim, 80)
    assert re.search(r"^ ?done", screen, re.MULTILINE), screen
    flags = "#{mouse_any_flag}#{alternate_on}#{wrap_flag}#{insert_flag}#{pane_title}"
    shown = tmux("display-message", "-p", "-t", "t:", flags)
    assert shown.startswith("0010")
    assert "stolen" not in shown
    assert subprocess.run(
        ["tmux", "-S", str(tmux.socket), "show-buffer"], capture_output=True, check=False
    ).returncode


HARD = [
    {"kind": "text", "text": "日本語のテキスト 👩‍👩‍👧 é café 🏳️‍🌈 한국어 " * 4},
    {"kind": "tool_started", "id": "1", "name": "shell", "args": {"command": "echo 日本語👍" * 9}},
    {
        "kind": "tool_finished",
        "id": "1",
        "name": "shell",
        "ok": True,
        "exit": 0,
        "result": " 1%\r50%\t\r100%\n完了\tok",
    },
    {"kind": "tool_started", "id": "2", "name": "bash", "args": {"command": "make\tall\r\n\x1b[31m"}},
    {
        "kind": "tool_finished",
        "id": "2",
        "name": "bash",
        "ok": False,
        "exit": 2,
        "result": "a\tb\r\nx\ry\x07\n" * 9,
    },
    {"kind": "finished", "ok": True, "result": None},
]


@pytest.mark.parametrize("columns", [40, 80])
def test_wide_letters_tabs_and_progress_bars_keep_every_line_whole(
    make_agent: MakeShim, tmux: Tmux, columns: int
) -> None:
    shim = make_agent(*HARD, task="直して 🛠️ the tests — привет " * 4)
    screen = in_tmux(tmux, shim, columns)
    wrapped = tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "t:").splitlines()
    plain = tmux("capture-pane", "-p", "-S", "-", "-t", "t:").splitlines()
    # A line that the terminal had to wrap would be joined to the one before.
    assert [line.rstrip() for line in wrapped] == [line.rstrip() for line in plain], screen
    assert "日本語" in "\n".join(plain)
    assert "exit 2" in "\n".join(plain)
    assert "50%" not in "\n".join(plain)
    # What a carriage return writes over was never to be read.
    assert "xy" not in "\n".join(plain)
