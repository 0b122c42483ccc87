"""The kernel's own doors: calls that only an administrator may make, settings, devices."""

from __future__ import annotations

from tests.safety.escape.attempts.shape import Attempt, python, shell

_OPENED = """
for path in PATHS:
    for one in glob.glob(path):
        try:
            os.close(os.open(one, os.O_WRONLY))
        except OSError as problem:
            print(one, problem)
        else:
            got(one)
"""


def _opens(name: str, *paths: str, control: str = "root") -> Attempt:
    return python(f"open {name} for writing", f"PATHS = {paths!r}{_OPENED}", control=control)


ATTEMPTS: tuple[Attempt, ...] = (
    python(
        "a program of the kernel",
        """
room = ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 4, 1), 120)
if call(321, 280, 0, room, 120)[0] >= 0:
    got()
""",
        control="root",
    ),
    python(
        "the kernel's counters",
        """
room = ctypes.create_string_buffer(struct.pack("IIQ", 1, 112, 0), 112)
if call(298, 241, room, 0, -1, -1, 0)[0] >= 0:
    got()
""",
        control="maybe",
    ),
    python("faults handled here", "\nif call(323, 282, 0)[0] >= 0:\n    got()\n", control="maybe"),
    python(
        "modules, swap and restart, all with wrong arguments",
        """
for name, x86, arm, args in (("init_module", 175, 105, (None, 0, b"")), ("kexec", 246, 104, (0, 0, None, 1)),
                             ("swapoff", 168, 225, (b"/nowhere",)), ("reboot", 169, 142, (0, 0, 0, None))):
    result, wrong = call(x86, arm, *args)
    if wrong not in (errno.EPERM, errno.ENOSYS, errno.EACCES):
        got(name, errno.errorcode.get(wrong))
""",
        control="root",
    ),
    python("the ports of the machine", "\nif not ARM and libc.iopl(3) == 0:\n    got()\n", control="maybe"),
    python(
        "another root by wrong arguments",
        """
result, wrong = call(155, 41, b"/nowhere-at-all", b"/nowhere-at-all")
if wrong not in (errno.EPERM, errno.ENOSYS):
    got()
""",
        control="root",
    ),
    python(
        "the machine's name",
        """
name = socket.gethostname().encode()
if libc.sethostname(name, len(name)) == 0:
    got()
""",
        control="root",
    ),
    _opens("the pattern of core dumps", "/proc/sys/kernel/core_pattern"),
    _opens("the loader of modules", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", control="maybe"),
    _opens("the key of emergencies", "/proc/sysrq-trigger", control="maybe"),
    _opens(
        "the machine's settings",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/kernel/hostname",
    ),
    _opens("the kinds of programs", "/proc/sys/fs/binfmt_misc/register", control="maybe"),
    _opens("the agent of cgroups", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/*/release_agent"),
    _opens(
        "the lists of cgroups",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/fs/cgroup/*/cgroup.procs",
        "/sys/fs/cgroup/*/tasks",
    ),
    _opens(
        "the kernel's switches",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/kernel/uevent_helper",
        "/sys/power/state",
    ),
    _opens(
        "memory and disks",
        "/dev/mem",
        "/dev/port",
        "/dev/sd?",
        "/dev/vd?",
        "/dev/nvme?n?",
        "/dev/loop*",
        "/dev/kvm",
        "/dev/fuse",
    ),
    _opens("the kernel's log", "/dev/kmsg"),
    shell(
        "a cgroup of its own",
        """
for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do
mkdir "$d/$P_TOKEN" && echo "GOT $P_TOKEN"
rmdir "$d/$P_TOKEN"
done 2>/dev/null
""",
        control="root",
    ),
)
