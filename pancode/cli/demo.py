"""`pancode demo`: the whole thing in a minute, with a scripted model; no key, no network."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import request
from pancode.core.errors import ExitCode, PanError

if TYPE_CHECKING:
    from pancode.engine.places import Places

READY = 15.0
"""Seconds that the scripted model may take to say where it listens."""


@click.command()
@click.option("--detach", is_flag=True, help="Set everything going, but don't attach.")
@click.option("--shell", is_flag=True, help="Use the shell agent even if agent CLIs are installed.")
def demo(*, detach: bool, shell: bool) -> None:
    """Make a repository, run three workers in it against a scripted model, and attach.

    The agent CLIs that are installed are really used, in a repository of the demo's own; without any,
    the shell agent does the same jobs. The model is scripted: nothing is sent anywhere.
    """
    from pancode.demo.story import FILES, SHELL_TASKS, TASKS
    from pancode.engine import git, places

    directory = _new_directory(places.home())
    git.make_repository(directory, FILES)
    os.environ["PANCODE_PROJECT"] = directory
    os.chdir(directory)
    where = places.find()
    _start(where)
    agents = [] if shell else _agents(where)
    if agents:
        click.echo("the model is SCRIPTED: no real model is called, nothing costs anything")
        endpoint = _serve_model(where)
        for number, task in enumerate(TASKS):
            _run(where, task, agents[number % len(agents)], endpoint)
    else:
        click.echo("no model is called: the shell agent does the work")
        for task in SHELL_TASKS:
            _run(where, task, "shell", None)
    click.echo(f"the demo's repository is {directory}\nwhen you have seen enough: pancode down, in there")
    if not detach and sys.stdin.isatty():
        _attach(where)


def _new_directory(home: str) -> str:
    base = os.path.join(home, "demo")
    os.makedirs(base, mode=0o700, exist_ok=True)
    taken = {int(name) for name in os.listdir(base) if name.isdecimal()}
    return os.path.join(base, str(max(taken, default=0) + 1))


def _start(where: Places) -> None:
    from pancode.cli.opening import open_session
    from pancode.domains.session.start import wait_ready

    open_session(where)
    wait_ready(where)


def _agents(where: Places) -> list[str]:
    return model_agents(request("runtimes", places=where)["runtimes"])


def model_agents(runtimes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the ids of the CLIs that are there and call a model; the shell is always there and doesn't."""
    return [
        str(one["id"])
        for one in runtimes
        if one["tier"] == "cli" and one["status"] == "available" and one["id"] != "shell"
    ]


def _serve_model(where: Places) -> str:
    """Run the scripted model as a worker, so that it is seen and ends with the session; give its URL."""
    import json

    from pancode.demo.story import script

    path = os.path.join(where.state, "demo-script.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(script(), file)
    words = (sys.executable, "-m", "pancode", "model", "serve", "--script", path)
    said = "echo 'This model is SCRIPTED: no real model is called.'"
    task = f"{said}; exec " + " ".join(f"'{word}'" for word in words)
    run = _run(where, task, "shell", None)
    log = os.path.join(where.runs, run, "stream.raw")
    until = time.monotonic() + READY
    while time.monotonic() < until:
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as file:
                for line in file:
                    if (at := line.find("http://")) >= 0 and line.endswith("\n"):
                        return line[at:].split()[0]
        time.sleep(0.02)
    raise PanError(
        "the scripted model doesn't start", remedy=f"pancode logs {run}", code=ExitCode.ENVIRONMENT
    )


def _run(where: Places, task: str, agent: str, endpoint: str | None) -> str:
    args: dict[str, Any] = {"task": task, "agent": agent, "cwd": where.project}
    if endpoint is not None:
        args["endpoint"] = endpoint
    answer = request("run", args, places=where)
    if answer["result"] is not None:
        click.echo(f"{agent}: {answer['result']['reason']}", err=True)
    return str(answer["run_id"])


def _attach(where: Places) -> None:
    from pancode.domains.session.enter import enter

    said = enter(where, os.environ)
    if said:
        click.echo(said)
