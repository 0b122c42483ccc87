"""The status line and the pane borders: which tmux options say what, and setting those that changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from pancode.core.events import ClientsChanged, RunChanged, SessionChanged, SettingsChanged
from pancode.domains.observability.api import Snapshot
from pancode.domains.ui.api import Display
from pancode.domains.ui.reading import read_fleet, read_row, with_session
from pancode.domains.ui.rows import Fleet, Row
from pancode.domains.ui.text import age, money
from pancode.domains.ui.theme import tmux_colours
from pancode.engine import clock
from pancode.engine.tmux.conf import RAISING
from pancode.engine.tmux.text import tmux_text

PAUSE_S = 0.1
"""Seconds between two rounds; the operator's own choices don't wait for it."""
TICK_S = 1.0
"""How often ages are looked at while somebody can see them."""

Options = dict[str, str]


def options(fleet: Fleet, now: float) -> Options:
    """Give the session's options; an age that nobody knows is empty."""
    totals = fleet.totals
    beat = fleet.oldest_beat(now)
    weaker = sum(row.is_live and bool(row.weaker) for row in fleet.rows.values())
    return {
        "@pancode_mode": tmux_text(fleet.mode),
        "@pancode_safety": RAISING if fleet.raising else tmux_text(fleet.safety),
        "@pancode_cost": tmux_text(fleet.spent()),
        "@pancode_live": str(totals.get("live", 0)),
        "@pancode_total": str(sum(totals.get(key, 0) for key in ("live", "done", "failed"))),
        "@pancode_waiting": str(totals.get("waiting", 0)),
        "@pancode_weaker": str(weaker),
        "@pancode_beat": "" if beat is None else age(beat),
        **tmux_colours(),
    }


def pane_options(row: Row, now: float) -> Options:
    """Give the options of one worker's pane."""
    return {
        "@agent": tmux_text(row.agent),
        "@state": tmux_text(row.face(now)),
        "@cost": money(row.usd, estimated=row.estimated),
        "@grade": tmux_text(row.weaker or (f"sandbox {row.grade}" if row.grade else "")),
        # A run's grade is for good, and an option that is not set is empty: one order less for tmux.
        **({"@weaker": "1"} if row.weaker else {}),
    }


class Painter:
    """Keeps tmux's options as the session is; sets only what differs from what it set before."""

    def __init__(self, snapshot: Snapshot, display: Display, now: Callable[[], float] = clock.now) -> None:
        """Nothing is set before the first `paint`."""
        self._snapshot = snapshot
        self._display = display
        self._now = now
        self._fleet: Fleet | None = None
        self._changed: set[str] = set()
        self._panes_seen: set[str] = set()
        self._set: dict[str | None, Options] = {}
        self._wake = asyncio.Event()

    def on_run(self, event: RunChanged) -> None:
        """Note a changed run for the next round."""
        self._changed.add(event.run_id)
        self._wake.set()

    def on_session(self, _: SessionChanged | ClientsChanged | SettingsChanged) -> None:
        """Show a new mode at once: somebody has just pressed a key for it."""
        self.paint()

    async def run(self) -> None:
        """Paint for as long as the controller lives."""
        while True:
            self._wake.clear()
            self.paint()
            await clock.pause(PAUSE_S)
            try:
                await asyncio.wait_for(self._wake.wait(), TICK_S if self._ages() else None)
            except TimeoutError:
                continue

    def _ages(self) -> bool:
        fleet = self._fleet
        return fleet is not None and fleet.attached and any(row.is_live for row in fleet.rows.values())

    def paint(self) -> None:
        """Take in what changed and set the options that are not what they should be."""
        now = self._now()
        fleet = self._fleet = self._taken_in(now)
        self._show(None, options(fleet, now))
        for row in fleet.rows.values():
            if row.pane is None:
                continue
            # A run that ended before this controller began may name a pane of an earlier tmux server.
            if row.is_live:
                self._panes_seen.add(row.run_id)
            if row.run_id in self._panes_seen:
                self._show(row.pane, pane_options(row, now))

    def _taken_in(self, now: float) -> Fleet:
        changed, self._changed = self._changed, set()
        if self._fleet is None:
            return read_fleet(self._snapshot.status(), now)
        fleet = with_session(self._fleet, self._snapshot.session())
        for run_id in changed:
            try:
                fleet = fleet.with_row(read_row(self._snapshot.row(run_id), now))
            except KeyError:
                fleet = fleet.without(run_id)
        return fleet

    def _show(self, pane: str | None, wanted: Options) -> None:
        known = self._set.get(pane, {})
        news: Mapping[str, str] = {name: text for name, text in wanted.items() if known.get(name) != text}
        if not news:
            return
        self._set[pane] = wanted
        if pane is None:
            self._display.set_global(news)
        else:
            self._display.set_pane(pane, news)
