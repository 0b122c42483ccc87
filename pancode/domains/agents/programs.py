"""Plans runs of plain programs: the shell agent, and agents with a `command:` of their own."""

from __future__ import annotations

import os
import re

from pancode.core.errors import ExitCode, PanError
from pancode.domains.agents.api import Agent, LaunchAsk, Plan
from pancode.domains.agents.bench import Bench, check_task, expanded_model, finish, present
from pancode.domains.agents.discover import which
from pancode.domains.agents.environment import allowed, split_secrets

_PLACEHOLDER = re.compile(r"\{(task|cwd|model)\}")


def plan_program(bench: Bench) -> Plan:
    """Plan a run of the shell agent or of an agent with a `command:`; PanError says why it can't be."""
    ask, agent = bench.ask, bench.agent
    check_task(ask.task)
    _refuse_what_programs_lack(bench)
    model = (
        ask.model or expanded_model(bench) or (bench.settings.worker_model if _takes_model(agent) else None)
    )
    argv = _shell(ask) if agent.command is None else _command(bench, model)
    env, secrets = split_secrets(allowed(ask.environment, ()))
    return finish(
        bench,
        None,
        {
            "argv": argv,
            "env": env,
            "secret_env": secrets | present(agent.env, ask.environment),
            "files": {},
        },
        model,
    )


def _refuse_what_programs_lack(bench: Bench) -> None:
    ask, agent = bench.ask, bench.agent
    for asked, what in ((ask.endpoint, "an endpoint"), (ask.session, "a conversation to go on with")):
        if asked is not None:
            raise PanError(
                f'agent "{agent.name}" runs a plain program, which has no use for {what}',
                remedy="take another agent; `pancode agents` lists them",
                code=ExitCode.USAGE,
            )
    if ask.model is not None and not _takes_model(agent):
        raise PanError(
            f'agent "{agent.name}" takes no model',
            remedy='leave --model out, or put "{model}" into its command',
            code=ExitCode.USAGE,
        )
    if bench.read_only and not ask.sandboxed:
        raise PanError(
            f'agent "{agent.name}" runs a plain program, which only a sandbox keeps from changing files',
            remedy="use build mode with auto-edit or full-auto; `pancode sandbox probe` says what is missing",
            code=ExitCode.REFUSED,
        )


def _takes_model(agent: Agent) -> bool:
    return agent.command is not None and any("{model}" in word for word in agent.command)


def _shell(ask: LaunchAsk) -> list[str]:
    path = ask.environment.get("PATH", os.defpath)
    own = ask.environment.get("SHELL", "")
    shell = which("bash", path) or (own if os.path.isabs(own) and os.access(own, os.X_OK) else "/bin/sh")
    return [shell, "-c", ask.task]


def _command(bench: Bench, model: str | None) -> list[str]:
    ask, command = bench.ask, bench.agent.command or ()
    if model is None and _takes_model(bench.agent):
        raise PanError(
            f'the command of agent "{bench.agent.name}" needs a model and none is given',
            remedy="use --model, `model:` in panagents.yaml, or PANCODE_WORKER_MODEL",
            code=ExitCode.USAGE,
        )
    given = {"task": ask.task, "cwd": ask.cwd, "model": model or ""}
    # One pass: what stands in the task is never taken for a placeholder.
    program, *words = [_PLACEHOLDER.sub(lambda match: given[match[1]], word) for word in command]
    path = ask.environment.get("PATH", os.defpath)
    found = program if os.path.isabs(program) else which(program, path)
    if found is None or not os.access(found, os.X_OK):
        raise PanError(
            f'there is no program "{program}" in PATH, which agent "{bench.agent.name}" runs',
            remedy="install it, or write its whole path into the command",
            code=ExitCode.PREREQUISITE,
        )
    return [found, *words]
