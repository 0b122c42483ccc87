"""What keys do on the fleet screen."""

from __future__ import annotations

from pancode.domains.ui.frame import View
from pancode.domains.ui.keys import Leave, Order, pressed
from pancode.domains.ui.reading import read_fleet
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


def test_p_pauses_and_lets_go_on() -> None:
    assert pressed(FLEET, after("j"), "p", NOW) == (View(selected="r0"), Order("pause", "r0"))
    assert after("p").note
    fleet = read_fleet(status(worker("r0", "paused")), NOW)
    assert pressed(fleet, View(selected="r0"), "p", NOW)[1] == Order("resume", "r0")


QUESTION = {
    "id": "r1.a2", "tool": "shell", "what": "rm -rf dist", "class": "bash_destructive",
    "why": "it deletes", "rule": "delete", "source": "built-in", "recoverable": "no", "cwd": "/w",
    "since": NOW - 5, "deadline": None,
}  # fmt: skip
ASKING = read_fleet(
    status(
        worker("r0"), worker("r1", "asking", questions=[{**QUESTION, "id": "r1.a3", "since": NOW}, QUESTION])
    ),
    NOW,
)


def test_a_yes_is_asked_for_once_more_and_is_for_the_oldest_question() -> None:
    chosen = View(selected="r1")
    view, order = pressed(ASKING, chosen, "a", NOW)
    assert (view.allowing, order) == ("r1.a2", None)
    assert pressed(ASKING, view, "y", NOW) == (chosen, Order("answer", "r1.a2", allow=True))
    assert pressed(ASKING, view, "a", NOW) == (chosen, None)


def test_a_no_is_given_at_once_and_why_shows_the_question() -> None:
    chosen = View(selected="r1")
    assert pressed(ASKING, chosen, "d", NOW) == (chosen, Order("answer", "r1.a2", allow=False))
    view, _ = pressed(ASKING, chosen, "w", NOW)
    assert view.why
    assert not pressed(ASKING, view, "escape", NOW)[0].why


def test_who_asks_nothing_is_not_answered() -> None:
    view, order = pressed(ASKING, View(selected="r0"), "a", NOW)
    assert (view.note, order) == ("r0 asks nothing", None)
    assert "choose a worker" in pressed(ASKING, View(), "d", NOW)[0].note


def test_q_leaves_a_terminal_of_its_own_and_does_nothing_in_the_pane() -> None:
    assert pressed(FLEET, View(quits=True), "q", NOW)[1] == Leave()
    assert pressed(FLEET, View(), "q", NOW) == (View(), None)


def test_keys_before_the_first_status_do_nothing() -> None:
    for key in ("j", "enter", "s", "x"):
        assert pressed(None, View(), key, NOW) == (View(), None)
