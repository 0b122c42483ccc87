"""The filter of system calls for everything in a sandbox: classic BPF, assembled by hand."""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

EPERM, ENOSYS = 1, 38
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_X32 = 0x40000000
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of the tables below, and what the kernel calls the architecture."""

_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_STREAM, _SEQPACKET, _TYPE = 1, 5, 0xF
_IPPROTO_TCP = 6
_FAST_OPEN = 0x20000000
"""Connects without a connect() that Landlock would see."""
_NAMESPACES = 0x7E020000
_SET_ID = 0o6000
_CREATES = 0x400040
"""O_CREAT and O_TMPFILE: without them, nobody reads the mode."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_JUST_ASKING = 0xFFFFFFFF

# Name: (x86_64, aarch64); -1: there is none.
_REFUSED = {
    "ptrace": (101, 117),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "setns": (308, 268),
    "unshare": (272, 97),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "create_module": (174, -1),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "userfaultfd": (323, 282),
    "pidfd_getfd": (438, 438),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "syslog": (103, 116),
    "nfsservctl": (180, 42),
    "lookup_dcookie": (212, 18),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "vhangup": (153, 58),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "uselib": (134, -1),
}
# Their arguments are behind a pointer, where no filter sees them; callers fall back to what can be judged.
_MISSING = {"clone3": (435, 435), "openat2": (437, 437)}
# Name: numbers, and which argument is the mode.
_MODES = {
    "chmod": ((90, -1), 1),
    "fchmod": ((91, 52), 1),
    "fchmodat": ((268, 53), 2),
    "fchmodat2": ((452, 452), 2),
    "creat": ((85, -1), 1),
    "mknod": ((133, -1), 1),
    "mknodat": ((259, 33), 2),
    "mkdir": ((83, -1), 1),
    "mkdirat": ((258, 34), 2),
}
# Name: numbers, and which argument holds the flags; the mode is the next one.
_OPENS = {"open": ((2, -1), 1), "openat": ((257, 56), 2)}
# Name: numbers, and which argument holds the flags.
_SENDS = {"sendto": ((44, 206), 3), "sendmsg": ((46, 211), 2), "sendmmsg": ((307, 269), 3)}
_CLONE, _SOCKET, _SOCKETPAIR, _IOCTL, _PERSONALITY = (56, 220), (41, 198), (53, 199), (16, 29), (135, 92)


class UnknownMachineError(Exception):
    """No filter is known for this kind of machine."""


