"""The proxy's decisions, and its listeners inside namespaces that belong to others."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pancode.worker import netns
from pancode.worker.proxy import is_near, is_public, rule_for, target
from tests.worker.sandboxes import USER, become, python_for

ROOT = Path(__file__).parents[2]

INSIDE = """
import socket, sys
def whole(address, port, text):
    try:
        line = socket.create_connection((address, port), 10)
        line.sendall(text)
        line.shutdown(socket.SHUT_WR)
        found = b""
        while data := line.recv(4096):
            found += data
        return found.decode()
    except OSError as error:
        return type(error).__name__
print([
    whole("127.0.0.1", 18999, b"hello"),
    whole("::1", 18999, b"hello"),
    whole("127.0.0.1", 3128, b"CONNECT a.example:443 HTTP/1.1\\r\\n\\r\\n")[:12],
    whole("127.0.0.1", int(sys.argv[1]), b"x"),
])
"""
ENCLOSED = """
import json, os, socket, subprocess, sys, threading
sys.path.insert(0, sys.argv[1])
from pancode.worker import netns, porter

def deal():
    while True:
        line, _ = model.accept()
        found = b""
        while data := line.recv(99):
            found += data
        line.sendall(found.upper())
        line.close()

model = socket.create_server(("127.0.0.1", 0))
port = model.getsockname()[1]
threading.Thread(target=deal, daemon=True).start()
info, info_w = os.pipe()
block, block_w = os.pipe()
# As in PanCode's own profile.
options = "--unshare-user --disable-userns --unshare-net --unshare-pid --cap-drop ALL --ro-bind / /".split()
options += ["--dev", "/dev", "--proc", "/proc", "--info-fd", str(info_w), "--block-fd", str(block)]
inside = subprocess.Popen(
    ["bwrap", *options, sys.executable, "-I", "-S", "-c", sys.argv[2], str(port)],
    pass_fds=(info_w, block), stdout=subprocess.PIPE, text=True,
)
os.close(info_w)
said = b""
while b"}" not in said:
    said += os.read(info, 999) or sys.exit("bwrap said nothing")
told = []
network = {"forwards": [{"port": 18999, "host": "127.0.0.1", "to": port}]}
network |= {"hosts": [], "proxy_port": 3128, "hook_port": None}
helper = netns.Helper([18999, 3128])
served = porter.serve(helper.listeners(json.loads(said)["child-pid"]), network, told.append)
helper.end()
os.close(block_w)
out = inside.communicate()[0]
served.stop()
print(json.dumps([os.getuid(), out, [each["host"] for each in told]]))
"""
APART = """
import fcntl, json, socket, struct, sys, threading
sys.path.insert(0, sys.argv[1])
from pancode.worker import netns, porter

control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for name, address in ((b"lo:1", "10.9.8.7"), (b"lo:2", "93.184.215.14"), (b"lo", None)):
    if address:
        asked = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(control, 0x8916, asked)
    fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", name, 1))
server = socket.create_server(("", 443))

def deal():
    while True:
        line, _ = server.accept()
        line.sendall(b"there")
        line.close()

threading.Thread(target=deal, daemon=True).start()
found = []
for number, (near, upstream) in enumerate(json.loads(sys.argv[2])):
    network = {"forwards": [], "hosts": ["10.9.8.7:443", "93.184.215.14:443"], "proxy_port": 3128 + number}
    network |= {"hook_port": None, "near": near, "upstream": upstream}
    served = porter.serve(netns.own([3128 + number]), network, lambda _: None)
    for place in network["hosts"]:
        line = socket.create_connection(("127.0.0.1", 3128 + number), 10)
        line.sendall(f"CONNECT {place} HTTP/1.1\\r\\n\\r\\n".encode())
        answer = b""
        while data := line.recv(4096):
            answer += data
        found.append(answer.split(b" ")[1].decode() + answer[-5:].decode() * (b" 200 " in answer))
    served.stop()
