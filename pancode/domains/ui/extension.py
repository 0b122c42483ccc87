"""Registers the ui domain: keeps the status line and the pane borders true."""

from __future__ import annotations

from pancode.core.events import ClientsChanged, RunChanged, SessionChanged, SettingsChanged
from pancode.core.host import Host
from pancode.domains.observability.api import Snapshot
from pancode.domains.ui.api import Display
from pancode.domains.ui.display import Painter


def register(host: Host) -> None:
    """Paint whenever a run or the session changes."""
    painter = Painter(host.need(Snapshot), host.need(Display))
    host.on(RunChanged, painter.on_run)
    host.on(SessionChanged, painter.on_session)
    host.on(ClientsChanged, painter.on_session)
    host.on(SettingsChanged, painter.on_session)
    host.background("status line", painter.run)
