"""Reading keys, other people's files, memory and environments."""

from __future__ import annotations

from tests.safety.escape.attempts.shape import Attempt, python, shell

ATTEMPTS: tuple[Attempt, ...] = (
    shell("ssh keys", 'cat "$P_HOME/.ssh/id_rsa" ~/.ssh/id_rsa'),
    shell(
        "cloud credentials",
        """
cat "$P_HOME/.aws/credentials" "$P_HOME/.config/gcloud/credentials.json" "$P_HOME/.kube/config"
""",
    ),
    shell(
        "agents' logins",
        """
cat "$P_HOME/.claude/.credentials.json" "$P_HOME/.codex/auth.json" "$P_HOME/.gemini/oauth_creds.json" \\
"$P_HOME/.local/share/opencode/auth.json" "$P_HOME/.copilot/config.json"
""",
    ),
    shell(
        "tokens of tools",
        """
cat "$P_HOME/.netrc" "$P_HOME/.npmrc" "$P_HOME/.pypirc" "$P_HOME/.git-credentials" \\
"$P_HOME/.config/gh/hosts.yml" "$P_HOME/.docker/config.json"
""",
    ),
    shell("the shell's history", 'cat "$P_HOME/.bash_history"'),
    shell(
        "the mail and the browser",
        'cat "$P_HOME/.mozilla/firefox/x/logins.json" "$P_HOME/.thunderbird/x/mail"',
    ),
    shell("another project's secrets", 'cat "$P_HOME/other/.env"'),
    shell("all of the home by grep", 'grep -rhs SECRET- "$P_HOME" | head -50'),
    shell(
        "PanCode's other runs",
        'cat "$P_PANHOME/projects/other/runs/r1/spec.json" "$P_PANHOME/audit.jsonl"',
    ),
    shell("the home through process 1", 'cat "/proc/1/root$P_HOME/.ssh/id_rsa"', control="maybe"),
    shell("the home through a symlink", 'ln -s "$P_HOME/.ssh" keys\ncat keys/id_rsa\nrm keys'),
    shell("the home by another name", 'cat "$P_WT/../.ssh/id_rsa" "/proc/self/cwd/../.ssh/id_rsa"'),
    shell("own environment", "env"),
    shell("environments of all", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'"),
    shell("environment of process 1", "tr '\\0' '\\n' < /proc/1/environ", control="no"),
    shell(
        "command lines of all",
        """
all=$(cat /proc/[0-9]*/cmdline | tr '\\0' ' ')
case "$all" in *"$P_MARK-T"*) echo "GOT $P_TOKEN" ;; esac
""",
        victim=True,
    ),
    python(
        "memory of every process of the stage",
        """
me = os.getpid()
for folder in glob.glob("/proc/[0-9]*"):
    pid = int(folder[6:])
    try:
        if pid == me or not (pid == 1 or E["P_MARK"].encode() in open(folder + "/cmdline", "rb").read()):
            continue
        for line in open(folder + "/maps"):
            if "[stack]" in line or "[heap]" in line:
                low, high = (int(x, 16) for x in line.split()[0].split("-"))
                with open(folder + "/mem", "rb") as memory:
                    memory.seek(low)
                    data = memory.read(high - low)
                at = data.find(b"SECRET-")
                if at >= 0:
                    print(data[at:at + 60])
    except (OSError, ValueError):
        pass
""",
        victim=True,
        control="maybe",
    ),
    python(
        "memory by process_vm_readv",
        """
pid = int(E["P_VICTIM"])
for line in open(f"/proc/{pid}/maps"):
    if "[stack]" in line:
        low, high = (int(x, 16) for x in line.split()[0].split("-"))
        size = high - low
        room = ctypes.create_string_buffer(size)
        class Vec(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
        here, there = Vec(ctypes.addressof(room), size), Vec(low, size)
        call(310, 270, pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
        at = room.raw.find(b"SECRET-")
        print(room.raw[at:at + 60] if at >= 0 else "none")
""",
        victim=True,
        control="maybe",
    ),
    python(
        "a file by the descriptor of another",
        """
pid = int(E["P_VICTIM"])
fd, wrong = call(434, 434, pid, 0)
for number in range(3, 20):
    mine, wrong = call(438, 438, fd, number, 0)
    if mine >= 0 and os.readlink(f"/proc/self/fd/{mine}").startswith(BASE):
        print(os.pread(mine, 100, 0))
""",
        victim=True,
        control="maybe",
    ),
    shell("shared memory by name", 'cat "/dev/shm/$P_SHM/secret"'),
    python(
        "shared memory of System V",
        """
libc.shmat.restype = ctypes.c_void_p
at = libc.shmat(libc.shmget(int(E["P_SYSV"]), 0, 0), None, 0o10000)
print(ctypes.string_at(at, 60) if at and at != ctypes.c_void_p(-1).value else "none")
""",
    ),
    python(
        "a message queue",
        """
queue = libc.mq_open(E["P_MQ"].encode(), os.O_RDONLY | os.O_NONBLOCK)
room = ctypes.create_string_buffer(8192)
if queue >= 0 and libc.mq_receive(queue, room, 8192, None) > 0:
    print(room.value)
""",
        control="maybe",
    ),
    python(
        "the kernel's keyring",
        """
key, wrong = call(249, 218, b"user", E["P_KEY"].encode(), None, 0)
if key < 0:
    key, wrong = call(250, 219, 10, -3, b"user", E["P_KEY"].encode(), 0)
room = ctypes.create_string_buffer(200)
if key > 0 and call(250, 219, 11, key, room, 200)[0] > 0:
    print(room.value)
""",
        control="maybe",
    ),
    shell(
        "the machine's passwords",
        'head -c1 /etc/shadow > /dev/null && echo "GOT $P_TOKEN"',
        control="root",
    ),
    shell(
        "what the launcher left open",
        """
for f in /proc/self/fd/* /proc/$PPID/fd/* /proc/1/fd/*; do
case $(readlink $f) in $P_BASE/held*) head -c 200 $f ;; esac
done
""",
    ),
    python(
        "the kernel's log",
        """
room = ctypes.create_string_buffer(4096)
if libc.klogctl(3, room, 4096) >= 0:
    got()
""",
        control="root",
    ),
)
