"""The wheel, built, installed into an environment of its own and started far from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

import pytest

from tests.project.tree import ROOT, path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("wheel")]


def run(*command: str, cwd: str, **environment: str) -> str:
    place = {
        "PATH": os.environ["PATH"],
        "HOME": cwd,
        "PANCODE_HOME": os.path.join(cwd, "home"),
        **environment,
    }
    done = subprocess.run(
        command, cwd=cwd, env=place, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def shipped(folder: str, ending: str) -> set[str]:
    return {name for name in os.listdir(path(folder)) if name.endswith(ending)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("dist"))
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=ROOT)
    (name,) = os.listdir(out)
    return os.path.join(out, name)


@pytest.fixture(scope="module")
def installed(wheel: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the bin directory of a new environment that has PanCode from the wheel and the rest from ours."""
    place = str(tmp_path_factory.mktemp("elsewhere"))
    run(sys.executable, "-m", "venv", "--without-pip", "fresh", cwd=place)
    python = os.path.join(place, "fresh/bin/python")
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip()
    install(wheel, python, place)
    # This makes what PanCode needs importable; the .pth file there that names our checkout is not read.
    with open(os.path.join(packages, "needs.pth"), "w", encoding="utf-8") as file:
        file.write(sysconfig.get_path("purelib") + "\n")
    return os.path.join(place, "fresh/bin")


def install(wheel: str, python: str, place: str) -> None:
    options = ["--no-deps", "--no-index", wheel]
    if (
        subprocess.run(
            [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
        ).returncode
        == 0
    ):
        run(sys.executable, "-m", "pip", "--python", python, "install", "-q", *options, cwd=place)
    else:
        run(
            "uv",
            "pip",
            "install",
            "-q",
            "--python",
            python,
            *options,
            cwd=place,
            UV_CACHE_DIR=os.path.join(place, "cache"),
        )


def test_the_wheel_carries_adapters_layouts_and_licence(wheel: str) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    carried = {name for name in names if name.startswith("pancode/_shipped/")}
    assert shipped("adapters", ".py") <= {os.path.basename(name) for name in carried if "/adapters/" in name}
    assert shipped("layouts", ".yaml") <= {os.path.basename(name) for name in carried if "/layouts/" in name}
    assert shipped("pancode/bridges/npm/mastra", "") <= {
        os.path.basename(name) for name in names if name.startswith("pancode/bridges/npm/mastra/")
    }
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "scripts/")) or name.endswith(".pyc")]


def test_pancode_starts_from_the_wheel(installed: str) -> None:
    from pancode.version import __version__

    program = os.path.join(installed, "pancode")
    assert __version__ in run(program, "--version", cwd=os.path.dirname(installed))


def test_the_code_is_that_of_the_wheel_and_finds_what_was_shipped(installed: str) -> None:
    code = (
        "import json, pancode; from pancode.engine import shipped\n"
        "import os; print(json.dumps([pancode.__file__, *(sorted(os.listdir(d)) "
        "for d in (shipped.adapters_dir(), shipped.layouts_dir()))]))"
    )
    where, adapters, layouts = json.loads(
        run(os.path.join(installed, "python"), "-c", code, cwd=os.path.dirname(installed))
    )
    assert where.startswith(os.path.dirname(installed))
    assert shipped("adapters", ".py") <= set(adapters)
    assert shipped("layouts", ".yaml") <= set(layouts)


def test_the_wheel_knows_every_agent_program(installed: str) -> None:
    listed = run(os.path.join(installed, "pancode"), "runtimes", "--json", cwd=os.path.dirname(installed))
    known = {runtime["id"] for runtime in json.loads(listed)["runtimes"]}
    assert {"claude-code", "codex", "gemini", "opencode", "copilot", "shell"} <= known


@pytest.mark.tmux
def test_a_session_from_the_wheel_runs_a_worker(installed: str) -> None:
    program = os.path.join(installed, "pancode")
    with tempfile.TemporaryDirectory(prefix="pcw", dir="/tmp") as place:
        os.mkdir(os.path.join(place, "r"), 0o700)
        os.mkdir(os.path.join(place, "p"))
        runtime = {
            "XDG_RUNTIME_DIR": os.path.join(place, "r"),
            "PANCODE_HOME": os.path.join(place, "home"),
            "HOME": os.path.join(place, "h"),
        }
        try:
            told = run(
                program, "run", "--agent", "shell", "--json", "echo from the wheel",
                cwd=os.path.join(place, "p"), **runtime,
            )  # fmt: skip
        finally:
            run(program, "down", cwd=os.path.join(place, "p"), **runtime)
        assert json.loads(told)["result"] == "from the wheel"
