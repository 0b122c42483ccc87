"""Outliving the run, reaching other processes and the operator's terminal."""

from __future__ import annotations

from tests.safety.escape.attempts.shape import Attempt, python, shell

_SLEEP = "python3 -c 'import time; time.sleep(77)' $P_TOKEN"
ATTEMPTS: tuple[Attempt, ...] = (
    shell("a child in the background", _SLEEP + " &"),
    shell("a child without a terminal", "nohup " + _SLEEP + " >/dev/null 2>&1 &"),
    shell("a child in a session of its own", "setsid -f " + _SLEEP + " >/dev/null 2>&1"),
    python(
        "a grandchild that forgot its parents",
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import signal
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        os.closerange(0, 3)
        os.execvp("python3", ["python3", "-c", "import time; time.sleep(77)", TOKEN])
    os._exit(0)
os.wait()
""",
    ),
    python(
        "a child that ignores the end of its parent",
        """
if os.fork() == 0:
    libc.prctl(1, 0, 0, 0, 0)
    os.setsid()
    os.closerange(0, 3)
    os.execvp("python3", ["python3", "-c", "import time; time.sleep(77)", TOKEN])
""",
    ),
    python(
        "a chain that forks again and again",
        """
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 3)
    code = "import os,sys,time\\nend=time.time()+20\\nwhile time.time()<end:\\n"
    code += " if os.fork(): os._exit(0)\\n os.setsid()\\n time.sleep(.05)"
    os.execvp("python3", ["python3", "-c", code, TOKEN])
""",
        control="maybe",
    ),
    shell(
        "a timer of the machine",
        """
[ "$P_INSIDE" ] || exit 0
echo "touch $P_OUT/ran" | at now
systemd-run --user touch "$P_OUT/ran"
true
""",
        control="no",
    ),
    shell("kill another process", 'kill -TERM "$P_VICTIM"', victim=True),
    shell("kill all by name", 'pkill -f "$P_MARK-$P_VICTIM_NAME"', victim=True, control="maybe"),
    python(
        "signal by pidfd",
        'fd, wrong = call(434, 434, int(E["P_VICTIM"]), 0)\nprint(call(424, 424, fd, 15, None, 0))',
        victim=True,
    ),
    python(
        "queue a signal",
        """
pid = int(E["P_VICTIM"])
print(call(129, 138, pid, 15, ctypes.create_string_buffer(128)), call(62, 129, pid, 15))
""",
        victim=True,
    ),
    python(
        "trace another process",
        """
if libc.ptrace(0x4206, int(E["P_VICTIM"]), None, None) == 0:
    got()
""",
        victim=True,
        control="maybe",
    ),
    python(
        "write into another's memory",
        """
pid = int(E["P_VICTIM"])
with open(f"/proc/{pid}/mem", "r+b", buffering=0):
    got()
""",
        victim=True,
        control="maybe",
    ),
    shell(
        "another's priority and limits",
        """
renice -n 19 -p "$P_VICTIM" && echo "GOT $P_TOKEN"
prlimit --pid "$P_VICTIM" --core=0 && echo "GOT $P_TOKEN"
""",
        victim=True,
    ),
    shell(
        "the killer's choice",
        'echo 1000 > "/proc/$P_VICTIM/oom_score_adj" && echo "GOT $P_TOKEN"',
        victim=True,
    ),
    shell("a namespace of users", 'unshare -Ur true && echo "GOT $P_TOKEN"', control="maybe"),
    shell("a namespace of mounts", 'unshare -m true && echo "GOT $P_TOKEN"', control="root"),
    python(
        "a namespace by clone3",
        """
room = struct.pack("11Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
pid, wrong = call(435, 435, ctypes.c_char_p(room), 88)
if pid == 0:
    os._exit(0)
if pid > 0:
    got()
""",
        control="maybe",
    ),
    python(
        "the namespaces of process 1",
        """
for name in ("mnt", "net", "pid", "user"):
    try:
        fd = os.open(f"/proc/1/ns/{name}", os.O_RDONLY)
        other = os.readlink(f"/proc/1/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
        if other and libc.setns(fd, 0) == 0:
            got(name)
    except OSError as problem:
        print(problem)
""",
        control="maybe",
    ),
    shell(
        "a sandbox in the sandbox",
        'bwrap --ro-bind / / --dev /dev true && echo "GOT $P_TOKEN"',
        control="maybe",
    ),
    shell(
        "a higher uid by the machine's programs",
        """
sudo -n true && echo "GOT $P_TOKEN"
su -c true root </dev/null && echo "GOT $P_TOKEN"
""",
        control="maybe",
    ),
    python(
        "more rights",
        """
status = open("/proc/self/status").read()
caps = [line.split()[1] for line in status.splitlines() if line.startswith(("CapPrm", "CapEff"))]
if int(caps[1], 16) or int(caps[0], 16):
    got(*caps)
""",
        control="root",
    ),
    python("new privileges", "\nif libc.prctl(39, 0, 0, 0, 0) == 0:\n    got()\n"),
    python(
        "end the sandbox from inside",
        "import signal\nos.kill(-1, signal.SIGKILL) if os.getpid() < 100000 and E.get('P_INSIDE') else None",
        lane="end",
        control="no",
    ),
    python(
        "keystrokes for the operator's terminal",
        """
import fcntl
for place in ("/dev/tty", "/proc/self/fd/0", "/proc/1/fd/0"):
    if place.startswith("/proc/1/") and not E.get("P_INSIDE"):
        continue
    try:
        fd = os.open(place, os.O_RDWR | os.O_NOCTTY)
        for letter in TOKEN.encode():
            fcntl.ioctl(fd, 0x5412, bytes([letter]))
    except OSError as problem:
        print(place, problem)
""",
        lane="terminal",
        control="maybe",
    ),
    python(
        "a selection for the operator's terminal",
        """
import fcntl
try:
    fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), 0x541C, b"\\x02" + b"\\0" * 11)
    got()
except OSError as problem:
    print(problem)
""",
        lane="terminal",
        control="no",
    ),
)
