"""What a real shim stores and shows has no secrets in it, however the agent comes to write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.worker.test_redaction import BLOCK, KEY, PASSWORD, SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.conftest import Controller, MakeShim, Shim

OK = {"kind": "finished", "ok": True}
HALF = len(KEY) // 2


def leaks(shim: Shim) -> list[tuple[str, str]]:
    """Give each secret with the file of the run, or the pane, that has it."""
    places = {path.name: path.read_bytes() for path in shim.folder.iterdir() if path.name != "spec.json"}
    places["pane"] = shim.seen
    return [(secret, name) for name, data in places.items() for secret in SECRETS if secret.encode() in data]


def test_a_secret_that_a_command_writes_in_two_goes_is_not_kept(make_shim: MakeShim) -> None:
    code = f"printf 'use {KEY[:HALF]}'; printf '{KEY[HALF:]} now\\n'; sleep 0.3; "
    code += f"printf 'PASSWORD={PASSWORD[:4]}'; sleep 0.3; echo '{PASSWORD[4:]}'; echo done"
    shim = make_shim("sh", "-c", code, task=f"print {KEY}").start()
    assert shim.end() == 0
    assert leaks(shim) == []
    for text in (shim.seen, (shim.folder / "stream.raw").read_bytes()):
        assert b"use <redacted:github-token> now\r\n" in text
        assert b"done\r\n" in text
    assert "<redacted:github-token> now" in shim.result()["result"]


def test_a_private_key_that_a_command_shows_is_not_kept(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", "cat key; while read l; do echo $l; sleep 0.15; done <key; echo done")
    (shim.folder.parent / "key").write_text(BLOCK + "\n")
    shim.start()
    assert shim.end() == 0
    assert leaks(shim) == []
    told = b"-----BEGIN RSA PRIVATE KEY-----\r\n<redacted:private-key>\r\n-----END RSA PRIVATE KEY-----\r\n"
    assert shim.seen.count(told) == 2
    assert b"done\r\n" in shim.seen


def test_a_prompt_of_a_command_is_seen_and_what_is_typed(make_shim: MakeShim) -> None:
    shim = make_shim(
        "sh", "-c", "printf 'Password: '; read x; printf 'ghp_token? '; read y", interactive=True
    )
    shim.start()
    shim.wait_for("Password: ")
    shim.type(b"abc\n")
    shim.wait_for("ghp_token? ")
    shim.type(b"task-\n")
    assert shim.end() == 0
    assert b"ghp_token? task-" in shim.seen


def test_secrets_in_the_calls_and_words_of_an_agent_are_not_kept(make_agent: MakeShim) -> None:
    call = {"command": f"export GITHUB_TOKEN={KEY}", "env": {"PASSWORD": PASSWORD}}
    pieces = [{"kind": "text", "text": text, "delta": True} for text in ("so ", KEY[:9], KEY[9:], " it is")]
    block = [{"kind": "text", "text": line + "\n", "delta": True} for line in BLOCK.split("\n")]
    shim = make_agent(
        {"kind": "tool_started", "id": "1", "name": "shell", "args": call},
        {
            "kind": "tool_finished",
            "id": "1",
            "name": "shell",
            "ok": False,
            "result": f"{BLOCK}\n{KEY}",
            "exit": 1,
        },
        *pieces,
        {"kind": "usage", "scope": "step", "input": 3},
        *block,
        {"kind": "problem", "message": f"401 for Bearer {KEY}", "reason": "auth"},
        f"no JSON but PASSWORD={PASSWORD}",
        *BLOCK.split("\n"),
        {**OK, "result": f"the key is {KEY}"},
        then=f"echo 'warning: {KEY[:HALF]}\\c' >&2; sleep 0.2; echo '{KEY[HALF:]}' >&2",
    ).start()
    assert shim.end() == 0
    assert leaks(shim) == []
    assert shim.events("tool_started")[0]["args"] == {
        "command": "export GITHUB_TOKEN=<redacted:github-token>",
        "env": {"PASSWORD": "<redacted:secret>"},
    }
    said = "".join(event["text"] for event in shim.events("text"))
    assert said.startswith(
        "so <redacted:github-token> it is-----BEGIN RSA PRIVATE KEY-----\n<redacted:private-key>"
    )
    assert said.endswith("-----END RSA PRIVATE KEY-----\n")
    assert shim.result()["result"] == "the key is <redacted:github-token>"
    assert b"warning: <redacted:github-token>" in (shim.folder / "stderr.raw").read_bytes()
    for line in (shim.folder / "stream.raw").read_bytes().splitlines():
        assert line.startswith((b'{"kind"', b"no JSON", b"-----", b"<redacted:private-key>")), line
        assert not line.startswith(b"{") or json.loads(line)["kind"]


def test_an_agent_without_secrets_is_kept_as_it_came(make_agent: MakeShim) -> None:
    lines = [json.dumps({"kind": "text", "text": text}, indent=None) for text in ("é tokens", "a  b", "key")]
    shim = make_agent(*lines, OK, "odd  \t line").start(pane=False)
    assert shim.end() == 0
    assert (shim.folder / "stream.raw").read_text() == "\n".join([*lines, json.dumps(OK), "odd  \t line", ""])


def test_the_end_of_an_agent_that_says_a_secret_last_is_written_down(make_shim: MakeShim) -> None:
    shim = make_shim("sh", "-c", f"printf 'last {KEY}'").start()
    assert shim.end() == 0
    assert leaks(shim) == []
    assert shim.result()["result"] == "last <redacted:github-token>"


def test_the_controller_hears_a_record_with_a_secret_as_it_is_kept(
    make_agent: MakeShim, controllers: Callable[[], Controller]
) -> None:
    controller = controllers()
    shim = make_agent({"kind": "text", "text": f"use {KEY}"}, OK).start(pane=False)
    controller.accept()
    controller.say(ack=0)
    heard = [controller.hear()]
    while heard[-1]["kind"] != "ended":
        heard.append(controller.hear())
    controller.say(ack=heard[-1]["seq"])
    assert shim.end() == 0
    assert heard == shim.events()
    assert "use <redacted:github-token>" in [record.get("text") for record in heard]
