"""The private home: what is put into it, that no link in it is followed, and what comes back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pancode.domains.agents.api import AgentNeeds
from pancode.domains.safety.api import EnclosureAsk, build, finish_logins, prepare_home
from pancode.domains.safety.enclosure.copies import copies
from tests.safety.enclosure.asking import ask_in, mounted

LOGIN = {"claudeAiOauth": {"accessToken": "old", "refreshToken": "r", "expiresAt": 1, "scopes": ["a"]}}
NEEDS = AgentNeeds(
    logins=((".agent/login.json", "json"),),
    config=(".agent/settings.json", ".agent/absent.json"),
    state=(".agent", ".local/state/agent"),
    cache=(".cache/agent/*",),
)


@pytest.fixture
def ask(tmp_path: Path) -> EnclosureAsk:
    place = tmp_path / "home" / ".agent"
    place.mkdir(parents=True)
    (place / "login.json").write_text(json.dumps(LOGIN))
    os.utime(place / "login.json", (1_000_000_000, 1_000_000_000))
    (place / "settings.json").write_text("{}")
    for unpacked in ("1.0", ".unpacking-2.0"):
        (tmp_path / "home" / ".cache" / "agent" / unpacked).mkdir(parents=True)
    (tmp_path / "home" / ".gitconfig").write_text(
        "[user]\n\tname = Ann\n[credential]\n\thelper = store\n[alias]\n\tx = !sh\n"
        "[core]\n\tpager = less\n\teol = lf\n"
        '[url "https://tok@h/"]\n\tinsteadOf = x\n'
    )
    return ask_in(tmp_path, needs=NEEDS, home_files={".agent/hooks.json": "[]", ".config/agent/p.js": "x"})


def test_the_home_holds_logins_settings_and_what_is_given(ask: EnclosureAsk, tmp_path: Path) -> None:
    sandbox = build(ask)
    prepare_home(sandbox, ask)
    home = Path(sandbox["home"] or "")
    assert home == tmp_path / "run" / "home"
    assert json.loads((home / ".agent" / "login.json").read_text()) == LOGIN
    assert (home / ".agent" / "login.json").stat().st_mode & 0o777 == 0o600
    assert (home / ".local" / "state" / "agent").is_dir()
    assert (home / ".gitconfig").read_text() == "[user]\n\tname = Ann\n[core]\n\teol = lf\n"
    options = sandbox["options"]
    shown = mounted(options, "--ro-bind-try")
    outer = tmp_path / "home"
    assert {
        f"{outer}/.agent/settings.json",
        f"{outer}/.agent/hooks.json",
        f"{outer}/.config/agent",
        f"{outer}/.cache/agent/1.0",
    } <= set(shown)
    assert not {f"{outer}/.cache/agent", f"{outer}/.cache/agent/.unpacking-2.0"} & set(options)
    assert (tmp_path / "run" / "given" / ".config" / "agent" / "p.js").read_text() == "x"
    assert sandbox["grade"]["login"] == [f"{outer}/.agent/login.json"]


def test_it_can_be_prepared_again_and_follows_no_link(ask: EnclosureAsk, tmp_path: Path) -> None:
    sandbox = build(ask)
    prepare_home(sandbox, ask)
    home, victim = Path(sandbox["home"] or ""), tmp_path / "victim"
    victim.mkdir()
    for name in (".agent", ".config", ".gitconfig", "tmp"):
        place = home / name
        place.rename(tmp_path / f"was-{name}")
        place.symlink_to(victim)
    prepare_home(sandbox, ask)
    assert list(victim.iterdir()) == []
    assert (home / ".agent" / "login.json").is_file()
    assert not (home / ".config").is_symlink()


def refresh(ask: EnclosureAsk, text: str, at: float = 1_500_000_000) -> list[str]:
    """Let the agent write its login at the time `at`, and give what is taken over."""
    sandbox = build(ask)
    prepare_home(sandbox, ask)
    place = Path(sandbox["logins"][0]["path"])
    place.write_text(text)
    os.utime(place, (at, at))
    return finish_logins(sandbox)


def test_a_refreshed_login_comes_back_with_its_mode(ask: EnclosureAsk, tmp_path: Path) -> None:
    source = tmp_path / "home" / ".agent" / "login.json"
    source.chmod(0o640)
    new = {"claudeAiOauth": {**LOGIN["claudeAiOauth"], "accessToken": "new", "expiresAt": 2.5}}
    assert refresh(ask, json.dumps(new)) == [str(source)]
    assert json.loads(source.read_text()) == new
    assert source.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(source.parent)) == ["login.json", "settings.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"claudeAiOauth": {}}', '{"claudeAiOauth": 1, "more": 2}', "[" * 99999]
)
def test_a_login_of_another_shape_does_not_come_back(ask: EnclosureAsk, tmp_path: Path, text: str) -> None:
    assert refresh(ask, text) == []
    assert json.loads((tmp_path / "home" / ".agent" / "login.json").read_text()) == LOGIN


def test_an_older_login_a_link_and_a_pipe_do_not_come_back(ask: EnclosureAsk, tmp_path: Path) -> None:
    source = tmp_path / "home" / ".agent" / "login.json"
    other = json.dumps({"claudeAiOauth": {**LOGIN["claudeAiOauth"], "accessToken": "evil"}})
    assert refresh(ask, other, at=900_000_000) == []
    sandbox = build(ask)
    place = Path(sandbox["logins"][0]["path"])
    place.unlink()
    (tmp_path / "evil").write_text(other)
    place.symlink_to(tmp_path / "evil")
    assert finish_logins(sandbox) == []
    place.unlink()
    os.mkfifo(place)
    assert finish_logins(sandbox) == []
    place.unlink()
    os.link(tmp_path / "evil", place)
    assert finish_logins(sandbox) == []
    assert json.loads(source.read_text()) == LOGIN


def test_settings_are_copied_without_their_secrets(tmp_path: Path) -> None:
    texts = {
        ".npmrc": "registry=https://r.example/\n//r.example/:_authToken=abc\nemail=me\n",
        ".config/pip/pip.conf": "[global]\nindex-url = https://me:pw@r.example/\ntimeout = 9\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = copies(str(tmp_path))
    assert found[".npmrc"] == "registry=https://r.example/\nemail=me\n"
    assert found[".config/pip/pip.conf"] == "[global]\ntimeout = 9\n"
