"""What batch, chain, flow and race share: starting a flow, following it, and saying how it ended."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pancode.cli.client import json_option, operator_environment, request_or_start, session_option, stream
from pancode.cli.say_how import STATUS_CODE, money, span
from pancode.core.errors import ExitCode, PanError
from pancode.core.grants import Level
from pancode.engine import clock
from pancode.engine.places import Places

if TYPE_CHECKING:
    from pancode.domains.dispatch.flow.definition import Flow

CONTROLLER_BACK = 15.0
"""Seconds to wait for a controller that was killed; it restarts within one."""
RETRY = 0.1
MARKS = {"done": "✓", "cancelled": "⊘", "skipped": "–"}
STILL = ("waiting", "working", "checking")
_F = TypeVar("_F", bound=Callable[..., Any])


def run_options(verb: _F) -> _F:
    """Add what holds for every run of a flow, and how to wait for it."""
    for option in (
        json_option,
        session_option,
        click.option("--detach/--wait", help="Come back at once, or when all has ended.  [default: wait]"),
        click.option("--yes", is_flag=True, help="Say yes to shell commands that the level asks about."),
        click.option(
            "--accept-weaker", metavar="NAME", multiple=True,
            help="Start the runs although a promise of their sandbox can't be kept.",
        ),
        click.option(
            "--safety", metavar="LEVEL", type=click.Choice([level.value for level in Level]),
            help="Less than the session's level.",
        ),
        click.option("--endpoint", metavar="URL", help="Send the agents' model calls there."),
    ):  # fmt: skip
        verb = option(verb)
    return verb


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give those of `run_options` that go with every run."""
    names = ("endpoint", "safety", "accept_weaker", "yes")
    return {name: given[name] for name in names if given.get(name)}


def asked(flow: Flow, given: Mapping[str, Any], source: str | None = None) -> dict[str, Any]:
    """Give the arguments that start a flow, or show what it would do."""
    from pancode.domains.dispatch.flow.definition import to_json

    return {
        "flow": to_json(flow),
        "cwd": os.getcwd(),
        "source": source,
        "options": options_of(given),
        "env": operator_environment(),
        "key": os.urandom(12).hex(),
    }


def hold(file: str, models: Iterable[str | None], where: Places) -> None:
    """Raise PanError REFUSED where a file of the project names a model beyond what the operator's reach."""
    from pancode.domains.dispatch.flow import holding
    from pancode.domains.panconfigure.inforce import InForce

    own = InForce(where, os.environ)
    holding.hold(file, models, where, lambda model: own.too_far(model, os.environ))


def performed(args: Mapping[str, Any], where: Places, given: Mapping[str, Any], *, dry_run: bool) -> int:
    """Start a flow as `started` does; or draw it, with what the gates say, and start nothing."""
    if not dry_run:
        return started(args, where, given)
    found = request_or_start("flow_preview", args, places=where)
    if given["as_json"]:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        from pancode.cli.flowdrawing import draw

        draw(found)
    admitted = all(node["admitted"] for node in found["nodes"])
    return int(ExitCode.DONE if admitted else ExitCode.REFUSED)


def started(args: Mapping[str, Any], where: Places, given: Mapping[str, Any]) -> int:
    """Start a flow, wait for it unless it is to be left alone, and give the exit status."""
    flow_id = str(request_or_start("flow_start", args, places=where)["flow_id"])
    as_json = bool(given.get("as_json"))
    if given.get("detach"):
        click.echo(json.dumps({"flow_id": flow_id, "status": None}) if as_json else flow_id)
        return int(ExitCode.DONE)
    return waited(flow_id, where, as_json=as_json)


def waited(flow_id: str, where: Places, *, as_json: bool) -> int:
    """Follow a flow until it ends; Ctrl-C leaves it running, and says so."""
    progress = Progress(quiet=as_json)
    try:
        found = _follow(flow_id, where, progress)
    except KeyboardInterrupt:
        progress.clear()
        goes_on = f" flow {flow_id} goes on; pancode flow show {flow_id} · pancode flow stop {flow_id}"
        click.echo(goes_on, err=True)
        return int(ExitCode.INTERRUPTED)
    progress.clear()
    report(found, as_json=as_json)
    return int(exit_code(found))


def _follow(flow_id: str, where: Places, progress: Progress) -> dict[str, Any]:
    reached = clock.monotonic()
    while True:
        began = clock.monotonic()
        try:
            for line in stream("flow_wait", {"flow": flow_id}, places=where):
                if "result" in line:
                    found: dict[str, Any] = line["result"]
                    progress.show(found)
                    return found
                progress.show(line["event"]["flow"])
        except PanError as error:
            if error.code is not ExitCode.UNREACHABLE:
                raise
            now = clock.monotonic()
            reached = now if now - began > RETRY else reached  # It was there, and has just gone.
            if now - reached > CONTROLLER_BACK:
                raise
            time.sleep(RETRY)


