"""The canaries: forbidden acts, tried in a sandbox; `python -I -S acts.py FILE` prints what came of them.

FILE is JSON: `outside` (a directory), `secret` (a file), `port` (TCP, of the host), `sockets` (paths),
`pid` (of the host), `tree` (the work directory), `token`.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

_NEW_USER = 0x10000000
_IO_URING_SETUP = 425
_ATTEMPT_S = 2.0
_SET_UID = 0o4755


def main(path: str) -> None:
    """Try every act; print one JSON object: name -> "" when it worked, else what stopped it."""
    with open(path, encoding="utf-8") as file:
        plan = json.load(file)
    sys.stdout.write(json.dumps({name: _tried(act, plan) for name, act in ACTS.items()}))


def _tried(act: Callable[[dict[str, Any]], None], plan: dict[str, Any]) -> str:
    try:
        act(plan)
    except (OSError, subprocess.SubprocessError) as error:
        return getattr(error, "strerror", None) or type(error).__name__
    return ""


def _write_outside(plan: dict[str, Any]) -> None:
    with open(os.path.join(plan["outside"], "written"), "w", encoding="utf-8") as file:
        file.write("x")


def _read_secret(plan: dict[str, Any]) -> None:
    with open(plan["secret"], encoding="utf-8") as file:
        file.read()


def _connect_out(plan: dict[str, Any]) -> None:
    with socket.create_connection(("127.0.0.1", plan["port"]), _ATTEMPT_S) as line:
        line.sendall(b"connect-out")


def _reach_socket(plan: dict[str, Any]) -> None:
    problem = OSError("no socket to try")
    for path in plan["sockets"]:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(_ATTEMPT_S)
                line.connect(path.replace("@", "\0", 1) if path.startswith("@") else path)
                line.sendall(b"reach-socket")
        except OSError as error:
            problem = error
        else:
            return
    raise problem


def _signal_host(plan: dict[str, Any]) -> None:
    os.kill(plan["pid"], 0)


def _call(number: int, *words: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(256)
    if libc.syscall(number, *words, ctypes.byref(room)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _new_namespace(_: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if libc.unshare(_NEW_USER) == 0 else ctypes.get_errno())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


def _io_uring(_: dict[str, Any]) -> None:
    _call(_IO_URING_SETUP, 1)


def _change_git(plan: dict[str, Any]) -> None:
    with open(os.path.join(plan["tree"], ".git", "config"), "a", encoding="utf-8") as file:
        file.write("\n[core]\n\tfsmonitor = true\n")


def _plant_settings(plan: dict[str, Any]) -> None:
    place = os.path.join(plan["tree"], ".claude")
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(place, "settings.json"), "w", encoding="utf-8") as file:
        file.write("{}")


def _set_uid(plan: dict[str, Any]) -> None:
    path = os.path.join(plan["tree"], "tool")
    with open(path, "w", encoding="utf-8") as file:
        file.write("x")
    os.chmod(path, _SET_UID)


def _kernel_settings(_: dict[str, Any]) -> None:
    path = "/proc/sys/fs/dir-notify-enable"
    with open(path, encoding="utf-8") as file:
        value = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(value)


def _survive(plan: dict[str, Any]) -> None:
    words = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(20)", plan["token"]]
    nowhere = subprocess.DEVNULL
    subprocess.Popen(words, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)


ACTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "write-outside": _write_outside,
    "read-secret": _read_secret,
    "connect-out": _connect_out,
    "reach-socket": _reach_socket,
    "signal-host": _signal_host,
    "new-namespace": _new_namespace,
    "io-uring": _io_uring,
    "change-git": _change_git,
    "plant-settings": _plant_settings,
    "set-uid": _set_uid,
    "kernel-settings": _kernel_settings,
    "survive": _survive,
}

if __name__ == "__main__":
    main(sys.argv[1])
