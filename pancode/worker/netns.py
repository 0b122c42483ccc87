"""Listening sockets inside another process's network namespace: a socket keeps the one it was made in."""

from __future__ import annotations

import _socket
import fcntl
import posix
import sys

from pancode.worker import kernel
from pancode.worker.signals import hold, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NS_GET_USERNS = 0xB701
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_IP_FREEBIND = 15
_BACKLOG = 128
_LONGEST_SENTENCE = 1024
_MOST = 250
"""Descriptors that go into one message."""
_INT = 4
_STANDARD, _DESCRIPTORS = 3, 1 << 20


class Helper:
    """A child that goes into a network namespace to listen there; started while bubblewrap makes that."""

    __slots__ = ("_child", "_line", "_ports")

    def __init__(self, ports: Iterable[int]) -> None:
        """Start it for `ports` of the loopback, if there are any; raise OSError with a sentence."""
        self._ports = list(dict.fromkeys(ports))
        self._child = 0
        if not self._ports:
            return
        if len(self._ports) > _MOST:
            raise OSError(7, f"more than {_MOST} ports of a sandbox can't be served")
        self._line, theirs = _socket.socketpair()
        # A signal for the child would come out at the shim's end of the pipe that they share.
        before = hold()
        try:
            self._child = posix.fork()
            if self._child == 0:
                _child(theirs, self._ports)
        finally:
            release(before)
            theirs.close()

    def listeners(self, pid: int) -> dict[int, int]:
        """Listen in the network namespace of the process `pid`; raise OSError with a sentence.

        Give port -> listening descriptor, close-on-exec and non-blocking; `lo` need not be up yet. Works
        for root and for who made the namespace's user namespace.
        """
        if not self._ports:
            return {}
        self._line.send(b"%d" % pid)
        return _received(self._line, self._ports)

    def end(self) -> None:
        """Wait for its end; to be called once, whatever happened."""
        if self._child:
            self._line.close()
            posix.waitpid(self._child, 0)


def own(ports: Iterable[int]) -> dict[int, int]:
    """Give the same for this process's own 127.0.0.1; raise OSError with a sentence."""
    found: dict[int, int] = {}
    try:
        for port in ports:
            found[port] = _listening(_socket.AF_INET, "127.0.0.1", port).detach()
    except OSError as error:
        for fd in found.values():
            posix.close(fd)
        raise OSError(error.errno, _sentence(error)) from None
    return found


def _child(line: _socket.socket, ports: list[int]) -> None:
    """Enter, listen, hand over, end; what is made in here is of no use to anybody else."""
    try:
        # Above all the end of a pipe that bubblewrap waits to see closed.
        posix.closerange(_STANDARD, line.fileno())
        posix.closerange(line.fileno() + 1, _DESCRIPTORS)
        pid = line.recv(_LONGEST_SENTENCE)
        if not pid:
            return
        try:
            _enter(int(pid))
            fds = memoryview(b"".join(_inside(port).detach().to_bytes(_INT, sys.byteorder) for port in ports))
            line.sendmsg([b"+"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
        except OSError as error:
            line.send(f"{error.errno or 0}:{_sentence(error)}".encode())
    finally:
        posix._exit(0)  # noqa: SLF001 -- the child must never return into the shim


def _enter(pid: int) -> None:
    """Go into the network namespace of `pid`, and into the user namespace that owns it; raise OSError."""
    try:
        network = posix.open(f"/proc/{pid}/ns/net", posix.O_RDONLY | posix.O_CLOEXEC)
        user = fcntl.ioctl(network, _NS_GET_USERNS)
        # Going into one's own is an error.
        if posix.fstat(user).st_ino != posix.stat("/proc/self/ns/user").st_ino:
            _setns(user, _CLONE_NEWUSER)
        _setns(network, _CLONE_NEWNET)
    except OSError as error:
        raise OSError(error.errno, f"can't enter the sandbox's network: {_sentence(error)}") from None


def _setns(fd: int, kind: int) -> None:
    if kernel.call("setns", fd, kind) != 0:
        raise OSError(1, "the system refuses setns")


def _inside(port: int) -> _socket.socket:
    """Listen for both 127.0.0.1 and ::1; nothing but the loopback is in there."""
    try:
        return _listening(_socket.AF_INET6, "::", port)
    except OSError:
        return _listening(_socket.AF_INET, "127.0.0.1", port)


def _listening(family: int, address: str, port: int) -> _socket.socket:
    kind = _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
    made = _socket.socket(family, kind)
    try:
        made.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == _socket.AF_INET6:
            made.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)
        else:
            made.setsockopt(_socket.IPPROTO_IP, _IP_FREEBIND, 1)
        made.bind((address, port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"can't listen on port {port}: {_sentence(error)}") from None
    except OverflowError:
        made.close()
        raise OSError(22, f"{port} is no port") from None
    return made


def _received(line: _socket.socket, ports: list[int]) -> dict[int, int]:
    """Take what the child hands over; raise OSError with its sentence, or because it says nothing."""
    room = _socket.CMSG_SPACE(_INT * len(ports))
    said, extra, _, _ = line.recvmsg(_LONGEST_SENTENCE, room, _socket.MSG_CMSG_CLOEXEC)
    fds = [fd for _, _, data in extra for fd in memoryview(data).cast("i").tolist()]
    if said == b"+" and len(fds) == len(ports):
        return dict(zip(ports, fds, strict=True))
    for fd in fds:
        posix.close(fd)
    number, _, sentence = said.decode("utf-8", "replace").partition(":")
    if number.isdigit() and sentence:
        raise OSError(int(number), sentence)
    raise OSError(5, "the sandbox's network can't be served: no sockets came out of it")


def _sentence(error: OSError) -> str:
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]