class Progress:
    """One line for each unit that has ended, and on a terminal one that changes, on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        """Say nothing if `quiet`."""
        self._quiet = quiet
        self._told: set[str] = set()
        self._drawn = False

    def show(self, flow: Mapping[str, Any]) -> None:
        """Tell what is new in a picture of the flow."""
        if self._quiet:
            return
        ended = [
            (node, unit) for node in flow["nodes"] for unit in node["units"] if unit["status"] not in STILL
        ]
        for node, unit in ended:
            if unit["unit"] not in self._told:
                self._told.add(unit["unit"])
                self.clear()
                click.echo(f" {unit_line(node, unit)}", err=True)
        if flow["status"] is None and sys.stderr.isatty():
            self._draw(flow)

    def _draw(self, flow: Mapping[str, Any]) -> None:
        counts = flow["counts"]
        busy = [unit for node in flow["nodes"] for unit in node["units"] if unit["run_id"] and unit["doing"]]
        doing = " · ".join(f"{unit['unit']} {str(unit['doing']).splitlines()[0][:30]}" for unit in busy[:2])
        line = f"  {counts['working']} working, {counts['waiting']} waiting, {counts['done']} done  {doing}"
        sys.stderr.write(f"\r\x1b[K{line[:100]}")
        sys.stderr.flush()
        self._drawn = True

    def clear(self) -> None:
        """Take the changing line away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._drawn = False


def unit_line(node: Mapping[str, Any], unit: Mapping[str, Any]) -> str:
    """Give one line about a unit that has ended."""
    mark, agent = MARKS.get(unit["status"], "✗"), who(node)
    said = "" if unit["status"] == "done" else _why(unit)
    why = f" ({said})" if said else ""
    attempts = f", attempt {unit['attempt']}" if unit["attempt"] > 1 else ""
    reused = f", as in flow {unit['reused']}" if unit["reused"] else ""
    run = unit["run_id"] or "–"
    return (
        f"{mark} {unit['unit']} {agent} {run} {unit['status']}{why}{attempts}{reused}"
        f" {span(unit['seconds'])} {money(unit['cost'])}"
    )


def who(node: Mapping[str, Any]) -> str:
    """Say who does a node's work."""
    return "merge" if node["merge"] else str(node["agent"] or "default")


def _why(unit: Mapping[str, Any]) -> str:
    """Say why a unit isn't done; of a check its last words, and where the others are."""
    if not str(unit["reason"] or "").startswith("check "):
        return _first(unit["said"] or unit["reason"] or unit["doing"])
    said = str(unit["said"] or "").strip().splitlines() or [""]
    words = said[0 if unit["status"] == "refused" else -1].strip()
    return f"its check: {words[:120]} · pancode logs {unit['check_run_id']}"


def _first(text: object) -> str:
    lines = str(text or "").strip().splitlines()
    return lines[0][:160] if lines else ""


def report(flow: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a flow: as JSON, or a chain's last words, or a table."""
    if as_json:
        click.echo(json.dumps(flow, ensure_ascii=False))
        return
    if flow["kind"] == "chain" and flow["status"] == "done":
        click.echo(str(flow["nodes"][-1]["units"][-1]["result"] or "").rstrip("\n"))
    else:
        table(flow)
    click.echo(ending(flow), err=True)
    if flow["winner"]:
        winner = flow["winner"]["run_id"]
        click.echo(f"   {winner} has won: pancode diff {winner} · pancode merge {winner}", err=True)


def table(flow: Mapping[str, Any]) -> None:
    """Print a flow's units as a table."""
    from pancode.cli.tables import show

    rows, colours = [], []
    for node in flow["nodes"]:
        for unit in node["units"]:
            said = _first(unit["result"]) if unit["status"] == "done" else _why(unit)
            state = f"{MARKS.get(unit['status'], '●' if unit['status'] in STILL else '✗')} {unit['status']}"
            figures = span(unit["seconds"]), money(unit["cost"])
            cells = (unit["unit"], state, unit["run_id"] or "–", who(node), *figures)
            rows.append((*cells, said))
            colours.append({"done": "green"}.get(unit["status"], None if unit["status"] in STILL else "red"))
        if not node["units"]:
            state = "waiting" if node["status"] is None else f"– {node['status']}"
            rows.append((node["node"], state, "–", who(node), "–", "–", node["why"] or ""))
            colours.append("dim")
    show(("node", "state", "run", "agent", "time", "cost", "result"), rows, colours)


def ending(flow: Mapping[str, Any]) -> str:
    """Give the line that tells how a flow stands."""
    status, counts = flow["status"], flow["counts"]
    mark = "●" if status is None else MARKS.get(status, "✗")
    took = span(flow["ended"] - flow["created"]) if flow["ended"] else span(clock.now() - flow["created"])
    words = ", ".join(
        f"{counts[key]} {key}" for key in ("done", "failed", "cancelled", "working", "waiting") if counts[key]
    )
    spent = "" if flow["cost"]["usd"] is None else f" · {money(flow['cost'])}"
    return f" {mark} flow {flow['flow_id']} {status or 'working'} in {took}: {words or 'nothing'}{spent}"


def exit_code(flow: Mapping[str, Any]) -> ExitCode:
    """Give the exit status that says how a flow ended: that of its bad ends if they are all alike."""
    if flow["status"] in ("done", None):
        return ExitCode.DONE
    if flow["status"] == "cancelled":
        return ExitCode.CANCELLED
    ends = {unit["status"] for node in flow["nodes"] for unit in node["units"]} - {"done", *STILL}
    codes = {STATUS_CODE.get(end, ExitCode.FAILED) for end in ends}
    return codes.pop() if len(codes) == 1 else ExitCode.FAILED
