"""The do-nothing agents of chaos: they only say what they do, so that it can be counted afterwards."""

from __future__ import annotations

import os
import sys

from pancode.bench.bed import READER
from pancode.engine import git

STARTS, CHANGES, CALLS = "starts", "changes", "calls"
"""Directories below a run's working directory: a file for each start; what it wrote; its model calls."""
MODEL: dict[str, object] = {"turns": [{"text": "42", "delay": 0.02}]}
"""What the model says to every actor; it takes long enough to be killed in the middle of."""
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
VERSIONS, VERSION_ARGS, SECRETS, PASS_ENV, READS = (), ("-c", "echo 1"), ("ACTOR_KEY",), (), ()
CAN = frozenset({"endpoint"})
KEYS = (("ACTOR_KEY", "ACTOR_URL", "https://api.invalid", True),)
PROGRAM = """
import json, os, socket, sys, time
run, (count, pause) = os.environ["PANCODE_RUN_ID"], sys.argv[1].split()
url, key = os.environ["ACTOR_URL"], os.environ["ACTOR_KEY"]
for name in ("STARTS", "CHANGES", "CALLS"):
    os.makedirs(name, exist_ok=True)
def ask():
    host, _, port = url.partition("//")[2].partition("/")[0].partition(":")
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "go"}]})
    head = ["POST /v1/chat/completions HTTP/1.1", "host: x", "connection: close"]
    head += ["authorization: Bearer " + key, "content-type: application/json"]
    head += ["content-length: %d" % len(body), "", body]
    with socket.create_connection((host, int(port)), 60) as line:
        line.sendall("\\\\r\\\\n".join(head).encode())
        said = b"".join(iter(lambda: line.recv(65536), b""))
    status, text = int(said.split(None, 2)[1]), said.partition(b"\\\\r\\\\n\\\\r\\\\n")[2]
    return status, json.loads(text)
def call(asked):
    for attempt in range(600):
        asked.write("asked\\\\n")
        asked.flush()
        try:
            status, _ = ask()
        except (OSError, ValueError, IndexError):
            status = 503
        if status == 200:
            asked.write("answered\\\\n")
            asked.flush()
            return
        if status != 503:
            sys.exit("the model said %d" % status)
        time.sleep(0.1)
at = time.monotonic_ns()
os.close(os.open("STARTS/%s.%d.%d" % (run, at, os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
with open("CHANGES/" + run, "a") as file, open("CALLS/" + run, "a") as asked:
    for number in range(int(count)):
        if number % 6 == 0:
            call(asked)
        file.write("line %d\\\\n" % number)
        file.flush()
        os.fsync(file.fileno())
        print('{"type": "text", "text": "wrote %d"}' % number, flush=True)
        time.sleep(float(pause))
print('{"type": "end"}', flush=True)
"""
'''
LAUNCH = """

def launch(request):
    argv = [PYTHON, "-I", "-S", "-c", PROGRAM, request["task"]]
    env = {"ACTOR_URL": request["endpoint"] or ""}
    return {"argv": argv, "env": env, "secret_env": {"ACTOR_KEY": request["endpoint_key"] or ""}, "files": {}}
"""
"""In the place of the reader's."""


def furnish(home: str, project: str) -> None:
    """Put the agents into the PanCode home at `home`, and make a repository of the project.

    So the actors get clones of their own as soon as two of them work at the same time.
    """
    os.makedirs(os.path.join(home, "adapters"), mode=0o700, exist_ok=True)
    with open(os.path.join(home, "panagents.yaml"), "w", encoding="utf-8") as file:
        file.write("agents:" + "".join(PAIR.format(number=number) for number in range(TROUPE)))
    text = (ADAPTER + READER + LAUNCH).replace("PYTHON", repr(sys.executable))
    with open(os.path.join(home, "adapters", "chaos.py"), "w", encoding="utf-8") as file:
        file.write(text.replace("STARTS", STARTS).replace("CHANGES", CHANGES).replace("CALLS", CALLS))
    who = ("-c", "user.name=chaos", "-c", "user.email=chaos@localhost")
    git.run(project, "init", "--quiet", "--initial-branch=main")
    git.run(project, *who, "commit", "--quiet", "--allow-empty", "--message=Before the riot")
