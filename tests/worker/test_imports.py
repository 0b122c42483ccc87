"""What a worker may import: the agent's start and the memory of every pane depend on it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKER = ROOT / "pancode" / "worker"
HEAVY = {
    "asyncio",
    "collections",
    "contextlib",
    "ctypes",
    "dataclasses",
    "enum",
    "functools",
    "importlib",
    "json",
    "logging",
    "os",
    "pathlib",
    "re",
    "selectors",
    "signal",
    "socket",
    "struct",
    "subprocess",
    "threading",
    "typing",
}


def loaded(*modules: str) -> set[str]:
    code = f"import sys; sys.path.append(sys.argv[1]); import {', '.join(modules)}; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT)]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_little_is_imported_before_the_agent_runs() -> None:
    before = loaded("sys")
    names = loaded("pancode.worker.shim") - before
    assert not names & HEAVY
    assert {name for name in names if not name.startswith("pancode")} <= {
        "__future__",
        "_ctypes",
        "_json",
        "fcntl",
        "select",
        "termios",
    }


def test_nothing_heavy_is_imported_while_the_agent_runs() -> None:
    programs = ("__init__", "boot", "pan_mcp")  # The last is one that agents start, in the sandbox.
    modules = [f"pancode.worker.{path.stem}" for path in WORKER.glob("*.py") if path.stem not in programs]
    assert not loaded(*modules) & HEAVY


def test_adapters_cost_no_more_than_themselves() -> None:
    adapters = [path for path in (ROOT / "adapters").glob("*.py") if path.stem != "__init__"]
    code = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from pancode.worker.stream import load_session\n"
        "for path in sys.argv[2:]: load_session(path, None)\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT), *map(str, adapters)]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert not set(names) & HEAVY


def test_a_worker_uses_the_standard_library_and_its_own_folder() -> None:
    allowed = set(sys.stdlib_module_names) | {"pancode"}
    for path in WORKER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] in allowed, path
                if node.module.startswith("pancode"):
                    own = node.module.startswith("pancode.worker") or node.module == "pancode.version"
                    assert own or (node.module, path.name) == ("pancode.core.redact", "redaction.py"), path
            elif isinstance(node, ast.Import):
                assert all(alias.name.split(".")[0] in allowed for alias in node.names), path


def test_a_file_beside_the_package_cannot_stand_in_for_the_standard_library(tmp_path: Path) -> None:
    copy = tmp_path / "pancode"
    (tmp_path / "json.py").write_text("raise SystemExit('taken')")
    (tmp_path / "time.py").write_text("raise SystemExit('taken')")
    (tmp_path / "fcntl.py").write_text("raise SystemExit('taken')")
    copy.symlink_to(ROOT / "pancode")
    command = [sys.executable, "-I", "-S", str(copy / "worker" / "boot.py")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "wants the folder of a run" in done.stderr


def test_a_spec_as_it_is_written_is_a_spec_as_it_is_read() -> None:
    from pancode.worker import lean_json

    text = json.dumps({"task": "é\ud800", "limits": {"wall_s": 1.5}})
    assert lean_json.loads(text) == json.loads(text)
