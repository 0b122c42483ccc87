"""`scripts/up` on machines that lack something, each built from a PATH of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

import pytest

from tests.project.tree import ROOT, read

# All that the scripts use of a system; what a case lacks is simply not in its PATH.
TOOLS = (
    *("sh", "cat", "chmod", "cksum", "dirname", "env", "flock", "grep", "head", "ls"),
    *("mkdir", "mv", "readlink", "rm", "tail", "tr", "true", "wc"),
)
NEEDED = ("tmux", "git", "bwrap")
SAYS_VERSION = "echo 1.0"
FILES = ("uv.lock", "pyproject.toml", "requirements/run.txt", "scripts/up", "scripts/lib.sh")

# A Python that answers what the scripts ask, and whose `venv` and `pip` only note what was ordered.
PYTHON = """
case "$*" in
    *version_info*|*ensurepip*|*"pip --version"*) exit 0 ;;
    *"-m venv"*) mkdir -p "$3/bin"; cat "$0" >"$3/bin/python"; chmod +x "$3/bin/python" ;;
esac
echo "python $*" >>"$LOG"
case "$*" in *" -e "*) printf '#!/bin/sh\\necho "up in $PWD:" "$@"\\n' >"$CHECKOUT/.venv/bin/pancode"
    chmod +x "$CHECKOUT/.venv/bin/pancode" ;;
