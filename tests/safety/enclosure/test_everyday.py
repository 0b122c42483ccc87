"""Everyday work inside: what developers do all day must go on."""

from __future__ import annotations

import shutil
import sys

import pytest

from tests.safety.enclosure.conftest import Box
from tests.worker.sandboxes import python_for

needs = {
    name: pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")
    for name in ("node", "npm", "gcc", "make", "curl")
}


def test_git_commits_branches_and_cleans_up(box: Box) -> None:
    done = box.shell(
        "set -e; echo a > a; git add -A; git commit -qm second; git switch -qc topic; echo b >> a;"
        "git stash -q; git stash pop -q; git commit -qam third; git switch -q main; git merge -q topic;"
        "git diff HEAD; git reset -q HEAD; git show HEAD >&2; git tag v1; git gc -q;"
        "git fsck --no-progress; git worktree list; git log --format=%an%s"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == ["Annthird", "Annsecond", "Afirst"]
    assert box.git("status", "--short") == ""
    assert "error" not in box.git("fsck", "--no-progress")


def test_a_python_project_with_its_own_environment(box: Box) -> None:
    box.put("tree/thing.py", "def double(x):\n    return 2 * x\n")
    box.put(
        "tree/test_thing.py",
        "import unittest, thing\nclass T(unittest.TestCase):\n"
        "    def test_it(self):\n        assert thing.double(2) == 4\n",
    )
    made = box.outside("/usr/bin/python3", "-m", "venv", "--without-pip", ".venv")
    if made.returncode:
        pytest.skip("the system's Python makes no environments")
    done = box.shell(".venv/bin/python -m unittest -q && .venv/bin/python -c 'import sys; print(sys.prefix)'")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{box.tree}/.venv\n"


def test_pytest_of_the_environment_that_pancode_runs_in(box: Box) -> None:
    box.put(
        "tree/test_it.py",
        "import multiprocessing\n\n\ndef test_it(tmp_path):\n    tmp_path.joinpath('x').touch()\n"
        "    with multiprocessing.Pool(2) as pool:\n        assert pool.map(abs, [-1]) == [1]\n",
    )
    if python_for(box.uid) != sys.executable:
        pytest.skip("this user can't run the interpreter of the tests")
    done = box.inside(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")
    assert done.returncode == 0, done.stdout + done.stderr


@needs["npm"]
@needs["node"]
def test_node_and_npm_test(box: Box) -> None:
    box.put("tree/package.json", '{"name": "x", "version": "1.0.0", "scripts": {"test": "node --test"}}')
    box.put("tree/x.test.js", "require('node:test')('it', () => require('node:assert').equal(1, 1));\n")
    done = box.inside("npm", "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 1" in done.stdout


@needs["make"]
@needs["gcc"]
def test_make_and_a_compiler(box: Box) -> None:
    box.put("tree/m.c", '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n')
    box.put("tree/Makefile", "all: m\n\t./m\nm: m.c\n\tgcc -o m m.c\n")
    done = box.inside("make")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("built\n")


@needs["curl"]
def test_a_local_server_and_a_client(box: Box) -> None:
    server = "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)"
    script = (
        f'/usr/bin/python3 -c "{server}; print(s.server_port, flush=True); s.handle_request()" > port 2>&1 & '
        "until [ -s port ]; do :; done; curl -sS http://localhost:$(head -1 port)/README"
    )
    done = box.shell(script)
    assert (done.stdout, done.stderr) == ("read me\n", "")


@needs["curl"]
def test_the_network_is_off_and_says_so_at_once(box: Box) -> None:
    done = box.shell("curl -sS https://example.org; echo $?")
    assert "403" in done.stderr
    assert done.stdout == "56\n"


@needs["curl"]
def test_a_listed_host_is_let_through_the_proxy(box: Box) -> None:
    done = box.shell(
        "curl -sS --max-time 5 https://host.invalid; echo $?", "--allow-host", "host.invalid:443"
    )
    assert "403" not in done.stderr
    assert done.stdout != "0\n"
