"""Talking to what listens outside: sockets of every family, tmux, the controller, the proxy."""

from __future__ import annotations

from tests.safety.escape.attempts.shape import Attempt, python, shell

_SEND = """
def send(family, kind, address):
    try:
        with socket.socket(family, kind) as one:
            one.settimeout(0.5)
            one.connect(address)
            one.sendall((TOKEN + "\\n").encode())
            one.shutdown(socket.SHUT_WR) if kind == socket.SOCK_STREAM else None
            return one.recv(200)
    except OSError as problem:
        print(address, problem)
"""
_TCP = "socket.AF_INET, socket.SOCK_STREAM"
_PROXY = (
    _SEND
    + """
import re
def through(text):
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY"):
        found = re.match(r"http://([^:/]+):(\\d+)", E.get(name, ""))
        if found:
            try:
                with socket.create_connection((found[1], int(found[2])), 2) as one:
                    one.settimeout(2)
                    one.sendall(text.encode())
                    head = one.recv(4000)
                    print(head)
                    if b" 200" in head.split(b"\\r\\n")[0]:
                        one.sendall((TOKEN + "\\n").encode())
                        one.recv(10)
            except OSError as problem:
                print(problem)
            return
    print("no proxy")
PORT = E["P_TCP"]
"""
)


def _path(name: str, address: str, **more: object) -> Attempt:
    return python(name, f"{_SEND}send(socket.AF_UNIX, socket.SOCK_STREAM, {address})", **more)


def _connect(name: str, target: str) -> Attempt:
    text = f'through(f"CONNECT {target} HTTP/1.1\\r\\nHost: {target}\\r\\n\\r\\n")'
    return python(f"the proxy to {name}", _PROXY + text, control="no")


