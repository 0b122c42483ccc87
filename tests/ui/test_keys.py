"""What keys do on the fleet screen."""

from __future__ import annotations

from pancode.domains.ui.frame import View
from pancode.domains.ui.keys import Leave, Order, pressed
from pancode.domains.ui.rows import read_fleet
from tests.ui.fakes import NOW, status, worker

FLEET = read_fleet(status(*(worker(f"r{n}", started=NOW - 90 + n) for n in range(5))), NOW)


def after(*keys: str, view: View | None = None) -> View:
    view = View() if view is None else view
    for key in keys:
        view, _ = pressed(FLEET, view, key, NOW)
    return view


def test_arrows_and_letters_choose_a_row_and_stop_at_the_ends() -> None:
    assert after("j").selected == "r0"
    assert after("down", "j", "j").selected == "r2"
    assert after("j", "j", "k", "up", "k").selected == "r0"
    assert after("end").selected == "r4"
    assert after("end", "j").selected == "r4"
    assert after("end", "home").selected == "r0"
    assert after("j", "escape").selected is None


def test_enter_shows_the_chosen_worker_or_the_first() -> None:
    assert pressed(FLEET, after("j", "j"), "enter", NOW)[1] == Order("show", "r1")
    assert pressed(FLEET, View(), "enter", NOW)[1] == Order("show", "r0")


def test_enter_in_a_terminal_of_its_own_says_how_to_attach() -> None:
    view, order = pressed(FLEET, View(quits=True), "enter", NOW)
    assert (view.note, order) == ("pancode attach r0", None)


def test_a_stop_is_asked_for_and_only_y_says_yes() -> None:
    asking = after("j", "s")
    assert asking.stopping == "r0"
    assert pressed(FLEET, asking, "y", NOW) == (View(selected="r0"), Order("stop", "r0"))
    assert pressed(FLEET, asking, "enter", NOW) == (View(selected="r0"), None)


def test_nothing_is_stopped_that_was_not_chosen_or_has_ended() -> None:
    assert after("s").stopping is None
    assert "choose a worker" in after("s").note
    fleet = read_fleet(status(worker("r0", "done", ended=NOW)), NOW)
    view, order = pressed(fleet, View(selected="r0"), "s", NOW)
    assert (view.note, order) == ("r0 has already ended", None)


def test_q_leaves_a_terminal_of_its_own_and_does_nothing_in_the_pane() -> None:
    assert pressed(FLEET, View(quits=True), "q", NOW)[1] == Leave()
    assert pressed(FLEET, View(), "q", NOW) == (View(), None)


def test_keys_before_the_first_status_do_nothing() -> None:
    for key in ("j", "enter", "s", "x"):
        assert pressed(None, View(), key, NOW) == (View(), None)
