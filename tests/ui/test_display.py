"""Which tmux options are set, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pancode.core.events import RunChanged, SessionChanged
from pancode.domains.ui.display import Painter, options
from pancode.domains.ui.reading import read_fleet
from tests.ui.fakes import NOW, session_facts, status, worker


class ListedDisplay:
    """Keeps what it is told to set."""

    def __init__(self) -> None:
        self.told: list[tuple[str | None, dict[str, str]]] = []
        self._more = asyncio.Event()

    def set_global(self, options: Mapping[str, str]) -> None:
        self.told.append((None, dict(options)))

    def set_pane(self, pane: str, options: Mapping[str, str]) -> None:
        self.told.append((pane, dict(options)))
        self._more.set()

    async def until(self, last: tuple[str, dict[str, str]]) -> None:
        while last not in self.told:
            self._more.clear()
            await self._more.wait()


class TableSnapshot:
    """A session in a dictionary."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = {row["run_id"]: row for row in rows}
        self.facts = session_facts()

    def status(self) -> dict[str, Any]:
        return {**self.facts, "workers": list(self.rows.values())}

    def session(self) -> dict[str, Any]:
        return self.facts

    def row(self, run_id: str) -> dict[str, Any]:
        return self.rows[run_id]


def painted(*rows: dict[str, Any]) -> tuple[Painter, TableSnapshot, ListedDisplay]:
    snapshot, display = TableSnapshot(*rows), ListedDisplay()
    painter = Painter(snapshot, display, lambda: NOW)
    painter.paint()
    return painter, snapshot, display


def test_the_options_are_those_of_the_status_line() -> None:
    totals = {"live": 4, "waiting": 1, "done": 2, "failed": 1}
    assert options(read_fleet(status(worker("k3f"), totals=totals), NOW), NOW) == {
        "@pancode_mode": "build",
        "@pancode_safety": "auto-edit",
        "@pancode_cost": "$0.41 + 2 unknown",
        "@pancode_live": "4",
        "@pancode_total": "7",
        "@pancode_waiting": "1",
        "@pancode_weaker": "0",
        "@pancode_beat": "3s",
        "@pancode_green": "green",
        "@pancode_cyan": "cyan",
        "@pancode_yellow": "yellow",
    }


def test_no_heartbeat_is_no_age() -> None:
    assert options(read_fleet(status(), NOW), NOW)["@pancode_beat"] == ""


def test_a_pane_says_agent_state_and_cost() -> None:
    _, _, display = painted(worker("k3f", agent="co#(reboot)dex", cost={"usd": 0.11, "source": "agent"}))
    wanted = {"@agent": "co(reboot)dex", "@state": "working", "@cost": "$0.11", "@grade": ""}
    assert display.told[1] == ("%5", wanted)


def test_a_pane_says_the_grade_and_the_status_line_counts_the_weaker_ones() -> None:
    full = {"sandbox": "full", "net": "off", "accepted": [], "lost": []}
    none = {"sandbox": "none", "net": "open", "accepted": ["none"], "lost": ["nothing is enforced"]}
    _, _, display = painted(
        worker("k3f", grade="full", sandbox=full),
        worker("9ad", pane="%6", grade="none", sandbox=none),
        worker("m5e", "done", pane="%7", ended=NOW, grade="none", sandbox=none),
    )
    told = dict(display.told)
    assert (told["%5"]["@grade"], "@weaker" in told["%5"]) == ("sandbox full", False)
    assert (told["%6"]["@grade"], told["%6"]["@weaker"]) == ("WEAKER: none", "1")
    assert told[None]["@pancode_weaker"] == "1"


def test_only_what_changed_is_set() -> None:
    painter, snapshot, display = painted(worker("k3f"), worker("9ad", pane="%6"))
    display.told.clear()
    painter.paint()
    assert display.told == []
    snapshot.rows["9ad"] = worker("9ad", "done", pane="%6", ended=NOW)
    painter.on_run(RunChanged("9ad", ended=True))
    painter.paint()
    assert display.told == [("%6", {"@state": "done"})]


def test_a_new_mode_is_set_without_waiting_for_the_next_round() -> None:
    painter, snapshot, display = painted()
    display.told.clear()
    snapshot.facts = session_facts(mode="plan")
    painter.on_session(SessionChanged())
    assert display.told == [(None, {"@pancode_mode": "plan"})]


def test_a_pane_of_an_earlier_server_is_left_alone() -> None:
    _, _, display = painted(worker("old", "done", ended=NOW - 5, pane="%1"))
    assert [pane for pane, _ in display.told] == [None]


def test_a_run_that_left_memory_is_forgotten() -> None:
    painter, snapshot, display = painted(worker("k3f"))
    display.told.clear()
    del snapshot.rows["k3f"]
    painter.on_run(RunChanged("k3f"))
    painter.paint()
    assert display.told == [(None, {"@pancode_beat": ""})]


def test_a_burst_of_changes_is_painted_in_few_rounds() -> None:
    async def burst() -> int:
        painter, snapshot, display = painted(worker("k3f"))
        work = asyncio.create_task(painter.run())
        for usd in range(1, 51):
            snapshot.rows["k3f"] = worker("k3f", cost={"usd": usd, "source": "agent"})
            painter.on_run(RunChanged("k3f"))
            await asyncio.sleep(0)
        await display.until(("%5", {"@cost": "$50.00"}))
        work.cancel()
        return sum(pane == "%5" for pane, _ in display.told)

    assert asyncio.run(asyncio.wait_for(burst(), 60)) <= 3