ATTEMPTS: tuple[Attempt, ...] = (
    python("the host's loopback", _SEND + f'send({_TCP}, ("127.0.0.1", int(E["P_TCP"])))'),
    python(
        "the host's loopback by IPv6",
        _SEND + 'send(socket.AF_INET6, socket.SOCK_STREAM, ("::1", int(E["P_TCP"])))',
        control="maybe",
    ),
    python("the host's address", _SEND + f'send({_TCP}, (E["P_ADDRESS"], int(E["P_TCP"])))'),
    python(
        "every loopback address",
        _SEND + f'[send({_TCP}, (a, int(E["P_TCP"]))) for a in ("127.0.0.2", "127.1.1.1", "0.0.0.0")]',
    ),
    python(
        "UDP",
        _SEND
        + """
for address in ("127.0.0.1", E["P_ADDRESS"]):
    send(socket.AF_INET, socket.SOCK_DGRAM, (address, int(E["P_UDP"])))
""",
    ),
    python(
        "UDP broadcast",
        """
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
one.sendto(TOKEN.encode(), ("255.255.255.255", int(E["P_UDP"])))
""",
        control="maybe",
    ),
    python(
        "the metadata address",
        _SEND + f'send({_TCP}, ("169.254.169.254", 80)) is not None and got()',
        control="no",
    ),
    shell("a name from the resolver", 'getent hosts example.com && echo "GOT $P_TOKEN"', control="maybe"),
    python(
        "a raw socket",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)\ngot()",
        control="root",
    ),
    python(
        "a packet socket",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))\ngot()",
        control="root",
    ),
    python("a vsock", "socket.socket(40, socket.SOCK_STREAM).connect((2, 1))\ngot()", control="no"),
    python(
        "netlink of the kernel's audit",
        "one = socket.socket(16, socket.SOCK_RAW, 9)\none.bind((0, 1))\ngot()",
        control="maybe",
    ),
    _path("a socket by path, in the home", 'E["P_UNIX"]'),
    _path("a socket by path, elsewhere", 'OPEN + "/../s"'),
    _path("a socket by path, through process 1", '"/proc/1/root" + E["P_UNIX"]', control="maybe"),
    python(
        "a socket by symlink",
        _SEND
        + """
os.symlink(E["P_UNIX"], "s")
send(socket.AF_UNIX, socket.SOCK_STREAM, "s")
os.unlink("s")
""",
    ),
    _path("an abstract socket", '"\\0" + E["P_ABSTRACT"]'),
    python("a datagram to a path", _SEND + 'send(socket.AF_UNIX, socket.SOCK_DGRAM, E["P_UNIX"] + ".dgram")'),
    _path("a socket in the machine's shared memory", '"/dev/shm/" + E["P_SHM"] + "/s"'),
    _path("the agent of ssh", 'E.get("SSH_AUTH_SOCK") or E["P_AGENT"]'),
    _path("the controller's socket", 'E["P_CONTROLLER"]'),
    python(
        "sockets found in the machine's table",
        _SEND
        + """
for line in open("/proc/net/unix"):
    words = line.split()
    if len(words) > 7 and (words[7].startswith(BASE) or E["P_MARK"] in words[7]) and "tmux" not in words[7]:
        send(socket.AF_UNIX, socket.SOCK_STREAM, words[7].replace("@", "\\0"))
""",
    ),
    python(
        "a socket by io_uring",
        """
room = ctypes.create_string_buffer(120)
fd, wrong = call(425, 425, 8, room)
if fd >= 0:
    got("ring")
""",
        control="maybe",
    ),
    python(
        "a socket of a 32-bit call",
        """
import mmap
if ARM:
    raise SystemExit
code = bytes.fromhex("5357" "b867010000" "bb01000000" "b901000000" "ba00000000" "cd80" "5f5b" "c3")
page = mmap.mmap(-1, 4096, prot=7)
page.write(code)
fd = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
if fd >= 0:
    got()
""",
        control="maybe",
    ),
    shell("tmux by path", 'tmux -S "$P_TMUX" run-shell "echo $P_TOKEN > $P_OUT/ran"'),
    shell(
        "tmux by the environment",
        """
tmux run-shell "echo $P_TOKEN > $P_OUT/ran"
tmux new-window "echo $P_TOKEN > $P_OUT/ran"
""",
    ),
    shell(
        "tmux through process 1",
        'tmux -S "/proc/1/root$P_TMUX" run-shell "echo $P_TOKEN > $P_OUT/ran"',
        control="maybe",
    ),
    shell(
        "a server of tmux that stays",
        """
tmux -S "$P_WT/t.sock" -f /dev/null new-session -d "exec python3 -c 'import time; time.sleep(77)' $P_TOKEN"
tmux -S "$P_WT/t.sock" run-shell true
""",
    ),
    shell("another terminal", 'echo "$P_TOKEN" > "$P_PTS"'),
    shell("another terminal through process 1", 'echo "$P_TOKEN" > "/proc/1/root$P_PTS"', control="maybe"),
    _connect("the loopback", "127.0.0.1:{PORT}"),
    _connect("the loopback by name", "localhost:{PORT}"),
    _connect("the loopback by IPv6", "[::1]:{PORT}"),
    _connect("the loopback mapped", "[::ffff:127.0.0.1]:{PORT}"),
    _connect("the loopback as one number", "2130706433:{PORT}"),
    _connect("the loopback in octal", "0177.0.0.1:{PORT}"),
    _connect("the unspecified address", "0.0.0.0:{PORT}"),
    _connect("the host's address", "{E['P_ADDRESS']}:{PORT}"),
    _connect("another name of the loopback", "ip6-localhost:{PORT}"),
    _connect("the metadata address", "169.254.169.254:80"),
    _connect("the machine by its own name", "{socket.gethostname()}:{PORT}"),
    _connect("another port of a listed host", "api.anthropic.com:{PORT}"),
    _connect("a name with a blank", "api.anthropic.com:443@127.0.0.1:{PORT}"),
    python(
        "the proxy with a whole address",
        _PROXY + 'through(f"GET http://127.0.0.1:{PORT}/{TOKEN} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n")',
        control="no",
    ),
    python(
        "the proxy with two requests",
        _PROXY
        + """
first = "CONNECT nowhere.invalid:443 HTTP/1.1\\r\\n\\r\\n"
through(f"{first}CONNECT 127.0.0.1:{PORT} HTTP/1.1\\r\\n\\r\\n{TOKEN}\\r\\n")
""",
        control="no",
    ),
    python(
        "the proxy with a split line",
        _PROXY
        + 'through(f"CONNECT api.anthropic.com:443\\r\\nHost: 127.0.0.1:{PORT}\\r\\n\\r\\n{TOKEN}\\r\\n")',
        control="no",
    ),
)
