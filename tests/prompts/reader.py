"""A session with an agent that says what it was told: its prompt, and the files that its task names."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.session.conftest import Session

ADAPTER = '''
"""An agent without a model: it reads its prompt and the files of its task, and says what is in them."""

ID, NAME, BINARY, INSTALL = "reader", "Reader", "sh", "nothing to install"
VERSIONS, VERSION_ARGS, SECRETS, PASS_ENV, READS = ("1",), ("-c", "echo 1"), (), (), ()
CAN = frozenset({"system_prompt"})
PROGRAM = """
import json, sys
said = []
for path in [sys.argv[1], *sys.argv[2].split()]:
    try:
        said.append(open(path).read())
        open(path, "a").close()
        said.append("WRITABLE " + path)
    except OSError as error:
        said.append(type(error).__name__)
print(json.dumps({"kind": "finished", "ok": True, "result": "|".join(said)}), flush=True)
"""


def launch(request):
    prompt = request["run_dir"] + "/files/prompt.md"
    task = request["task"].replace("RUN_DIR", request["run_dir"])
    argv = [PYTHON, "-I", "-S", "-c", PROGRAM, prompt, task]
    return {"argv": argv, "env": {}, "secret_env": {}, "files": {"prompt.md": request["system_prompt"] or ""}}
'''


def furnish(session: Session, agents: str) -> Session:
    """Put the adapter and panagents.yaml into the session's home, and bring it up."""
    home = Path(session.places.home)
    (home / "adapters").mkdir(parents=True, exist_ok=True)
    (home / "adapters" / "reader.py").write_text(ADAPTER.replace("PYTHON", repr(sys.executable)))
    (home / "panagents.yaml").write_text(agents)
    session.pancode("up", "--detach")
    return session