class _Program:
    """Instructions, 8 bytes each; jumps count instructions from the next one."""

    def __init__(self, column: int) -> None:
        self.code = bytearray()
        self._column = column

    def do(self, code: int, k: int, yes: int = 0, no: int = 0) -> None:
        """Append one instruction."""
        self.code += code.to_bytes(2, "little") + bytes((yes, no)) + k.to_bytes(4, "little")

    def refuse(self, errno: int = EPERM) -> None:
        """Append the end of the line for a call."""
        self.do(_RETURN, _ERRNO | errno)

    def argument(self, number: int) -> None:
        """Load the lower half of an argument; what is judged here has no more than 32 bits."""
        self.do(_LOAD, 16 + 8 * number)

    def only(self, *values: int) -> None:
        """Refuse unless what is loaded is one of `values`."""
        for at, value in enumerate(values):
            self.do(_EQUAL, value, yes=len(values) - at)
        self.refuse()

    def none_of(self, bits: int) -> None:
        """Refuse if what is loaded has any of `bits`."""
        self.do(_ANY_BIT, bits, no=1)
        self.refuse()

    def when(self, numbers: tuple[int, int], block: _Program) -> None:
        """Judge the call by `block`, which must come to an end; a block has fewer than 255 instructions."""
        if numbers[self._column] < 0:
            return
        block.do(_RETURN, _ALLOW)
        self.do(_EQUAL, numbers[self._column], no=len(block.code) // 8)
        self.code += block.code

    def all_of(self, calls: Iterable[tuple[int, int]], errno: int) -> None:
        """Refuse these calls whatever their arguments."""
        for numbers in calls:
            if numbers[self._column] >= 0:
                self.do(_EQUAL, numbers[self._column], no=1)
                self.refuse(errno)

    def block(self) -> _Program:
        """Begin a block for `when`."""
        return _Program(self._column)


def program(*, unix: bool, only_tcp: bool = False, machine: str | None = None) -> bytes:
    """Give the filter as bytes for bwrap's `--seccomp` or for `prctl`.

    `unix`: AF_UNIX sockets may be made. `only_tcp`: of internet sockets only TCP ones, without fast open.
    `machine`: as in `uname -m`; None: this one. Raise UnknownMachineError for one that isn't known.
    """
    machine = machine or posix.uname().machine
    if machine not in _ARCHITECTURES:
        raise UnknownMachineError(f'there is no filter of system calls for "{machine}"')
    column, architecture = _ARCHITECTURES[machine]
    made = _Program(column)
    made.do(_LOAD, _ARCHITECTURE)
    made.do(_EQUAL, architecture, yes=1)
    made.do(_RETURN, _KILL)
    made.do(_LOAD, _NUMBER)
    if column == 0:
        made.do(_AT_LEAST, _X32, no=1)
        made.do(_RETURN, _KILL)
    made.all_of(_REFUSED.values(), EPERM)
    made.all_of(_MISSING.values(), ENOSYS)
    _modes(made)
    _sockets(made, unix=unix, only_tcp=only_tcp)
    _others(made)
    made.do(_RETURN, _ALLOW)
    return bytes(made.code)


def _modes(made: _Program) -> None:
    """Refuse set-user-id and set-group-id bits wherever a mode is given."""
    for numbers, argument in _MODES.values():
        block = made.block()
        block.argument(argument)
        block.none_of(_SET_ID)
        made.when(numbers, block)
    for numbers, argument in _OPENS.values():
        block = made.block()
        block.argument(argument)
        block.do(_ANY_BIT, _CREATES, yes=1)
        block.do(_RETURN, _ALLOW)
        block.argument(argument + 1)
        block.none_of(_SET_ID)
        made.when(numbers, block)


def _sockets(made: _Program, *, unix: bool, only_tcp: bool) -> None:
    block = made.block()
    block.argument(0)
    if only_tcp:
        if unix:
            block.do(_EQUAL, _AF_UNIX, no=1)
            block.do(_RETURN, _ALLOW)
        block.only(_AF_INET, _AF_INET6)
        block.argument(1)
        block.do(_AND, _TYPE)
        block.only(_STREAM)
        block.argument(2)
        block.only(0, _IPPROTO_TCP)
    else:
        block.only(_AF_INET, _AF_INET6, *([_AF_UNIX] if unix else []))
    made.when(_SOCKET, block)
    if not unix:
        pair = made.block()
        pair.argument(0)
        pair.only(_AF_UNIX)
        pair.argument(1)
        pair.do(_AND, _TYPE)
        # A datagram socket of a pair can still send to any path.
        pair.only(_STREAM, _SEQPACKET)
        made.when(_SOCKETPAIR, pair)
    if only_tcp:
        for numbers, argument in _SENDS.values():
            send = made.block()
            send.argument(argument)
            send.none_of(_FAST_OPEN)
            made.when(numbers, send)


def _others(made: _Program) -> None:
    clone = made.block()
    clone.argument(0)
    clone.none_of(_NAMESPACES)
    made.when(_CLONE, clone)
    ioctl = made.block()
    ioctl.argument(1)
    for request in (_TIOCSTI, _TIOCLINUX):
        ioctl.do(_EQUAL, request, no=1)
        ioctl.refuse()
    made.when(_IOCTL, ioctl)
    personality = made.block()
    personality.argument(0)
    personality.only(0, _JUST_ASKING)
    made.when(_PERSONALITY, personality)
