"""What an attempt is: a small program for the inside, and where its trace would show outside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way out, tried by a program that runs inside.

    `text` is a shell script, or Python if `python`. The stage gives it these variables: P_NAME, P_TOKEN
    (unique for this attempt), P_OUT and P_OPEN (directories outside that are its own: one in the
    operator's home, one elsewhere), P_BASE, P_HOME, P_WT, P_MAIN and those of the stage's services.
    It has escaped if anything of the following is true afterwards, judged from outside: one of its own
    directories changed, its token is in a file of the operator's home or of a protected path, a listener
    heard its token, a process with its token lives, its output has a secret or says `GOT <token>`.
    Attempts of one `lane` share a start of the sandbox. `control` says whether it gets out where there
    is no sandbox, to be seen in the control run: "yes", "root" (only root), "no" or "maybe".
    `plain` = a plain git outside is fooled by what no mount can forbid; the trusted way is not.
    """

    name: str
    text: str
    lane: str = "common"
    python: bool = False
    control: str = "yes"
    victim: bool = False
    plain: bool = False


def shell(name: str, text: str, **more: object) -> Attempt:
    """Give an attempt that is a shell script; a variable that is missing ends it."""
    return Attempt(name, "set -u\n" + text.strip() + "\n", **more)  # type: ignore[arg-type]


def python(name: str, text: str, **more: object) -> Attempt:
    """Give an attempt that is a Python program; PRELUDE stands before it."""
    return Attempt(name, PRELUDE + text.strip() + "\n", python=True, **more)  # type: ignore[arg-type]


PRELUDE = """\
import ctypes, errno, glob, os, socket, struct, sys
E = os.environ
TOKEN, OUT, OPEN, WT, HOME, BASE = (E["P_" + n] for n in ("TOKEN", "OUT", "OPEN", "WT", "HOME", "BASE"))
libc = ctypes.CDLL(None, use_errno=True)
ARM = os.uname().machine == "aarch64"
def call(x86, arm, *args):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(arm if ARM else x86), *args)
    return result, ctypes.get_errno()
def got(*words):
    print("GOT", TOKEN, *words, flush=True)
"""
DRIVER = """
import ctypes, glob, os, signal, socket, struct, sys
def attempt(file, output, own):
    os.setpgid(0, 0)
    os.environ.update(own)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT, 0o666), 1)
    os.dup2(1, 2)
    if file.endswith(".sh"):
        os.execvp("sh", ["sh", file])
    exec(compile(open(file).read(), file, "exec"), {"__name__": "__main__"})
def too_late(number, frame):
    os.killpg(pid, signal.SIGKILL)
os.environ.update(SHARED)
signal.signal(signal.SIGALRM, too_late)
for file, output, own in MADE:
    os.chdir(TREE)
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        try:
            attempt(file, output, own)
        except BaseException as problem:
            print(problem, flush=True)
        finally:
            sys.stdout.flush()
            os._exit(0)
    signal.alarm(15)
    os.waitpid(pid, 0)
    signal.alarm(0)
"""
"""Makes the attempts inside: one process for each, which the alarm ends after 15 s."""
