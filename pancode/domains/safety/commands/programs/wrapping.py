"""The programs that run their operands, as data."""

from __future__ import annotations

from dataclasses import dataclass

from pancode.domains.safety.commands.calls import (
    Finding,
    named,
    system,
)


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A program that runs its operands: options with a value, operands to skip, what it is itself."""

    values: tuple[str, ...] = ()
    skips: int = 0
    finding: Finding | None = None


PRIVILEGE = system("privilege", "takes the rights of another account")


_ENCLOSURE = system("enclosure", "makes or enters another enclosure")


OTHERS = system("other-process", "looks into other processes")


WRAPPERS: dict[str, Wrapper] = {
    **dict.fromkeys(
        named("nohup setsid linux32 linux64 i386 x86_64 nocache eatmydata unbuffer catchsegv"), Wrapper()
    ),
    **dict.fromkeys(
        named("pexec with-contenv dumb-init tini heaptrack fakeroot caffeinate rlwrap"), Wrapper()
    ),
    **dict.fromkeys(
        named("valgrind perf_stat dbus-run-session dotenvx aoss stdoutisatty cached-nix-shell"), Wrapper()
    ),
    **dict.fromkeys(("nice", "ionice"), Wrapper(named("n c p adjustment class classdata"))),
    "time": Wrapper(named("f o format output")),
    "timeout": Wrapper(named("k s kill-after signal"), 1),
    "gtimeout": Wrapper(named("k s kill-after signal"), 1),
    "stdbuf": Wrapper(named("i o e input output error")),
    "chrt": Wrapper((), 1),
    "taskset": Wrapper((), 1),
    "setarch": Wrapper(),
    "chpst": Wrapper(named("u U e m n")),
    "choom": Wrapper(named("n p")),
    "trickle": Wrapper(named("u d")),
    "softlimit": Wrapper(named("m d s f")),
    "envdir": Wrapper((), 1),
    "cgexec": Wrapper(named("g")),
    "uftrace": Wrapper((), 1),
    "rr": Wrapper((), 1),
    "proot": Wrapper(named("b r w 0")),
    "faketime": Wrapper(named("f"), 1),
    "strace": Wrapper(named("e o p s P O S a E I u b trace")),
    "ltrace": Wrapper(named("e o p s n a u x l")),
    "prlimit": Wrapper(named("p pid")),
    "numactl": Wrapper(named("N m C p i cpunodebind membind physcpubind")),
    "xvfb-run": Wrapper(named("n s e f server-args server-num")),
    "setpriv": Wrapper(named("reuid regid groups"), 0, PRIVILEGE),
    "firejail": Wrapper(),
    "entr": Wrapper(),
    "busybox": Wrapper(),
    "toybox": Wrapper(),
    "rtk": Wrapper(),
    "heapusage": Wrapper(),
    **dict.fromkeys(
        named("sudo gsudo doas sudoedit"),
        Wrapper(named("u g h p C r t U D R user group host"), 0, PRIVILEGE),
    ),
    "pkexec": Wrapper(named("user"), 0, PRIVILEGE),
    "runuser": Wrapper(named("u g G user group"), 0, PRIVILEGE),
    "unshare": Wrapper((), 0, _ENCLOSURE),
    "nsenter": Wrapper(named("t target"), 0, _ENCLOSURE),
    "chroot": Wrapper(named("userspec groups"), 1, _ENCLOSURE),
    **dict.fromkeys(
        named("bwrap systemd-nspawn runc crun lxc-attach machinectl capsh"), Wrapper((), 99, _ENCLOSURE)
    ),
    **dict.fromkeys(
        named("systemd-run"),
        Wrapper(named("p u t E property unit setenv"), 0, system("service", "starts a service")),
    ),
    "start-stop-daemon": Wrapper(
        named("x p u c exec pidfile user chuid"), 0, system("service", "starts or stops a service")
    ),
}
