"""The status pane's process: draws at once, stays for ever, and never shows a traceback."""

from __future__ import annotations

import os

_AFTER_FAULT_S = 1.0
"""Before the screen begins anew after a fault, so that a lasting one costs no CPU."""
_FIRST = b"\x1b[?25l\x1b[2J\x1b[H waiting for the controller"


def main() -> None:
    """Draw a first line before anything slow is imported, then be the fleet screen until killed."""
    try:
        os.write(1, _FIRST)
        _stay()
    except OSError:
        return  # The pane has gone, and with it everybody who could read an explanation.


def _stay() -> None:
    import signal
    import time

    from pancode.core.errors import PanError
    from pancode.domains.ui.screen import Screen, prepared
    from pancode.engine import places

    # ^C, ^Z and ^\ are for workers; here they would only leave an empty pane.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Also where whoever started tmux ignores it, as nohup does.
    for ignored in (signal.SIGINT, signal.SIGTSTP, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_IGN)
    try:
        here = places.find()
    except PanError as error:
        os.write(1, b"\x1b[2J\x1b[H" + str(error).replace("\n", "\r\n").encode())
        signal.pause()
        return
    with prepared(whole_screen=False):
        while True:
            try:
                Screen(here, quits=False).run()
            except Exception:  # noqa: BLE001 -- a pane that dies helps nobody; the fault is in the log
                _log(os.path.join(here.state, "fleet.log"))
                if not os.isatty(1):
                    return
                time.sleep(_AFTER_FAULT_S)
            else:
                return


def _log(path: str) -> None:
    import contextlib
    import traceback

    with contextlib.suppress(OSError), open(path, "a", encoding="utf-8") as log:
        traceback.print_exc(file=log)


if __name__ == "__main__":
    main()
