"""What a sandboxed command can't do, judged from outside of it; as root, and as a user without rights."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pancode.worker.seccomp import program
from tests.worker.enclosing import (
    EXEC_BOOT,
    UID,
    Boot,
    landlocked,
    needs_bwrap,
    options,
    profile,
)

pytestmark = needs_bwrap
both = pytest.mark.parametrize("make", [profile, landlocked])
REFUSED = "Operation not permitted"


@pytest.fixture(params=["self", "user"])
def boot(request: pytest.FixtureRequest) -> Iterator[Boot]:
    """Give what runs commands in a sandbox whose tree others may enter, too."""
    uid = None
    if request.param == "user":
        uid = UID
        become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "test", "-r"]
        if os.getuid() != 0 or not shutil.which("setpriv"):
            pytest.skip("needs root and setpriv, to become somebody else")
        if subprocess.run([*become, str(EXEC_BOOT)], check=False).returncode:
            pytest.skip("needs a checkout that others may read")
    top = Path(tempfile.mkdtemp(prefix="pancode-test-", dir="/var/tmp"))
    top.chmod(0o755)
    tree = top / "tree"
    (tree / ".git" / "hooks").mkdir(parents=True)
    yield Boot(tree, uid)
    shutil.rmtree(top)


@contextlib.contextmanager
def ear(family: int, address: Any) -> Iterator[socket.socket]:
    """Listen at `address`; accepting gives BlockingIOError when nobody has come."""
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        server.setblocking(False)
        yield server


def unheard(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return True
    return False


@both
def test_only_the_tree_can_be_written(boot: Boot, make: Any) -> None:
    boot.tree.parent.chmod(0o777)
    said = boot.shell("echo x > in; echo x > ../out; ln in ../out; mv in ../out", sandbox=make(boot.tree))
    assert (boot.tree / "in").exists(), said
    assert not (boot.tree.parent / "out").exists(), said


def test_hooks_that_are_mounted_read_only_stay_as_they_are(boot: Boot) -> None:
    hooks = boot.tree / ".git" / "hooks"
    sandbox = profile(boot.tree, options=options(boot.tree, git=True))
    boot.shell(
        "echo x > .git/hooks/pre-commit; mv .git .g; mv .git/hooks .git/h; mkdir -p .git/hooks; "
        "umount .git/hooks; mount -o remount,rw .git/hooks; echo x > .git/hooks/pre-commit; echo x > .git/ok",
        sandbox=sandbox,
    )
    assert (boot.tree / ".git" / "ok").exists()
    assert list(hooks.iterdir()) == []
    assert not (boot.tree / ".g").exists()


@both
def test_nothing_outside_is_connected_to(boot: Boot, make: Any) -> None:
    with ear(socket.AF_INET, ("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        said = boot.python(code.replace("-I -S", ""), sandbox=make(boot.tree))
        assert unheard(server), said
        assert "refused" in said.lower() or "permission denied" in said.lower()


def test_landlock_alone_lets_no_datagrams_out(boot: Boot) -> None:
    code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
    assert REFUSED in boot.python(code, sandbox=landlocked(boot.tree))


@both
def test_a_socket_of_this_machine_is_out_of_reach(boot: Boot, make: Any) -> None:
    path = str(boot.tree / "s")
    name = f"\0pancode-{os.getpid()}-{boot.tree.parent.name}"
    code = (
        "import socket\n"
        f"for address in ({path!r}, {name!r}):\n"
        "    try: socket.socket(socket.AF_UNIX).connect(address)\n"
        "    except OSError as error: print(error)"
    )
    with ear(socket.AF_UNIX, path) as seen, ear(socket.AF_UNIX, name) as unseen:
        Path(path).chmod(0o777)
        said = boot.python(code, sandbox=make(boot.tree))
        assert unheard(seen), said
        assert unheard(unseen), said
    assert said.count(REFUSED) == 2


def test_sockets_of_this_machine_can_be_allowed(boot: Boot) -> None:
    code = "import socket; socket.socket(socket.AF_UNIX).bind('mine'); print('made')"
    assert boot.python(code, sandbox=profile(boot.tree, unix=True, filter=program(unix=True).hex())) == "made"


def test_pairs_of_sockets_are_made_but_for_datagrams(boot: Boot) -> None:
    code = (
        "import socket\n"
        "socket.socketpair(); print('stream')\n"
        "socket.socketpair(type=socket.SOCK_SEQPACKET); print('packets')\n"
        "try: socket.socketpair(type=socket.SOCK_DGRAM)\n"
        "except OSError as error: print(error.errno)"
    )
    assert boot.python(code).split() == ["stream", "packets", "1"]


@both
def test_no_file_gets_a_set_id_bit(boot: Boot, make: Any) -> None:
    code = (
        "import os\n"
        "open('a', 'w').close()\n"
        "for do in (lambda: os.chmod('a', 0o4755), lambda: os.chmod('a', 0o2755),\n"
        "           lambda: os.fchmod(os.open('a', os.O_RDWR), 0o6755),\n"
        "           lambda: os.open('b', os.O_CREAT | os.O_WRONLY, 0o4755),\n"
        "           lambda: os.mknod('c', 0o102755), lambda: os.mkdir('d', 0o2755),\n"
        "           lambda: os.chmod('a', 0o755)):\n"
        "    try: do(); print('done')\n"
        "    except OSError as error: print(error.errno)"
    )
    assert boot.python(code, sandbox=make(boot.tree)).split() == ["1"] * 6 + ["done"]
    assert not [each for each in boot.tree.iterdir() if each.stat().st_mode & 0o6000]


@both
def test_no_namespace_is_made_and_nothing_is_mounted(boot: Boot, make: Any) -> None:
    code = (
        "import ctypes; c = ctypes.CDLL(None, use_errno=True)\n"
        "CLONE_NEWUSER = 0x10000000\n"
        "calls = [('unshare', CLONE_NEWUSER), ('setns', 0, 0), ('chroot', b'/'), ('syscall', 425, 8, 0),\n"
        "         ('ptrace', 0, 0, 0, 0), ('mount', b'a', b'/', b'tmpfs', 0, 0),\n"
        "         ('syscall', 56, CLONE_NEWUSER | 17, 0, 0, 0, 0),\n"
        "         ('syscall', 435, 0, 0), ('syscall', 437, 0, 0, 0, 0), ('personality', 0x40000)]\n"
        "for name, *args in calls:\n"
        "    assert getattr(c, name)(*args) == -1, name\n"
        "    print(ctypes.get_errno())"
    )
    if os.uname().machine != "x86_64":
        pytest.skip("names system calls by their numbers on x86_64")
    assert boot.python(code, sandbox=make(boot.tree)).split() == ["1"] * 7 + ["38", "38", "1"]


def test_nothing_of_the_operators_environment_and_descriptors_is_inside(boot: Boot) -> None:
    with (boot.tree.parent / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        done = subprocess.run(
            boot.words(
                ["sh", "-c", "ls /proc/self/fd; cat /proc/[0-9]*/environ"],
                profile(boot.tree),
            ),
            capture_output=True,
            text=True,
            check=False,
            pass_fds=[held.fileno()],
            env={"SECRET_OF_THE_OPERATOR": "hunter2"},
            stdin=subprocess.DEVNULL,
        )
    assert "hunter2" not in done.stdout
    # The fourth is the directory that is being listed.
    assert done.stdout.split()[:4] == ["0", "1", "2", "3"]


@both
def test_signals_and_descriptors_are_as_a_program_expects(boot: Boot, make: Any) -> None:
    said = boot.shell("grep -E 'Sig(Blk|Ign)|NoNewPrivs' /proc/self/status", sandbox=make(boot.tree))
    assert said.split() == ["SigBlk:", "0" * 16, "SigIgn:", "0" * 16, "NoNewPrivs:", "1"]


def test_landlock_is_the_second_wall_where_that_is_asked_for(boot: Boot) -> None:
    sandbox = profile(boot.tree, landlock=True, writable=["/dev"])
    said = boot.shell("cat /etc/hostname > /dev/null && echo read; echo x > in", sandbox=sandbox)
    assert said.startswith("read\n")
    assert not (boot.tree / "in").exists()


@both
def test_a_program_whose_name_holds_an_equals_sign_is_no_variable(boot: Boot, make: Any) -> None:
    program = boot.tree / "a=b"
    program.write_text("#!/bin/sh\necho ran $1\n")
    program.chmod(0o755)
    assert boot.run(str(program), "it", sandbox=make(boot.tree)).stdout == "ran it\n"


@pytest.mark.parametrize("make", [profile, landlocked])
def test_limits_hold_for_all_processes_together(boot: Boot, make: Any) -> None:
    limits = {"memory_bytes": 200 << 20, "processes": 15, "file_bytes": 1 << 20, "cpu_s": 20}
    sandbox = make(boot.tree, limits=limits)
    run = f"test-{uuid.uuid4().hex}"
    done = boot.run("python3", "-I", "-S", "-c", "bytearray(400 << 20)", sandbox=sandbox, run=run)
    assert done.returncode in (1, 137)
    assert "Resource temporarily unavailable" in boot.python(
        "import os\nfor _ in range(60):\n    if os.fork() == 0: os.read(os.pipe()[0], 1)",
        sandbox=sandbox,
        run=run,
    )
    boot.shell("head -c 3000000 /dev/zero > big", sandbox=sandbox, run=run)
    assert (boot.tree / "big").stat().st_size == 1 << 20
    assert {each["limits"] for each in boot.records()} <= {"cgroup", "rlimit", "systemd"}
    left = list(Path("/sys/fs/cgroup").glob(f"*/pancode-{run}-*"))
    assert not left


def test_what_fails_in_the_sandbox_has_the_usual_exit_statuses(boot: Boot) -> None:
    script = boot.tree / "script"
    script.write_text("echo\n")
    assert boot.run("./no-such-program").returncode == 127
    assert boot.run(str(script)).returncode == 126
    assert boot.run("sh", "-c", "exit 9").returncode == 9
    assert boot.run("sh", "-c", "kill -TERM $$").returncode == 143
    broken = profile(boot.tree)
    broken["options"] += ["--ro-bind", "/no-such-place", "/no-such-place"]
    assert boot.run("true", sandbox=broken).returncode == 125
    nothing = profile(boot.tree, program="/no/bwrap")
    done = boot.run("true", sandbox=nothing)
    assert (done.returncode, done.stderr) == (
        125,
        'pancode: can\'t start "/no/bwrap": no such file or directory\n',
    )
