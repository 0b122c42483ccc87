"""The gateway in front of a scripted model: passes on unchanged, counts, asks, refuses, and writes down."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from typing import Any

import pytest

from pancode.gateway.books import close_books
from pancode.gateway.passes import pass_file
from pancode.gateway.process import HOST
from tests.gateway.bed import ANTHROPIC, CHAT, KEY, WIRES, Bed
from tests.gateway.conftest import Lay
from tests.scripted.talk import Heard, send
from tests.terminal import wait_until

PLAIN: dict[str, object] = {"turns": [{"text": "The answer is 42, as it always was."}]}
SLOW: dict[str, object] = {"turns": [{"text": "one two three four five six seven eight", "pace": 0.3}]}
LONG: dict[str, object] = {"turns": [{"text": "a word and another one " * 40, "cut": True}]}
each_wire = pytest.mark.parametrize("wire", WIRES)
COUNTS = {
    "anthropic": {"input": 1200, "output": 34, "cache_read": 800, "cache_write": 100, "reasoning": None},
    "chat": {"input": 1200, "output": 34, "cache_read": 800, "cache_write": None, "reasoning": 5},
    "responses": {"input": 1200, "output": 34, "cache_read": 800, "cache_write": None, "reasoning": 5},
    "gemini": {"input": 1200, "output": 39, "cache_read": 800, "cache_write": None, "reasoning": 5},
}


def direct(bed: Bed, wire: str, *, stream: bool = True) -> Heard:
    """Send the same request straight to the model."""
    return Bed.ask(Bed(bed.base, int(bed.upstream.rpartition(":")[2]), bed.verbs, ""), wire, stream=stream)


def words_of(heard: Heard) -> str:
    return "".join(c for c in heard.body.decode() if not c.isdigit() and c not in "abcdef")


@each_wire
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_comes_through_unchanged_and_is_counted(lay: Lay, wire: str, stream: bool) -> None:
    bed, model = lay(PLAIN)
    heard, plain = bed.ask(wire, stream=stream), direct(bed, wire, stream=stream)
    assert heard.status == 200
    assert heard.headers == plain.headers
    assert words_of(heard) == words_of(plain)  # all but the ids, which are hexadecimal
    assert model.requests[0].key == KEY[-4:]
    (ended,) = bed.ended()
    assert ended["usage"] == COUNTS[wire]
    assert (ended["ok"], ended["http"], ended["estimate"]) == (True, 200, False)
    kinds = [record["kind"] for record in bed.records()]
    assert kinds == ["call_started", "call_first_byte", "call_ended"]
    assert [record["seq"] for record in bed.records()] == [1, 2, 3]
    started = bed.records("call_started")[0]
    assert (started["model"], started["wire"]) == ("m", wire)
    wait_until(lambda: bed.verbs.said == bed.records(), "the controller was told")
    (asked,) = bed.verbs.asked
    assert asked["run"] == "k3f"
    assert asked["call"] == started["call"]
    assert asked["model"] == "m"


@each_wire
def test_a_stream_that_is_cut_stays_cut_and_is_estimated(lay: Lay, wire: str) -> None:
    bed, _ = lay(LONG)
    heard = bed.ask(wire)
    assert heard.status == 200
    assert heard.broke_off
    (ended,) = bed.ended()
    assert (ended["ok"], ended["estimate"]) == (False, True)
    assert ended["usage"]["output"] > 20
    assert ended["usage"]["input"] == (1200 if wire == "anthropic" else bed.verbs.asked[0]["input_estimate"])
    assert "cut off" in ended["why"]


@each_wire
@pytest.mark.parametrize("status", [401, 429, 529])
def test_an_error_comes_through_and_costs_nothing(lay: Lay, wire: str, status: int) -> None:
    bed, _ = lay({"turns": [{"error": status, "retry_after": 7}]})
    heard, plain = bed.ask(wire), direct(bed, wire)
    assert (heard.status, heard.body, heard.headers) == (status, plain.body, plain.headers)
    (ended,) = bed.ended()
    assert (ended["ok"], ended["http"], ended["wait_s"]) == (False, status, 7)
    assert set(ended["usage"].values()) == {0}


@each_wire
def test_a_refusal_has_the_shape_of_the_wire_and_the_model_is_not_asked(lay: Lay, wire: str) -> None:
    bed, model = lay(PLAIN)
    bed.verbs.answer = lambda _: {
        "allow": False,
        "why": "5.00 of 5.00 dollars are spent",
        "remedy": "raise it",
    }
    heard = bed.ask(wire)
    assert heard.status == 400
    assert heard.headers["x-should-retry"] == "false"
    told = heard.json()["error"]["message"]
    assert told == "stopped by PanCode's budget: 5.00 of 5.00 dollars are spent; raise it"
    assert model.requests == ()
    wait_until(lambda: bed.records("call_refused"), "the refusal is in the books")
    assert bed.records("call_started") == []


def test_a_controller_without_budgets_lets_everything_pass(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    bed.verbs.answer = lambda _: None
    assert bed.ask("chat").status == 200


def test_a_controller_that_comes_back_in_time_is_asked(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    bed.verbs.stop()
    threading.Timer(1.0, bed.verbs.start).start()
    assert bed.ask("chat").status == 200
    wait_until(lambda: bed.verbs.said == bed.records(), "the controller was told all of it")


def test_a_controller_that_dies_while_it_is_asked_is_asked_again(lay: Lay) -> None:
    bed, _ = lay(PLAIN)

    def dies(_: dict[str, Any]) -> dict[str, Any]:
        bed.verbs.answer = lambda _: {"allow": True}
        bed.verbs.stop()
        bed.verbs.start()
        return {"allow": False, "why": "nobody hears this"}

    bed.verbs.answer = dies
    assert bed.ask("chat").status == 200
    assert len(bed.verbs.asked) == 2


def test_without_a_controller_the_agent_is_told_to_come_again(lay: Lay) -> None:
    bed, model = lay(PLAIN, patience=0.5)
    bed.verbs.stop()
    heard = bed.ask("anthropic")
    assert heard.status == 503
    assert heard.headers["retry-after"] == "2"
    assert model.requests == ()


@each_wire
def test_a_held_request_gets_comments_and_then_its_answer(lay: Lay, wire: str) -> None:
    bed, _ = lay(PLAIN, quiet=0.2)
    go = threading.Event()
    bed.verbs.answer = lambda _: {"allow": go.wait(10)}
    threading.Timer(0.6, go.set).start()
    heard = bed.ask(wire)
    assert heard.status == 200
    assert heard.body.startswith(b": PanCode holds this request")
    assert len(heard.events()) == len(direct(bed, wire).events())
    assert bed.ended()[0]["usage"] == COUNTS[wire]


@each_wire
def test_a_held_request_that_is_refused_ends_with_an_error_in_its_stream(lay: Lay, wire: str) -> None:
    bed, _ = lay(PLAIN, quiet=0.1)
    go = threading.Event()
    bed.verbs.answer = lambda _: {"allow": not go.wait(10), "why": "said no"}
    threading.Timer(0.4, go.set).start()
    heard = bed.ask(wire)
    assert heard.status == 200
    assert "said no" in json.dumps(heard.events())


def test_an_agent_that_hangs_up_ends_the_call_upstream(lay: Lay) -> None:
    bed, model = lay(SLOW)
    connection = http.client.HTTPConnection(HOST, bed.port, timeout=60)
    path, header, body = WIRES["anthropic"]
    content = json.dumps({"model": "m", "stream": True, **body})
    connection.request("POST", path, content, bed.headers(header))
    answer = connection.getresponse()
    assert answer.read(10)
    answer.close()
    connection.close()
    (ended,) = bed.ended()
    assert (ended["why"], ended["estimate"], ended["ok"]) == ("the agent hung up", True, False)
    assert ended["usage"]["input"] == 1200
    wait_until(lambda: not model._connections, "the model's connection has ended")


def test_an_agent_that_hangs_up_while_it_is_held_gives_its_reservation_back(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    asked = threading.Event()

    def slow(_: dict[str, Any]) -> dict[str, Any]:
        asked.set()
        return {"allow": threading.Event().wait(3)}

    bed.verbs.answer = slow
    connection = http.client.HTTPConnection(HOST, bed.port, timeout=60)
    connection.request("POST", CHAT, json.dumps(WIRES["chat"][2]), bed.headers("authorization"))
    assert asked.wait(10)
    connection.close()
    wait_until(lambda: bed.records("call_refused"), "the call is in the books")
    assert bed.records("call_refused")[0]["why"] == "the agent hung up"
    assert model.requests == ()


def test_a_call_is_priced_by_the_rates_that_came_with_its_permission(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    rates = {"source": "prices 1", "input": 0.001, "output": 0.01, "cache_read": 0.0001, "cache_write": None}
    bed.verbs.answer = lambda _: {"allow": True, "rates": rates}
    bed.ask("chat")
    (ended,) = bed.ended()
    assert ended["usd"] == pytest.approx(1.2 + 0.34 + 0.08)
    assert ended["usd_source"] == "prices 1"


def test_many_requests_share_connections(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    for _ in range(5):
        assert bed.ask("chat").status == 200
    assert len(model._connections) == 1


def test_a_kept_connection_that_the_provider_has_closed_is_made_again(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    assert bed.ask("chat").status == 200
    for task in list(model._connections):
        task.get_loop().call_soon_threadsafe(task.cancel)
    wait_until(lambda: not model._connections, "the model has hung up")
    assert bed.ask("chat").status == 200
    assert len(bed.ended(2)) == 2


def test_a_body_of_many_megabytes_passes(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    picture = "x" * (20 << 20)
    assert bed.ask("chat", picture=picture).status == 200
    assert bed.verbs.asked[0]["model"] == "m"
    assert model.requests[0].model == "m"


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("POST", f"{ANTHROPIC}/count_tokens")])
def test_what_costs_nothing_passes_unasked_and_is_logged(lay: Lay, method: str, path: str) -> None:
    bed, _ = lay(PLAIN)
    heard = send(bed.port, method, path, {} if method == "POST" else None, bed.headers("x-api-key"))
    assert heard.status == 200
    wait_until(lambda: bed.records("call_passed"), "it is in the books")
    assert bed.records()[0]["path"] == path
    assert bed.verbs.asked == []


def test_an_unknown_path_is_asked_about_and_marked(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    assert send(bed.port, "POST", "/v1/paintings", {"model": "m"}, bed.headers("x-api-key")).status == 404
    assert bed.records("call_started")[0]["wire"] == "unknown"
    assert len(bed.verbs.asked) == 1


@pytest.mark.parametrize("token", ["", "pan-k3f-" + "0" * 48, "pan-../k3f-" + "0" * 48, "sk-ant-mine"])
def test_only_a_runs_own_token_opens_its_way(lay: Lay, token: str) -> None:
    bed, model = lay(PLAIN)
    bed.token = token
    assert bed.ask("chat").status == 401
    assert model.requests == ()


def test_the_token_opens_nothing_once_the_run_has_ended(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    assert bed.ask("chat").status == 200
    bed.take_pass()
    assert bed.ask("chat").status == 401


def test_the_books_of_an_ended_run_are_closed_and_stay_so(lay: Lay) -> None:
    bed, _ = lay(SLOW)
    thread = threading.Thread(target=lambda: _heedless(bed))
    thread.start()
    wait_until(lambda: bed.records("call_first_byte"), "the call is under way")
    bed.take_pass()
    close_books("k3f", str(bed.calls))
    closed = bed.calls.read_bytes()
    thread.join()
    bed.end()
    assert bed.calls.read_bytes() == closed
    (ended,) = bed.records("call_ended")
    assert (ended["why"], ended["estimate"]) == ("the run ended in the middle", True)


def test_the_pass_is_the_operators_alone_and_has_no_token_in_it(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    path = pass_file(str(bed.base), "k3f")
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path, encoding="utf-8") as file:
        assert bed.token not in file.read()


def test_a_key_for_bearer_goes_there(lay: Lay) -> None:
    bed, model = lay(PLAIN)
    bed.give_pass(bearer=True)
    assert bed.ask("anthropic").status == 200
    assert model.requests[0].key == KEY[-4:]


def test_a_token_in_the_query_is_exchanged(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    path = f"{WIRES['gemini'][0]}&key={bed.token}"
    assert send(bed.port, "POST", path, WIRES["gemini"][2]).status == 200


def test_an_upstream_that_is_not_there_is_a_502_that_costs_nothing(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        bed.give_pass(upstream=f"http://{HOST}:{unused.getsockname()[1]}")
        heard = bed.ask("chat")
    assert heard.status == 502
    told = heard.json()["error"]["message"]
    assert "can't reach" in told
    assert told.endswith("nobody listens there")
    assert set(bed.ended()[0]["usage"].values()) == {0}


def test_a_killed_gateway_closes_its_open_calls_when_it_is_back(lay: Lay) -> None:
    bed, _ = lay(SLOW)
    thread = threading.Thread(target=lambda: _heedless(bed))
    thread.start()
    wait_until(lambda: bed.records("call_first_byte"), "the call is under way")
    bed.kill()
    thread.join()
    bed.start()
    (ended,) = bed.ended()
    assert (ended["why"], ended["ok"], ended["estimate"]) == ("the gateway ended in the middle", False, True)
    wait_until(lambda: bed.verbs.said[-3:] == bed.records(), "the controller was told again")
    assert bed.ask("chat").status == 200
    assert [record["seq"] for record in bed.records()] == list(range(1, len(bed.records()) + 1))


def _heedless(bed: Bed) -> None:
    try:
        bed.ask("chat")
    except (OSError, http.client.HTTPException):
        return


def test_a_torn_last_line_is_cut_off(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    assert bed.ask("chat").status == 200
    bed.ended()
    bed.kill()
    with bed.calls.open("a") as file:
        file.write('{"seq": 4, "kind": "call_st')
    bed.start()
    assert bed.ask("chat").status == 200
    bed.ended(2)
    assert [record["seq"] for record in bed.records()] == [1, 2, 3, 4, 5, 6]


def test_nonsense_gets_an_answer_or_a_hang_up_and_hurts_nobody(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    for words in (
        b"\x16\x03\x01 hello",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: a\r\n",
    ):
        with socket.create_connection((HOST, bed.port), 10) as line:
            line.sendall(words)
            line.shutdown(socket.SHUT_WR)
            line.recv(1 << 16)
    assert bed.ask("chat").status == 200


def test_two_requests_on_one_connection(lay: Lay) -> None:
    bed, _ = lay(PLAIN)
    connection = http.client.HTTPConnection(HOST, bed.port, timeout=60)
    for stream in (True, False):
        content = json.dumps({"model": "m", "stream": stream, **WIRES["chat"][2]})
        connection.request("POST", CHAT, content, bed.headers("authorization"))
        assert b"42" in connection.getresponse().read()
    connection.close()
    assert len(bed.ended(2)) == 2
