"""`pancode plan`: who might do a task best, by what the ledger tells; it starts nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pancode.cli.client import json_option
from pancode.core.errors import ExitCode, PanError

if TYPE_CHECKING:
    from pancode.domains.intelligence.record import Outcome

VERDICTS = {
    "too-little-data": "too little data: no proposal",
    "default": "keep to the default",
    "better": "another is better at this",
    "cheaper": "another does it for less",
}


@click.command()
@click.argument("task", nargs=-1)
@click.option(
    "--replay", is_flag=True, help="Judge the proposals by the record: what if they had been followed?"
)
@click.option("--ledger", metavar="FILE", help="A recorded ledger instead of yours (JSON lines).")
@click.option("--record", is_flag=True, help="Print your ledger as such lines; no text of a task is in them.")
@click.option("--project", "this_project", is_flag=True, help="Only what was done in this project.")
@json_option
def plan(
    task: tuple[str, ...],
    *,
    replay: bool,
    ledger: str | None,
    record: bool,
    this_project: bool,
    as_json: bool,
) -> int:
    """Propose an agent and a model for TASK, with the evidence; start nothing. Experimental.

    Off unless the setting runtime.intelligence (PANCODE_INTELLIGENCE) is on. Needs no session.
    """
    default = _default_agent()
    outcomes = _outcomes(ledger, this_project=this_project)
    if record:
        from pancode.domains.intelligence.record import to_json

        for outcome in outcomes:
            click.echo(json.dumps(to_json(outcome)))
        return int(ExitCode.DONE)
    if replay:
        return _replay(outcomes, default, as_json=as_json)
    words = " ".join(task)
    if not words.strip():
        raise PanError("which task?", remedy='pancode plan "TASK"', code=ExitCode.USAGE)
    return _propose(words, outcomes, default, as_json=as_json)


def _default_agent() -> str:
    """Give the default agent, the first that can run; PanError CONFIG where intelligence is off."""
    import os

    from pancode.cli.agents import here
    from pancode.domains.panconfigure.inforce import InForce
    from pancode.engine.places import find

    settings = InForce(find(), dict(os.environ)).current()
    if settings.intelligence != "on":
        raise PanError(
            "intelligence is off: it is experimental, and you have to want it",
            remedy="pancode config set runtime.intelligence on, or PANCODE_INTELLIGENCE=on",
            code=ExitCode.CONFIG,
        )
    return here().get(None).name


def _outcomes(ledger: str | None, *, this_project: bool) -> list[Outcome]:
    from pancode.domains.intelligence.gather import gather, read_recorded
    from pancode.engine import places

    if ledger is not None:
        return read_recorded(ledger)
    return gather(places.home(), places.project_root() if this_project else None)


def _propose(task: str, outcomes: list[Outcome], default: str, *, as_json: bool) -> int:
    from pancode.cli.agents import here
    from pancode.domains.intelligence.telling import proposed

    told = proposed(task, outcomes, default, {agent.name for agent in here().all()})
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return int(ExitCode.DONE)
    click.echo(f"kind      {told['kind']}, {told['size']}")
    click.echo(f"verdict   {VERDICTS[told['verdict']]} ({told['why']})")
    word = "proposal" if told["verdict"] in ("better", "cheaper") else "default"
    click.echo(f"{word:<9} {' with '.join(filter(None, (told['agent'], told['model'])))}")
    if told["evidence"]:
        click.echo("")
        _table(told["evidence"])
    return int(ExitCode.DONE)


def _table(rows: list[dict[str, Any]]) -> None:
    from pancode.cli.say_how import money, span
    from pancode.cli.tables import show

    cells = [
        (
            row["agent"],
            row["model"] or "–",
            f"{row['went_well']} of {row['runs']}",
            _between(row["interval"]),
            money({"usd": row["usd_median"]}),
            span(row["seconds_median"]),
        )
        for row in rows
    ]
    heads = ("agent", "model", "went well", "so it does, 9 to 1", "median cost", "median time")
    show(heads, cells, [None] * len(cells))


def _between(interval: list[float]) -> str:
    return f"{interval[0]:+.0%} to {interval[1]:+.0%}" if interval[0] < 0 else (
        f"{interval[0]:.0%} to {interval[1]:.0%}"
    )  # fmt: skip


def _replay(outcomes: list[Outcome], default: str, *, as_json: bool) -> int:
    from pancode.domains.intelligence.replay import replay

    told = replay(outcomes, default).to_json()
    if as_json:
        click.echo(json.dumps(told))
        return int(ExitCode.DONE)
    click.echo(
        f"{told['steps']} runs that say something, replayed in their order, each knowing only the past"
    )
    for verdict, count in sorted(told["verdicts"].items()):
        click.echo(f"  {count:>5}  {VERDICTS[verdict]}")
    _policy("as proposed", told["proposals"])
    _policy(f"always {default}", told["default"])
    differing = told["differing"]
    click.echo(f"they differ at {differing['steps']} steps; of these")
    _policy("  done as proposed", differing["as_proposed"])
    _policy(f"  done by {default}", differing["by_default"])
    found = differing["gain"]
    if found is None:
        click.echo("nobody can say whether the proposals are better: there is no kind with runs of both")
    else:
        low, high = found["interval"]
        words = f"by {found['difference']:+.0%} (9 to 1: {_between(found['interval'])})"
        doubt = "; that may be chance" if low <= 0 <= high else ""
        click.echo(f"as proposed it goes well more often {words}, over {found['steps']} runs{doubt}")
    return int(ExitCode.DONE)


def _policy(name: str, told: dict[str, Any]) -> None:
    from pancode.cli.say_how import money, span

    if not told["steps"]:
        click.echo(f"{name}: no run to judge by")
        return
    costs = f"{money({'usd': told['usd_median']})} and {span(told['seconds_median'])} in the middle"
    share = (
        f"{told['went_well']} of {told['steps']} went well (so it does, 9 to 1: {_between(told['interval'])})"
    )
    click.echo(f"{name}: {share}, {costs}")
