"""What a worker must not reach: listeners of every family, a tmux server, others' processes and memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.terminal import is_running, wait_until

libc = ctypes.CDLL(None, use_errno=True)


class Listeners:
    """Sockets that only write down what they hear."""

    def __init__(self) -> None:
        self.heard = b""
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake, other = socket.socketpair()
        self._selector.register(other, selectors.EVENT_READ)
        self._open: list[socket.socket] = [other]
        self._ends = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def add(self, family: int, kind: int, address: object) -> socket.socket:
        """Listen at `address`; give the socket. Raises OSError where this machine has no such family."""
        one = socket.socket(family, kind)
        one.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            one.listen(50)
        if family == socket.AF_UNIX and isinstance(address, str) and not address.startswith("\0"):
            os.chmod(address, 0o777)  # noqa: S103 - whoever is not in a sandbox is to reach it
        one.setblocking(False)
        self._open.append(one)
        self._selector.register(one, selectors.EVENT_READ)
        self._wake.send(b"x")
        return one

    def _listen(self) -> None:
        while not self._ends:
            for key, _ in self._selector.select():
                one = key.fileobj
                assert isinstance(one, socket.socket)
                with contextlib.suppress(OSError):
                    self._hear(one)

    def _hear(self, one: socket.socket) -> None:
        if one.type == socket.SOCK_STREAM and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            caller, _ = one.accept()
            caller.setblocking(False)
            self._open.append(caller)
            self._selector.register(caller, selectors.EVENT_READ)
            with self._lock:
                self.heard += b"(a caller)"
            return
        data = one.recv(4096)
        with self._lock:
            self.heard += data
        if not data:
            self._selector.unregister(one)
            one.close()
        elif one.type == socket.SOCK_STREAM:
            one.send(b"heard\n")

    def close(self) -> None:
        """Stop listening."""
        self._ends = True
        self._wake.send(b"x")
        self._thread.join(5)
        for one in [*self._open, self._wake]:
            one.close()
        self._selector.close()


def own_address() -> str:
    """Give an address of this machine that isn't the loopback, or the loopback if it has no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(one.getsockname()[0])


@contextlib.contextmanager
def tmux_server(prefix: Sequence[str], path: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run a tmux server of its own on the socket `path`."""
    base = [*prefix, "tmux", "-S", str(path), "-f", "/dev/null"]
    start = [*base, "new-session", "-d", "-x80", "-y24", "sh"]
    subprocess.run(start, env=environment, check=True, timeout=60)
    pid = subprocess.check_output([*base, "display-message", "-p", "#{pid}"], env=environment, timeout=60)
    try:
        yield
    finally:
        subprocess.run([*base, "kill-server"], env=environment, check=False, timeout=60)
        wait_until(lambda: not is_running(int(pid)), "the end of the tmux server")


@contextlib.contextmanager
def shared_memory(secret: str) -> Iterator[int]:
    """Hold a System V segment with `secret` in it; give its key."""
    key = int.from_bytes(os.urandom(3), "big") | 0x50000000
    number = libc.shmget(key, 4096, 0o1666)
    libc.shmat.restype = ctypes.c_void_p
    at = libc.shmat(number, None, 0)
    ctypes.memmove(at, secret.encode() + b"\0", len(secret) + 1)
    libc.shmdt(ctypes.c_void_p(at))
    try:
        yield key
    finally:
        libc.shmctl(number, 0, None)


@contextlib.contextmanager
def message_queue(name: str, secret: str) -> Iterator[str]:
    """Hold a POSIX message queue with one message in it, where the kernel has such; give its name."""
    mask = os.umask(0)
    queue = libc.mq_open(name.encode(), os.O_CREAT | os.O_RDWR, 0o666, None)
    os.umask(mask)
    if queue >= 0:
        libc.mq_send(queue, secret.encode(), len(secret), 0)
    try:
        yield name
    finally:
        if queue >= 0:
            os.close(queue)
            libc.mq_unlink(name.encode())


def put_key(name: str, secret: str) -> None:
    """Put a key into the session's keyring for a minute, where the kernel has one."""
    number = 217 if os.uname().machine == "aarch64" else 248
    control = 219 if os.uname().machine == "aarch64" else 250
    key = libc.syscall(ctypes.c_long(number), b"user", name.encode(), secret.encode(), len(secret), -3)
    if key > 0:
        libc.syscall(ctypes.c_long(control), 15, key, 60)


def handle_of(path: Path) -> str:
    """Give the kernel's handle of a file as "type:hex", for whoever may open files by handle."""
    number = 264 if os.uname().machine == "aarch64" else 303
    room = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136)
    mount = ctypes.c_int()
    failed = libc.syscall(ctypes.c_long(number), -100, str(path).encode(), room, ctypes.byref(mount), 0)
    size, kind = struct.unpack("Ii", room.raw[:8])
    return "0:00" if failed else f"{kind}:{room.raw[8 : 8 + size].hex()}"


def command_lines() -> dict[int, bytes]:
    """Give the command line of every process by its pid."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as line:
                found[int(name)] = line.read()
    return found