print(json.dumps(found))
"""


def run(code: str, *arguments: str, before: Sequence[str] = (), python: str | None = None) -> Any:
    command = [*before, python or sys.executable, "-I", "-B", "-c", code, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/", timeout=60)
    if done.returncode and before and ("denied" in done.stderr or "not permitted" in done.stderr):
        pytest.skip(f"can't be done here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
@pytest.mark.parametrize("somebody_else", [False, True])
def test_a_sandbox_reaches_what_is_forwarded_and_nothing_else(*, somebody_else: bool) -> None:
    uid = os.getuid()
    if somebody_else:
        if uid != 0:
            pytest.skip("needs root, to be somebody else")
        uid = USER
        if python_for(uid) is None:
            pytest.skip("no interpreter that this user can run")
    told = run(ENCLOSED, str(ROOT), INSIDE, before=become(uid), python=python_for(uid))
    inside = ["HELLO", "HELLO", "HTTP/1.1 403", "ConnectionRefusedError"]
    assert told == [uid, f"{inside}\n", ["a.example"]]


def test_private_addresses_are_for_the_operators_own_hosts() -> None:
    own = "10.9.8.7:443"
    ways = [
        [[], None],
        [[own], None],
        [[own], "127.0.0.1:1"],
        [["*:443", "93.184.215.14:443"], "127.0.0.1:1"],
    ]
    unshare = ("unshare", "--user", "--map-root-user", "--net")
    found = run(APART, str(ROOT), json.dumps(ways), before=unshare)
    assert found[0:2] == ["403", "200there"]
    assert found[2:4] == ["200there", "200there"]
    assert found[4:6] == ["200there", "502"]
    assert found[6:8] == ["403", "502"]


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"can't listen on port {port}: address already in use"):
            netns.own([port])


def _listeners(pid: int, ports: list[int]) -> None:
    helper = netns.Helper(ports)
    try:
        helper.listeners(pid)
    finally:
        helper.end()


def test_a_process_that_is_not_there_is_said() -> None:
    with pytest.raises(OSError, match="can't enter the sandbox's network: no such file"):
        _listeners(2**22 + 1, [80])


def test_what_goes_wrong_inside_is_said() -> None:
    with pytest.raises(OSError, match="99999 is no port"):
        _listeners(os.getpid(), [99999])


PUBLIC = "8.8.8.8 172.15.0.1 172.32.0.1 100.63.0.1 2606:4700::1 64:ff9b::808:808 ::ffff:8.8.8.8"
NEAR = "10.0.0.1 172.16.0.1 100.127.255.254 192.168.1.1 fdff::1 fc00::1 ::ffff:10.0.0.1"
NEITHER = (
    "127.0.0.1 169.254.169.254 0.0.0.0 224.0.0.1 255.255.255.255 192.0.0.192 100.100.100.200 198.18.0.1 ::1 "
    ":: fe80::1 fe80::1%lo ff02::1 2002:7f00:1::1 2001::1 64:ff9b::7f00:1 fd00:ec2::254 ::127.0.0.1 x 1.2.3"
)


def test_addresses_that_everybody_reaches_are_told_from_the_others() -> None:
    for address in PUBLIC.split():
        assert (is_public(address), is_near(address)) == (True, False), address
    for address in NEAR.split():
        assert (is_public(address), is_near(address)) == (False, True), address
    for address in ["", *NEITHER.split()]:
        assert (is_public(address), is_near(address)) == (False, False), address


def test_rules_name_hosts_suffixes_and_ports() -> None:
    rules = ["A.example:443,8443", "*.b.example:80", "[2606:4700::1]:443", "nonsense", ":443", "*.:1", "*:2"]
    assert rule_for("a.example", 8443, rules) == "A.example:443,8443"
    assert rule_for("a.example.", 443, rules) == "A.example:443,8443"
    assert rule_for("2606:4700::1", 443, rules) == "[2606:4700::1]:443"
    assert rule_for("x.y.b.example", 80, rules) == "*.b.example:80"
    for place in (("b.example", 80), ("xb.example", 80), ("a.example", 80), ("x", 443), ("x", 1), ("x", 2)):
        assert rule_for(*place, rules) is None


def test_any_request_names_its_place_for_the_records() -> None:
    assert target(b"GET https://u:p@Example.com/x HTTP/1.1") == ("example.com", 443)
    assert target(b"GET http://[::1]:8080/x HTTP/1.1") == ("::1", 8080)
    assert target(b"CONNECT a.example:1 HTTP/1.1") == ("a.example", 1)
    assert target(b"GET / HTTP/1.1") == target(b"") == ("", 0)