esac
"""
OLD_PYTHON = 'case "$1" in --version) echo "Python 3.9.2" ;; *) exit 1 ;; esac'
APT = """
echo "apt-get $*" >>"$LOG"
[ "$1" = install ] || exit 0
for tool in tmux git bwrap; do printf '#!/bin/sh\\n' >"$BIN/$tool"; chmod +x "$BIN/$tool"; done
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A checkout, a directory that is the whole PATH, and the log of what was ordered."""

    checkout: str
    bin: str
    log: str
    elsewhere: str

    def add(self, name: str, script: str) -> None:
        file = os.path.join(self.bin, name)
        with open(file, "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\n" + script)
        os.chmod(file, 0o700)

    def up(self, *arguments: str, program: str | None = None) -> subprocess.CompletedProcess[str]:
        place = {"PATH": self.bin, "LOG": self.log, "BIN": self.bin, "CHECKOUT": self.checkout}
        command = [program or os.path.join(self.checkout, "scripts/up"), *arguments]
        return subprocess.run(
            command, env=place, cwd=self.elsewhere, capture_output=True, text=True, timeout=60, check=False
        )

    def ordered(self) -> list[str]:
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as file:
            return file.read().splitlines()


@pytest.fixture
def machine(tmp_path: os.PathLike[str]) -> Machine:
    """Give a machine with a Python of the right age and nothing that PanCode needs beside it, not as root."""
    top = os.path.realpath(tmp_path)
    made = Machine(*(os.path.join(top, name) for name in ("checkout", "bin", "log", "elsewhere")))
    for name in FILES:
        os.makedirs(os.path.dirname(os.path.join(made.checkout, name)), exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), os.path.join(made.checkout, name))
    os.makedirs(made.bin)
    os.makedirs(made.elsewhere)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        os.symlink(found, os.path.join(made.bin, tool))
    made.add("python3", PYTHON)
    made.add("id", "echo 1000")
    return made


def with_all_programs(machine: Machine) -> Machine:
    for name in NEEDED:
        machine.add(name, SAYS_VERSION)
    return machine


def test_it_makes_the_environment_once_and_runs_up_where_it_was_called(machine: Machine) -> None:
    with_all_programs(machine)
    first = machine.up("--session", "two words")
    assert (first.returncode, first.stdout) == (0, f"up in {machine.elsewhere}: up --session two words\n"), (
        first
    )
    orders = machine.ordered()
    assert any("--require-hashes" in order and "requirements/run.txt" in order for order in orders)
    assert machine.up().stderr == ""
    assert machine.ordered() == orders


def test_a_changed_lock_makes_the_environment_anew(machine: Machine) -> None:
    with_all_programs(machine).up()
    before = len(machine.ordered())
    with open(os.path.join(machine.checkout, "uv.lock"), "a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    assert machine.up().returncode == 0
    assert len(machine.ordered()) > before


def test_it_can_be_called_through_a_link(machine: Machine) -> None:
    with_all_programs(machine)
    link = os.path.join(machine.elsewhere, "link")
    os.symlink(os.path.join(machine.checkout, "scripts/up"), link)
    assert machine.up(program=link).stdout == f"up in {machine.elsewhere}: up\n"


def test_without_rights_it_prints_the_one_line_to_type(machine: Machine) -> None:
    machine.add("apt-get", APT)
    machine.add("sudo", "exit 1")
    machine.add("git", SAYS_VERSION)
    result = machine.up()
    assert result.returncode == 3
    assert result.stdout == ""
    problem, remedy = result.stderr.splitlines()
    assert problem == "pancode: missing: tmux bubblewrap"
    assert remedy.startswith("  try: sudo ")
    assert "apt-get install -y tmux bubblewrap" in remedy
    assert machine.ordered() == []
    assert not os.path.exists(os.path.join(machine.checkout, ".venv"))


def test_without_sudo_the_line_uses_su(machine: Machine) -> None:
    machine.add("apt-get", APT)
    assert "  try: su -c '" in machine.up().stderr


def test_without_apt_the_line_is_that_of_the_other_installer(machine: Machine) -> None:
    machine.add("dnf", "exit 1")
    result = machine.up()
    assert (result.returncode, result.stderr.splitlines()[1]) == (
        3,
        "  try: sudo dnf install tmux git bubblewrap",
    )


def test_as_root_it_installs_what_is_missing(machine: Machine) -> None:
    machine.add("apt-get", APT)
    machine.add("id", "echo 0")
    assert machine.up().returncode == 0
    assert "apt-get install -y tmux git bubblewrap" in machine.ordered()


def test_passwordless_sudo_is_used(machine: Machine) -> None:
    machine.add("apt-get", APT)
    machine.add("sudo", 'echo "sudo $*" >>"$LOG"\nshift\nexec "$@"')
    assert machine.up().returncode == 0
    assert "apt-get install -y tmux git bubblewrap" in machine.ordered()


def test_a_failed_installation_says_so(machine: Machine) -> None:
    machine.add("apt-get", "echo no such package >&2\nexit 100")
    machine.add("id", "echo 0")
    result = machine.up()
    assert result.returncode == 3
    assert "no such package" in result.stderr
    assert "pancode: couldn't install tmux git bubblewrap (see above)" in result.stderr


def test_an_old_python_is_named(machine: Machine) -> None:
    with_all_programs(machine).add("python3", OLD_PYTHON)
    result = machine.up()
    assert result.returncode == 3
    assert "Python 3.11 or later is needed, Python 3.9.2 is here" in result.stderr


def test_a_missing_python_is_told(machine: Machine) -> None:
    os.remove(os.path.join(with_all_programs(machine).bin, "python3"))
    result = machine.up()
    assert (result.returncode, "none is here" in result.stderr) == (3, True)


def test_a_python_without_venv_gets_its_package(machine: Machine) -> None:
    with_all_programs(machine).add("python3", 'case "$*" in *ensurepip*) exit 1 ;; esac\n' + PYTHON)
    machine.add("apt-get", APT)
    result = machine.up()
    assert (result.returncode, "missing: python3-venv" in result.stderr) == (3, True)


def test_uv_is_taken_where_it_is(machine: Machine) -> None:
    with_all_programs(machine).add(
        "uv",
        'echo "uv $*" >>"$LOG"\n[ "$1" = sync ] || exit 0\n'
        "mkdir -p .venv/bin\nfor name in python pancode; do\n"
        "printf '#!/bin/sh\\n' >.venv/bin/$name; chmod +x .venv/bin/$name; done\n",
    )
    assert machine.up().returncode == 0
    assert "uv sync --locked --quiet --no-default-groups --group build" in machine.ordered()


def test_where_uv_fails_pip_is_next(machine: Machine) -> None:
    with_all_programs(machine).add("uv", '[ "$1" = --version ]')
    result = machine.up()
    assert result.returncode == 0
    assert "uv couldn't" in result.stderr
    assert any("--require-hashes" in order for order in machine.ordered())


def test_packages_that_cannot_be_had_are_told(machine: Machine) -> None:
    offline = 'case "$*" in *--require-hashes*) echo no network >&2; exit 1 ;; esac\n'
    with_all_programs(machine).add("python3", offline + PYTHON)
    result = machine.up()
    assert result.returncode == 3
    assert "no network" in result.stderr
    assert "couldn't be installed (see above)" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_checkout_that_cannot_be_written_is_told(machine: Machine) -> None:
    os.chmod(with_all_programs(machine).checkout, 0o500)
    assert machine.up().returncode == 12


def test_the_exit_codes_of_the_scripts_are_those_of_the_program() -> None:
    from pancode.core.errors import ExitCode

    for code in (ExitCode.PREREQUISITE, ExitCode.ENVIRONMENT):
        assert f"\n{code.name}={code.value}\n" in read("scripts/lib.sh")


def test_every_script_is_plain_shell_that_can_be_started() -> None:
    shell = shutil.which("sh")
    assert shell is not None
    for name in ("scripts/up", "scripts/test", "scripts/check", "scripts/docs", "scripts/lock", ".ci/run"):
        assert read(name).startswith("#!/bin/sh\n")
        assert os.access(os.path.join(ROOT, name), os.X_OK), name
        assert subprocess.run([shell, "-n", os.path.join(ROOT, name)], check=False).returncode == 0
