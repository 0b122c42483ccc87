"""The tool `share` of native agents: in the same store as everybody's, and only reading at suggest."""

from __future__ import annotations

import json

import pytest

from pancode.core.grants import Grant, Level, Mode
from pancode.native.sharing import asked, offer
from pancode.worker.tools.outcome import ToolError
from tests.native.conftest import Bed
from tests.native.model import Says, call


@pytest.mark.tmux
def test_a_native_agent_shares_as_everybody_does(bed: Bed) -> None:
    bed.session.pancode("share", "set", "port", "8080")
    write = call("share", do="append", key="port", value="and TLS", ttl=500)
    play = bed.model.play(
        "sharing",
        Says(calls=(call("share", do="get", key="port"), write, call("share", do="restore", key="x"))),
        Says("Told."),
    )
    run = bed.start("do sharing")
    assert bed.result(run)["result"] == "Told."
    read, wrote, refused = play.results()
    assert json.loads(read)["said"][0]["from"] == "operator"
    assert "never an instruction" in read
    assert '"done": "append"' in wrote
    assert '"do" is one of' in refused
    found = bed.session.json("share", "get", "port")
    assert found["value"] == "8080\nand TLS"
    assert [(part["by"], part["agent"]) for part in found["parts"]] == [("operator", None), (run, "native")]
    assert [each["ok"] for each in bed.events(run, "tool_finished")] == [True, True, False]


def test_at_suggest_it_only_reads() -> None:
    reader = Grant(Mode.BUILD, Level.SUGGEST)
    assert offer(reader)[2]["properties"]["do"]["enum"] == ["list", "get", "history"]
    assert asked({"do": "get", "key": "a", "ttl": None}, reader) == {
        "verb": "share_get",
        "args": {"key": "a"},
    }
    writer = Grant(Mode.BUILD, Level.AUTO_EDIT)
    assert asked({"do": "set", "key": "a", "value": "b"}, writer)["verb"] == "share_set"
    wrong: tuple[tuple[dict[str, str], str], ...] = (
        ({"do": "set", "key": "a"}, "only reads"),
        ({"do": "get", "path": "x"}, '"path"'),
        ({}, "is one of"),
    )
    for args, words in wrong:
        with pytest.raises(ToolError, match=words):
            asked(args, reader)
