"""The do-nothing agents of chaos: they only say what they do, so that it can be counted afterwards."""

from __future__ import annotations

import os
import sys

from pancode.bench.bed import READER
from pancode.engine import git

STARTS, CHANGES = "starts", "changes"
"""Directories below a run's working directory: a file for each time it was started; what it wrote."""
TROUPE = 50
"""Agents by other names: one whose workers are killed again and again would be given no more work."""
PAIR = """
  actor-{number}:
    description: Writes a line into a file, syncs it, says so, and goes on
    runtime: chaos
  nothing-{number}:
    description: Does nothing for a while
    command: [sleep, "{{task}}"]
"""
ADAPTER = '''
"""An agent that changes a file and says each change; made by `pancode chaos`."""

ID, NAME, BINARY, INSTALL = "chaos", "Actor", "sh", "pancode chaos makes it"
VERSIONS, VERSION_ARGS, SECRETS, PASS_ENV, READS = (), ("-c", "echo 1"), (), (), ()
CAN = frozenset()
PROGRAM = """
import os, sys, time
run, (count, pause) = os.environ["PANCODE_RUN_ID"], sys.argv[1].split()
for name in ("STARTS", "CHANGES"):
    os.makedirs(name, exist_ok=True)
at = time.monotonic_ns()
os.close(os.open("STARTS/%s.%d.%d" % (run, at, os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
with open("CHANGES/" + run, "a") as file:
    for number in range(int(count)):
        file.write("line %d\\\\n" % number)
        file.flush()
        os.fsync(file.fileno())
        print('{"type": "text", "text": "wrote %d"}' % number, flush=True)
        time.sleep(float(pause))
print('{"type": "end"}', flush=True)
"""
'''


def furnish(home: str, project: str) -> None:
    """Put the agents into the PanCode home at `home`, and make a repository of the project.

    So the actors get clones of their own as soon as two of them work at the same time.
    """
    os.makedirs(os.path.join(home, "adapters"), mode=0o700, exist_ok=True)
    with open(os.path.join(home, "panagents.yaml"), "w", encoding="utf-8") as file:
        file.write("agents:" + "".join(PAIR.format(number=number) for number in range(TROUPE)))
    text = (ADAPTER + READER).replace("PYTHON", repr(sys.executable))
    with open(os.path.join(home, "adapters", "chaos.py"), "w", encoding="utf-8") as file:
        file.write(text.replace("STARTS", STARTS).replace("CHANGES", CHANGES))
    who = ("-c", "user.name=chaos", "-c", "user.email=chaos@localhost")
    git.run(project, "init", "--quiet", "--initial-branch=main")
    git.run(project, *who, "commit", "--quiet", "--allow-empty", "--message=Before the riot")
