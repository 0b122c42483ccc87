"""What `build` decides, looked at without running anything."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Grant, Level, Mode
from pancode.domains.agents.api import AgentNeeds
from pancode.domains.safety.api import Enclosures, Machine, build, inside, safe_environment
from pancode.domains.safety.guarantees import WEAKNESSES
from pancode.domains.safety.settings import SandboxSettings
from tests.safety.enclosure.asking import FULL, ask_in, mounted

AUTO, FULL_AUTO = Grant(Mode.BUILD, Level.AUTO_EDIT), Grant(Mode.BUILD, Level.FULL_AUTO)
REVIEW = Grant(Mode.REVIEW, Level.FULL_AUTO)
SUGGEST, PLAN = Grant(Mode.BUILD, Level.SUGGEST), Grant(Mode.PLAN, Level.AUTO_EDIT)


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="pancode-build-") as made:
        yield Path(made)


def test_the_tree_is_writable_only_with_leave(base: Path) -> None:
    tree = str(base / "tree")
    assert tree in mounted(build(ask_in(base))["options"], "--bind")
    for grant in (SUGGEST, PLAN, Grant(Mode.BUILD, Level.FULL_AUTO, read_only=True)):
        sandbox = build(ask_in(base, grant=grant))
        assert tree in mounted(sandbox["options"], "--ro-bind-try")
        # Sockets are hidden here, too: a worker that may write, beside this one, has them made.
        assert (sandbox["masks"], set(sandbox["stubs"].values())) == ([], {None})


def test_an_agent_that_can_not_commit_in_a_linked_work_tree_is_told_of_isolation(base: Path) -> None:
    assert Enclosures.remarks(build(ask_in(base)), "claude-code") == []
    git = base / "repository"
    for name in ("objects", "refs", "worktrees/w"):
        (git / name).mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "worktrees/w/commondir").write_text("../..\n")
    (git / "worktrees/w/gitdir").write_text(f"{base}/tree/.git\n")
    (base / "tree" / ".git").write_text(f"gitdir: {git}/worktrees/w\n")
    sandbox = build(ask_in(base))
    [said] = Enclosures.remarks(sandbox, "claude-code")
    assert "can't commit here" in said
    assert "--isolate" in said
    assert Enclosures.remarks(sandbox, "shell") == []


def test_the_same_ask_gives_the_same_policy_and_another_one_another(base: Path) -> None:
    assert build(ask_in(base)) == build(ask_in(base))
    assert build(ask_in(base))["policy"] != build(ask_in(base, grant=PLAN))["policy"]
    assert build(ask_in(base))["policy"] != build(ask_in(base, rules="x"))["policy"]


@pytest.mark.parametrize(
    ("grant", "hosts", "net"),
    [
        (SUGGEST, ["model.example:443"], "model"),
        (PLAN, ["model.example:443"], "model"),
        (AUTO, ["model.example:443", "index.example:443", "mine.example:8443", "*.rule.example:443"], "list"),
        (REVIEW, ["model.example:443", "mine.example:8443", "*.rule.example:443"], "list"),
    ],
)
def test_hosts_by_mode_and_level(base: Path, grant: Grant, hosts: list[str], net: str) -> None:
    (base / "home").mkdir()
    (base / "home" / ".npmrc").write_text("registry=https://index.example/npm/\n; https://no.example\n")
    ask = ask_in(
        base,
        grant=grant,
        needs=AgentNeeds(hosts=("model.example:443",)),
        settings=SandboxSettings(hosts=("mine.example:8443", "bad.example", "*.half.example")),
        hosts=("*.rule.example",),
        barred_hosts=("bad.example", "evil.half.example"),
    )
    sandbox = build(ask)
    assert sandbox["network"]["hosts"] == hosts
    assert sandbox["grade"]["net"] == net


def test_the_model_on_loopback_is_forwarded_and_other_plain_http_is_refused(base: Path) -> None:
    network = build(ask_in(base, endpoint="http://localhost:8080/v1"))["network"]
    assert network["forwards"] == [{"port": 8080, "host": "127.0.0.1", "to": 8080}]
    network = build(ask_in(base, endpoint="http://[::1]:8080"))["network"]
    assert network["forwards"] == [{"port": 8080, "host": "::1", "to": 8080}]
    needs = AgentNeeds(hosts=("vendor.example:443",))
    network = build(ask_in(base, endpoint="https://api.example/v1", needs=needs))["network"]
    assert network["hosts"] == ["api.example:443"]
    with pytest.raises(PanError, match="only TLS leaves") as told:
        build(ask_in(base, endpoint="http://10.0.0.5:8000"))
    assert told.value.code is ExitCode.REFUSED


@pytest.mark.parametrize(
    ("machine", "grant", "accept", "outcome"),
    [
        ("full", FULL_AUTO, "", "bwrap"),
        ("full", FULL_AUTO, "none", "bwrap"),
        ("fs-only", AUTO, "", "fs-only"),
        ("fs-only", AUTO, "fs-only", "landlock"),
        ("fs-only", FULL_AUTO, "fs-only", "none"),
        ("fs-only", FULL_AUTO, "none", "landlock"),
        ("old", AUTO, "fs-only", "none"),
        ("old", SUGGEST, "fs-only", "landlock"),
        ("none", SUGGEST, "fs-only", "none"),
        ("none", AUTO, "none", "none"),
    ],
)
def test_a_weaker_sandbox_needs_its_name(
    base: Path, machine: str, grant: Grant, accept: str, outcome: str
) -> None:
    found = {
        "full": FULL,
        "fs-only": Machine(sandbox="fs-only", why="no bwrap", landlock_abi=7),
        "old": Machine(sandbox="fs-only", why="no bwrap", landlock_abi=2),
        "none": Machine(sandbox="none", why="nothing works"),
    }[machine]
    ask = ask_in(base, machine=found, grant=grant, accept=frozenset(filter(None, [accept])))
    if outcome in WEAKNESSES and outcome != accept:
        with pytest.raises(PanError, match=f"--accept-weaker {outcome}") as told:
            build(ask)
        assert told.value.code is ExitCode.REFUSED
        return
    sandbox = build(ask)
    assert sandbox["kind"] == outcome
    if sandbox["kind"] == "bwrap":
        assert sandbox["grade"]["accepted"] == []
    else:
        assert sandbox["grade"]["accepted"]
        assert sandbox["grade"]["lost"]


def test_every_weaker_grade_says_what_is_lost() -> None:
    assert all(each.name == name and each.lost and each.when for name, each in WEAKNESSES.items())


def test_the_users_wishes_never_show_secrets(base: Path) -> None:
    (base / "home" / ".ssh").mkdir(parents=True)
    (base / "data" / "x").mkdir(parents=True)
    settings = SandboxSettings(
        readable=(str(base / "home"), str(base / "data")), writable=(str(base / "data" / "x"),)
    )
    options = build(ask_in(base, settings=settings))["options"]
    assert f"{base}/home/.ssh" in mounted(options, "--tmpfs")
    assert f"{base}/data" in mounted(options, "--ro-bind-try")
    assert f"{base}/data/x" in mounted(options, "--bind")


def test_paths_of_the_rules_are_hidden_and_kept(base: Path) -> None:
    for name in ("tree/a/keep", "tree/hide", "data"):
        (base / name).mkdir(parents=True)
    (base / "tree" / "a" / "keep" / "one").touch()
    (base / "tree" / "a" / "file").touch()
    ask = ask_in(
        base,
        zero_access=(f"{base}/tree/hide", f"{base}/tree/a/file", f"{base}/data"),
        read_only=(f"{base}/tree/a/keep",),
        settings=SandboxSettings(readable=(f"{base}/data",)),
        rules_complete=False,
    )
    sandbox = build(ask)
    options = sandbox["options"]
    assert {f"{base}/tree/hide", f"{base}/data"} <= set(mounted(options, "--remount-ro"))
    assert f"{base}/tree/a/file" in mounted(options, "--ro-bind")
    assert f"{base}/tree/a/keep" in mounted(options, "--ro-bind-try")
    assert f"{base}/tree/a" in mounted(options, "--bind")  # So that it can't be renamed away.
    assert any("too large" in sentence for sentence in sandbox["grade"]["lost"])
    with pytest.raises(PanError, match="no access"):
        build(ask_in(base, zero_access=(str(base / "tree"),)))


def test_an_agents_program_is_seen_with_all_its_packages(base: Path) -> None:
    packages = base / "lib" / "node_modules"
    (packages / "agent").mkdir(parents=True)
    (packages / "agent" / "cli.js").touch()
    (packages / ".bin").mkdir()
    (packages / ".bin" / "agent").symlink_to("../agent/cli.js")
    (base / "home" / ".local" / "bin").mkdir(parents=True)
    (base / "home" / ".local" / "bin" / "agent").symlink_to(packages / ".bin" / "agent")
    ask = ask_in(base, needs=AgentNeeds(binary=f"{base}/home/.local/bin/agent"))
    shown = mounted(build(ask)["options"], "--ro-bind-try")
    assert {str(packages), f"{base}/home/.local/bin"} <= set(shown)


def test_a_program_in_the_tree_can_not_show_what_a_worker_points_it_at(base: Path) -> None:
    (base / "secret" / "bin").mkdir(parents=True)
    (base / "secret" / "bin" / "key").touch()
    (base / "tree" / "bin").mkdir(parents=True)
    (base / "tree" / "bin" / "tool").symlink_to(base / "secret" / "bin" / "key")
    home = str(base / "home")
    ask = ask_in(
        base,
        needs=AgentNeeds(binary=f"{base}/tree/bin/tool"),
        environment={"HOME": home, "PATH": f"{base}/tree/bin:/usr/bin"},
    )
    assert not any("secret" in word for word in build(ask)["options"])


def test_a_directory_of_many_things_is_not_shown_for_being_in_path(base: Path) -> None:
    path = f"/:/tmp:/var/tmp:{base}:{base}/home:{base}/pancode:/usr/bin"
    sandbox = build(ask_in(base, environment={"HOME": f"{base}/home", "PATH": path}))
    shown = set(mounted(sandbox["options"], "--ro-bind-try"))
    assert not shown & {"/", "/tmp", "/var/tmp", str(base), f"{base}/home", f"{base}/pancode"}


def test_the_second_wall_needs_landlock(base: Path) -> None:
    settings = SandboxSettings(landlock=True)
    assert build(ask_in(base, settings=settings))["grade"]["landlock"]
    machine = replace(FULL, landlock_abi=0)
    with pytest.raises(PanError, match="--accept-weaker no-landlock"):
        build(ask_in(base, settings=settings, machine=machine))
    weaker = build(ask_in(base, settings=settings, machine=machine, accept=frozenset({"no-landlock"})))
    assert (weaker["landlock"], weaker["grade"]["accepted"]) == (False, ["no-landlock"])


def test_a_private_key_in_a_toolchain_is_hidden(base: Path) -> None:
    for name in (".cargo/bin", ".pyenv/bin", ".docker/bin"):
        (base / "home" / name).mkdir(parents=True)
    (base / "home" / ".pyenv" / "credentials").write_text("x")
    path = ":".join(f"{base}/home/{name}" for name in (".cargo/bin", ".pyenv/bin", ".docker/bin"))
    options = build(ask_in(base, environment={"HOME": f"{base}/home", "PATH": path}))["options"]
    assert {f"{base}/home/.cargo/bin", f"{base}/home/.pyenv"} <= set(mounted(options, "--ro-bind-try"))
    assert f"{base}/home/.pyenv/credentials" in mounted(options, "--ro-bind")
    assert not any(".docker" in word for word in options)


def test_variables_that_run_code_never_get_in(base: Path) -> None:
    given = {
        "PATH": "/bin", "LD_PRELOAD": "x", "GIT_SSH_COMMAND": "x", "PYTHONSTARTUP": "x", "NODE_OPTIONS": "x",
        "BASH_ENV": "x", "BASH_FUNC_ls%%": "() { x; }", "TMUX_PANE": "%1", "SSH_AUTH_SOCK": "x",
        "HTTP_PROXY": "x",
        "XDG_RUNTIME_DIR": "/run/user/0", "ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "TMPDIR": "/scratch",
    }  # fmt: skip
    assert set(safe_environment(given)) == {"PATH", "HTTP_PROXY", "ANTHROPIC_BASE_URL", "TMPDIR"}
    found = inside(build(ask_in(base)), given)
    assert set(found) == {"PATH", "ANTHROPIC_BASE_URL", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"}
    assert found["HTTPS_PROXY"].startswith("http://127.0.0.1:")


def test_building_is_quick(base: Path) -> None:
    ask = ask_in(base)
    build(ask)
    took = []
    for _ in range(20):
        start = time.perf_counter()
        build(ask)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.02  # 2 ms on a quiet machine
