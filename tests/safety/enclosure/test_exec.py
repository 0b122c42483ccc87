"""`pancode sandbox exec` and `probe` as somebody uses them."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time

import pytest

from tests.safety.enclosure.conftest import SECRET, Box
from tests.terminal import wait_until
from tests.worker.sandboxes import become, python_for


def test_the_status_of_the_command_is_the_status_of_the_verb(box: Box) -> None:
    assert box.inside("sh", "-c", "exit 7").returncode == 7
    assert box.inside("sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM
    missing = box.inside("there-is-no-such-program")
    assert (missing.returncode, "there-is-no-such-program" in missing.stderr) == (127, True)


def test_what_is_written_stays_and_the_private_home_goes(box: Box) -> None:
    done = box.shell("echo new > made && echo mine > ~/mine && cat ~/mine && pwd")
    assert done.stdout == f"mine\n{box.tree}\n"
    assert (box.tree / "made").read_text() == "new\n"
    assert not (box.home / "mine").exists()
    assert list((box.home / ".pancode" / "exec").iterdir()) == []


def test_nothing_is_left_of_the_masks(box: Box) -> None:
    box.shell("ls -a; echo x > new")
    assert sorted(os.listdir(box.tree)) == [".git", "README", "new"]
    assert not (box.tree / ".git" / "commondir").exists()
    assert box.git("status", "--short") == "?? new\n"


@pytest.mark.parametrize("options", [("--mode", "plan"), ("--mode", "review"), ("--level", "suggest")])
def test_without_leave_to_write_the_tree_is_read_only_and_tmp_is_not(
    box: Box, options: tuple[str, ...]
) -> None:
    done = box.shell("cat README; echo x > /tmp/x && echo y > ~/y && echo scratch; echo x > made", *options)
    assert done.stdout == "read me\nscratch\n"
    assert "Read-only file system" in done.stderr
    assert not (box.tree / "made").exists()


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("home", "it is your home directory"),
        ("", "it holds your home directory"),
        ("home/.ssh", "where credentials are kept"),
        ("none", "there is no directory"),
    ],
)
def test_what_can_not_be_lent_is_refused_in_a_sentence(box: Box, where: str, why: str) -> None:
    done = box.inside("true", options=("--cwd", str(box.base / where)))
    assert done.returncode in (4, 5)
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_word_is_an_error(box: Box) -> None:
    assert box.inside("true", options=("--level", "autoedit")).returncode == 2
    assert box.inside("true", options=("--mode", "Build")).returncode == 2
    weaker = box.inside("true", options=("--accept-weaker", "anything"))
    assert (weaker.returncode, "fs-only" in weaker.stderr) == (2, True)


def test_secrets_variables_and_sockets_stay_outside(box: Box) -> None:
    script = "cat ~/.ssh/id_ed25519; env; cat /proc/*/environ | tr '\\0' '\\n'; ls -a ~ /tmp /run"
    told = box.pancode(
        "sandbox", "exec", "--", "bash", "-c", script,
        SSH_AUTH_SOCK="/tmp/agent", TMUX="/tmp/t,1,0", LD_PRELOAD="", AWS_SECRET_ACCESS_KEY=SECRET,
    )  # fmt: skip
    assert SECRET not in told.stdout
    for name in ("SSH_AUTH_SOCK", "TMUX", "AWS", "PYTHONPATH"):
        assert f"\n{name}" not in told.stdout
    assert ".pancode" not in told.stdout


def test_standard_input_and_output_are_passed_through(box: Box) -> None:
    done = subprocess.run(
        [*_words(box, "tr", "a-z", "A-Z")], cwd=box.tree, env=box.environment, input="abc", text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("ABC", 0)


def _words(box: Box, *command: str) -> list[str]:
    python = python_for(box.uid) or ""
    return [*become(box.uid), python, "-m", "pancode.cli.main", "sandbox", "exec", "--", *command]


def test_the_terminal_is_passed_through(box: Box) -> None:
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(box.tree)
        words = _words(box, "sh", "-c", "test -t 0 && test -t 1 && stty size && read x && echo got-$x")
        os.execvpe(words[0], words, box.environment)  # noqa: S606 -- no shell is wanted
    told = b""
    os.write(master, b"hello\n")
    while b"got-hello" not in told:
        told += os.read(master, 1024)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(master)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_ending_the_verb_ends_everything_in_the_sandbox(box: Box, number: signal.Signals) -> None:
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    script = f"setsid nohup sh -c 'sleep 61; : {mark}' >/dev/null 2>&1 & echo up; sleep 62"
    with subprocess.Popen(
        _words(box, "bash", "-c", script),
        cwd=box.tree,
        env=box.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as verb:
        assert verb.stdout is not None
        assert verb.stdout.readline() == "up\n"
        assert _living(mark)
        verb.send_signal(number)
        verb.wait(20)
        wait_until(lambda: not _living(mark), "all of it to end")


def _living(mark: str) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if mark.encode() in file.read():
                    found.append(name)
        except OSError:
            continue
    return found


def test_the_probe_names_what_it_tried_and_what_stopped_it(box: Box) -> None:
    told = box.pancode("sandbox", "probe", "--json")
    machine = json.loads(told.stdout)
    assert (told.returncode, machine["sandbox"], machine["why"]) == (0, "full", None)
    assert {each["name"] for each in machine["canaries"]} >= {"write-outside", "connect-out", "survive"}
    assert all(each["stopped"] for each in machine["canaries"])
    assert "✓ stopped" in box.pancode("sandbox", "probe").stdout
