"""`pancode run`: one task, one agent, one worker."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from pancode.cli.client import json_option, operator_environment, request_or_start, session_option
from pancode.cli.say_how import STATUS_CODE, ending, kept_in_colour, public, say
from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level
from pancode.engine import places
from pancode.engine.places import Places


@click.command()
@click.argument("task", nargs=-1, required=True)
@click.option(
    "--agent", "-a", metavar="NAME", help="Which agent; `pancode agents` lists them.  [default: dev]"
)
@click.option("--model", "-m", metavar="MODEL", help="Which model, in the agent's own words.")
@click.option(
    "--needs", metavar="WORDS",
    help="Choose agent and model by what they can: tools,reasoning,vision,context:100k,mid,frontier,local,"
    "readonly, or tags of agents.",
)  # fmt: skip
@click.option(
    "--max-cost", metavar="DOLLARS", type=click.FloatRange(min=0),
    help="Choose what is expected to cost at most this, and hold the run to it.",
)  # fmt: skip
@click.option("--cwd", metavar="DIR", help="Where to work.  [default: here]")
@click.option("--timeout", metavar="SECONDS", type=float, help="End the run after this long.")
@click.option(
    "--idle",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="End the run after this long without a sign of life; 0 for never.",
)
@click.option(
    "--expect-file", metavar="FILE", multiple=True, help="Done only if this file is there at the end."
)
@click.option("--expect", metavar="PATTERN", multiple=True, help="Done only if the result matches this.")
@click.option("--check", metavar="COMMAND", help="Done only if this ends well, run where the agent ran.")
@click.option(
    "--schema", metavar="FILE", type=click.Path(), help="Done only if the result is JSON that fits."
)
@click.option("--endpoint", metavar="URL", help="Send the agent's model calls there.")
@click.option(
    "--safety",
    metavar="LEVEL",
    type=click.Choice([level.value for level in Level]),
    help="Less than the session's level.",
)
@click.option(
    "--accept-weaker",
    metavar="NAME",
    multiple=True,
    help="Start this run although a promise of its sandbox can't be kept; a refusal names what to give.",
)
@click.option(
    "--isolate/--no-isolate",
    default=None,
    help="Work in a clone of its own, or here.  [default: a clone where another live run may write here]",
)
@click.option(
    "--priority", metavar="N", type=click.IntRange(-100, 100), default=0,
    help="Its rank in the queue, -100 to 100; higher is sooner.",
)  # fmt: skip
@click.option("--after", metavar="RUN", multiple=True, help="Start only when this run has ended `done`.")
@click.option(
    "--budget", metavar="AMOUNT", help="The most that this run may spend: 0.50usd, 100k tokens, 30 turns."
)
@click.option(
    "--yes", is_flag=True,
    help="Say yes to a shell command that the level asks about, or to paths outside the project.",
)  # fmt: skip
@click.option(
    "--dry-run", is_flag=True,
    help="Start nothing: print what each admission gate says, and what the run would get.",
)  # fmt: skip
@click.option("--detach/--wait", help="Come back at once, or when the run has ended.  [default: wait]")
@session_option
@json_option
def run(task: tuple[str, ...], *, detach: bool, as_json: bool, session: str | None, **options: Any) -> int:  # noqa: ANN401
    """Run TASK with one agent in a live pane. A session is started if none is up.

    `-` reads the task from standard input. The exit status tells how the run ended.
    """
    where = places.find(session)
    text = sys.stdin.read() if task == ("-",) else " ".join(task)
    contract = _contract(options)
    args = {
        key: value
        for key, value in options.items()
        if value is not None and value is not False and value != ()
    }
    args |= {} if options["isolate"] is None else {"isolate": options["isolate"]}
    args |= {"needs": _words(options["needs"])} if options["needs"] else {}
    args["cwd"] = os.path.abspath(options["cwd"] or os.getcwd())
    args |= {"contract": contract} if contract else {}
    args |= {"budget": _budget(options["budget"])} if options["budget"] else {}
    if args.pop("dry_run", False):
        from pancode.cli.dry_run import dry_run

        return dry_run({**args, "task": text}, where, as_json=as_json)
    told = start({**args, "task": text}, where)
    for remark in told["remarks"]:
        click.echo(f"pancode: note: {remark}", err=True)
    run_id, result = told["run_id"], told["result"]
    if result is None and detach:
        click.echo(json.dumps({"run_id": run_id, "status": None}) if as_json else run_id)
        return int(ExitCode.DONE)
    if result is None:
        result = waited(told, where, as_json=as_json)
    return report(result, as_json=as_json)


def _contract(options: dict[str, Any]) -> dict[str, Any]:
    """Take what the outcome is to meet out of the options; a schema travels as what its file holds."""
    names = {"expect_file": "files", "expect": "patterns", "check": "command", "schema": "schema"}
    found = {new: options.pop(old) for old, new in names.items()}
    if found["schema"] is not None:
        from pancode.engine.files import read_json

        path, found["schema"] = found["schema"], read_json(found["schema"])
        if found["schema"] is None:
            what = f"no JSON object in {path}" if os.path.exists(path) else f"no file {path}"
            raise PanError(f"there is {what}", remedy="--schema FILE", code=ExitCode.USAGE)
    return {key: value for key, value in found.items() if value is not None and value != ()}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _budget(text: str) -> dict[str, Any]:
    from pancode.domains.scheduling.amounts import parse_limit, to_json

    return to_json(parse_limit(text))


def waited(told: dict[str, Any], where: Places, *, as_json: bool) -> dict[str, Any]:
    """Wait for a run that has been started, say so on the way, and give its result."""
    from pancode.cli.waiting import wait

    if not as_json:
        row = told["row"]
        click.echo(
            f" {row['run_id']} {row['agent']} in {'its own clone of ' if row['isolated'] else ''}"
            f"{where.project}, {row['mode']}, {row['safety']},"
            f" {kept_in_colour(row['sandbox'])}",
            err=True,
        )
        if row["waits"]:
            click.echo(f"   it waits: {row['waits']}", err=True)
    return wait(told["run_id"], where, quiet=as_json)


def report(result: dict[str, Any], *, as_json: bool) -> int:
    """Print how a run ended; give the exit status that says the same."""
    if as_json:
        click.echo(json.dumps(public(result), ensure_ascii=False))
    elif result["status"] == "refused":
        say(f"pancode: refused: {result['evidence']['record']['problem']}")
    else:
        if result["result"]:
            click.echo(result["result"].rstrip("\n"))
        click.echo(ending(result), err=True)
        run_id = result["run_id"]
        if (result.get("changes") or {}).get("fate") == "open":
            click.echo(f"   pancode diff {run_id} · pancode merge {run_id}", err=True)
        click.echo(f"   pancode logs {run_id} · pancode runs show {run_id}", err=True)
    return int(STATUS_CODE[result["status"]])


def start(args: dict[str, Any], where: Places, verb: str = "run") -> dict[str, Any]:
    """Ask for the run; ask again where no answer came: by its key the controller knows it as the same."""
    args = {**args, "env": operator_environment(), "key": os.urandom(12).hex()}
    return request_or_start(verb, args, places=where)
