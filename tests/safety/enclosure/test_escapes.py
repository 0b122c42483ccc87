"""The basics of breaking out, judged from outside; the large suite is in tests/safety/escape."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.safety.enclosure.conftest import SECRET, Box
from tests.terminal import wait_until

TAKEN_FOR_ONE = "[core]\n\trepositoryformatversion = 0\n"
EVIL = "[core]\n\tfsmonitor = touch {mark}; false\n\thooksPath = {hooks}\n"


def test_nothing_is_written_outside(box: Box) -> None:
    other = box.put("other/file", "kept")
    script = (
        f"echo x > {other}; echo x > {box.base}/new; rm -rf {box.base}/other; echo x > ~/.bashrc;"
        f"ln -s {box.base} link; echo x > link/new; echo x > /proc/self/root{box.base}/new;"
        f"mkdir -p ~/.config/systemd; chmod 777 {other}; mv {other} .; ln {other} hard; echo x >> /etc/passwd"
    )
    box.shell(script)
    assert other.read_text() == "kept"
    assert other.stat().st_mode & 0o777 != 0o777
    assert not (box.base / "new").exists()
    assert sorted(os.listdir(box.home)) == [".gitconfig", ".pancode", ".ssh"]


def test_no_socket_of_the_host_is_reached(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        path = box.tree / "s"
        unix.bind(str(path))
        unix.listen()
        os.chown(path, box.uid, box.uid)
        port = tcp.getsockname()[1]
        acts = (
            f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
            f"import socket; socket.socket(socket.AF_UNIX).connect('{path}')",
        )
        for act in acts:
            assert box.inside("/usr/bin/python3", "-c", act).returncode == 1
        for each in (tcp, unix):
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.accept()


def test_what_git_obeys_can_not_be_changed(box: Box) -> None:
    mark = box.tree / "mark"
    evil = EVIL.format(mark=mark, hooks=box.tree / "hooks")
    box.put("evil/config", evil)
    script = (
        f"printf '%s' '{evil}' > e; cat e >> .git/config; git config core.fsmonitor 'touch {mark}';"
        "mkdir x; cp e x/config; cp -r .git/HEAD .git/objects .git/refs x;"
        f"echo {box.tree}/x > .git/commondir;"
        "mv .git .g; rm -rf .git/config .git/hooks; mv .git/hooks .git/h; mkdir -p .git/hooks;"
        f"printf '#!/bin/sh\\ntouch {mark}\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/*;"
        "git config extensions.worktreeConfig true; cp e .git/config.worktree; ln -sf ../e .git/config;"
        "mv e .git/config; echo 'gitdir: x' > .git2; mv .git2 .git"
    )
    before = (box.tree / ".git" / "config").read_text()
    box.shell(script)
    assert (box.tree / ".git" / "config").read_text() == before
    assert not (box.tree / ".git" / "commondir").exists()
    box.git("status")
    box.git("commit", "--quiet", "--allow-empty", "-m", "after")
    assert not mark.exists()


def test_a_spoilt_repository_does_not_make_git_look_at_a_planted_one(box: Box) -> None:
    mark = box.tree / "mark"
    config = TAKEN_FOR_ONE + f'\tworktree = {box.tree}\n\tfsmonitor = "touch {mark}; false"\n'
    plant = f"mkdir -p objects refs; echo 'ref: refs/heads/main' > HEAD; printf '%s' '{config}' > config"
    box.shell(f"{plant}; mkdir -p x/objects x/refs; echo x > commondir; rm .git/HEAD")
    assert (box.tree / "config").read_text() == config
    box.outside("git", "status")
    assert not mark.exists()
    # The same without a sandbox, or the test would show nothing.
    box.outside("sh", "-c", plant)
    box.outside("git", "status")
    assert mark.exists()


def test_what_the_configuration_makes_git_run_can_not_be_changed(box: Box) -> None:
    box.put("tree/tools/hooks/pre-commit", "#!/bin/sh\nexit 0\n").chmod(0o755)
    box.put("tree/more", "[alias]\n\tx = status\n")
    box.git("config", "core.hooksPath", "tools/hooks")
    box.git("config", "include.path", "../more")
    box.shell(
        "echo evil >> tools/hooks/pre-commit; mv tools t; rm -rf tools; echo evil >> more; rm more;"
        "echo ok > tools/new"
    )
    assert (box.tree / "tools/hooks/pre-commit").read_text() == "#!/bin/sh\nexit 0\n"
    assert (box.tree / "more").read_text() == "[alias]\n\tx = status\n"
    assert (box.tree / "tools/new").read_text() == "ok\n"
    box.git("config", "core.hooksPath", "made/later")
    box.shell("mkdir -p made/later; echo evil > made/later/pre-commit; echo ok > made/file")
    assert not (box.tree / "made" / "later").exists()


@pytest.mark.parametrize(
    "name", [".claude", ".mcp.json", ".codex", ".gemini", ".opencode", "opencode.json", ".cursor", ".vscode",
             ".idea", ".envrc", ".github/hooks", ".pancode"],
)  # fmt: skip
@pytest.mark.parametrize("there", [False, True])
def test_what_agents_and_editors_obey_can_not_be_changed(
    make_box: Callable[[int], Box], name: str, there: bool
) -> None:
    box = make_box(os.getuid())
    if there:
        box.put(f"tree/{name}/settings.json", "{}") if "." not in name[1:] else box.put(f"tree/{name}", "{}")
    before = _all(box.tree / name)
    top = name.partition("/")[0]
    box.shell(
        f"echo x > {name}; echo x > {name}/settings.json; echo x > {name}/new; mkdir -p {name}/a;"
        f"rm -rf {name}; mv {name} elsewhere; mv {top} elsewhere; mkdir -p {name};"
        f"echo x > {name}/settings.json;"
        f"ln -s /tmp {name}; chmod -R 777 {name}; truncate -s 0 {name}"
    )
    assert _all(box.tree / name) == before


def _all(path: Path) -> list[tuple[str, str]]:
    if path.is_file():
        return [(path.name, path.read_text())]
    return sorted((str(each), each.read_text()) for each in path.rglob("*") if each.is_file())


def test_a_directory_that_is_no_repository_does_not_become_one(box: Box) -> None:
    place = box.put("plain/file", "x").parent
    script = (
        "git init -q; mkdir -p objects refs hooks; echo 'ref: refs/heads/x' > HEAD; echo '[core]' > config"
    )
    box.shell(script, "--cwd", str(place))
    assert not (place / ".git").exists()
    assert sorted(os.listdir(place)) == ["HEAD", "config", "file", "hooks", "objects"]


@pytest.mark.parametrize("where", ["plain", "tree/folder"])
def test_git_obeys_nothing_that_is_planted_where_the_worker_began(box: Box, where: str) -> None:
    mark = box.base / "tree" / "mark"
    place = box.put(f"{where}/file", "x").parent
    config = TAKEN_FOR_ONE + f'\tworktree = {place}\n\tfsmonitor = "touch {mark}; false"\n'
    box.shell(
        "git init -q; mkdir -p .git objects refs; echo 'ref: refs/heads/x' > HEAD; cp HEAD .git;"
        f"printf '%s' '{config}' > config; cp config .git; cp -r objects refs .git;"
        f"rm -f {box.tree}/.git/HEAD",
        "--cwd", str(place),
    )  # fmt: skip
    for words in (("status",), ("diff",), ("log",)):
        box.outside("git", "-C", str(place), *words)
    assert (place / "config").exists()
    assert not mark.exists()


def test_a_second_worker_removes_what_the_first_one_made(box: Box) -> None:
    """The first ends while the second still needs the masks, so the second is the one to remove them."""
    script = "mkfifo go 2>/dev/null; echo up > up; read x < go; ls -a"
    first = box.put("tree/first", script)
    words = ("sandbox", "exec", "--", "bash", str(first))
    thread = threading.Thread(target=box.pancode, args=words)
    thread.start()
    wait_until((box.tree / "up").exists, "the first to be up")
    assert (box.tree / ".claude").is_dir()
    second = box.shell("echo x > .claude/settings.json; echo go > go; ls -a")
    thread.join()
    assert ".claude" in second.stdout
    box.outside("rm", "up", "go", "first")
    assert sorted(os.listdir(box.tree)) == [".git", "README"]


def test_a_protected_path_that_is_a_link_is_refused_or_accepted_by_name(box: Box) -> None:
    box.put("shared/settings.json", "{}")
    (box.tree / ".claude").symlink_to(box.base / "shared")
    refused = box.inside("true")
    assert (refused.returncode, "--accept-weaker links" in refused.stderr) == (5, True)
    assert box.inside("true", options=("--accept-weaker", "links")).returncode == 0


def test_a_planted_commondir_is_refused(box: Box) -> None:
    box.put("tree/.git/commondir", "../elsewhere\n")
    refused = box.inside("true")
    assert (refused.returncode, "commondir" in refused.stderr) == (5, True)


def test_a_linked_work_tree_can_be_read_and_not_be_committed_in(box: Box) -> None:
    box.git("worktree", "add", "-q", str(box.base / "linked"))
    where = ("--cwd", str(box.base / "linked"))
    done = box.shell("git log --format=%s; echo x > new; git status --short; git add -A; git stash", *where)
    assert done.stdout == "first\n?? new\n"
    box.shell("echo gitdir: /tmp/evil > .git; rm .git; mv .git g", *where)
    assert (box.base / "linked" / ".git").read_text().startswith(f"gitdir: {box.tree}/.git")
    assert box.git("log", "--format=%s") == "first\n"


def test_a_git_file_that_a_worker_made_up_shows_nothing(box: Box) -> None:
    secret = box.put("private/HEAD", SECRET)
    box.put("fake/.git", f"gitdir: {secret.parent}\n")
    done = box.shell(f"cat {secret}; echo ok", "--cwd", str(box.base / "fake"))
    assert done.stdout == "ok\n"


def test_a_clone_that_borrows_objects_commits_and_cannot_harm_the_lender(box: Box) -> None:
    clone = box.base / "clone"
    box.git("clone", "--quiet", "--shared", str(box.tree), str(clone))
    done = box.shell(
        "git log --format=%s; echo x > new; git add -A && git commit -qm second && git gc -q; git fsck >&2;"
        f"rm -rf {box.tree}/.git/objects; echo /elsewhere/objects > .git/objects/info/alternates",
        "--cwd", str(clone),
    )  # fmt: skip
    assert done.stdout == "first\n"
    assert box.git("-C", str(clone), "log", "--format=%s") == "second\nfirst\n"
    assert "error" not in box.git("fsck")


def test_objects_of_others_are_not_shown_for_a_planted_alternate(box: Box) -> None:
    box.git("init", "--quiet", str(box.base / "private"))
    box.put("tree/nested/.git/HEAD", "ref: refs/heads/main\n")
    for name in ("config", "refs/x"):
        box.put(f"tree/nested/.git/{name}", "")
    box.put("tree/nested/.git/objects/info/alternates", f"{box.base}/private/.git/objects\n")
    done = box.shell(f"ls {box.base}/private/.git; echo ok", "--cwd", str(box.tree / "nested"))
    assert done.stdout == "ok\n"


def test_a_submodule_keeps_the_name_of_its_repository(box: Box) -> None:
    box.git("init", "--quiet", str(box.base / "lib"))
    box.git("-C", str(box.base / "lib"), "commit", "--quiet", "--allow-empty", "-m", "lib")
    box.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(box.base / "lib"), "deep/lib"
    )
    before = (box.tree / "deep/lib/.git").read_text()
    box.shell(
        "echo gitdir: /tmp > deep/lib/.git; rm -rf deep/lib/.git; mv deep/lib deep/l; mv deep d;"
        "mkdir -p deep/lib; echo gitdir: /tmp > deep/lib/.git; git -C deep/lib config core.fsmonitor false"
    )
    assert (box.tree / "deep/lib/.git").read_text() == before
    assert "fsmonitor" not in (box.tree / ".git/modules/deep/lib/config").read_text()


def test_a_login_in_the_repository_is_not_shown(box: Box) -> None:
    box.git("remote", "add", "origin", f"https://me:{SECRET}@host.invalid/r.git")
    done = box.shell("cat .git/config; git remote get-url origin")
    assert SECRET not in done.stdout
    assert done.stdout.endswith("https://host.invalid/r.git\n")


def test_a_work_tree_below_home_shows_nothing_else_of_home(box: Box) -> None:
    place = box.put("home/src/project/file", "x").parent
    box.put("home/src/other/file", SECRET)
    done = box.shell("ls -a ~ ~/src; cat ~/src/other/file; echo y > file", "--cwd", str(place))
    assert SECRET not in done.stdout
    assert done.stdout.split()[-3:] == [".", "..", "project"]
    assert (place / "file").read_text() == "y\n"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_root_inside_has_no_power(make_box: Callable[[int], Box]) -> None:
    box = make_box(0)
    script = (
        "grep CapEff /proc/self/status; cp /bin/true t; chmod 6755 t; cat /etc/shadow;"
        "echo core > /proc/sys/kernel/core_pattern; mount -t tmpfs x /mnt; mknod d c 1 3; chown 1:1 README;"
        "echo b > /proc/sysrq-trigger; dmesg"
    )
    done = box.shell(script)
    assert done.stdout == "CapEff:\t0000000000000000\n"
    assert (box.tree / "t").stat().st_mode & 0o6000 == 0
