"""The generated configuration: what it takes from the user, and that tmux takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pancode.core.errors import ExitCode, PanError
from pancode.engine.tmux.conf import configuration, terminal_name, user_prefix, user_source
from pancode.engine.tmux.server import Server
from pancode.engine.tmux.version import parse_version


def conf(version: str, prefix: str | None = None, source: str | None = None) -> str:
    return configuration(parse_version(version), prefix=prefix, source=source, terminal="tmux-256color")


def test_options_that_a_version_does_not_know_are_left_out() -> None:
    assert "allow-passthrough" not in conf("tmux 3.2a")
    assert "set -gw allow-passthrough off" in conf("tmux 3.3a")
    assert "set -gw allow-passthrough off" in conf("tmux master")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("set -g prefix C-a", "C-a"),
        ("set-option -g prefix 'C-Space'", "C-Space"),
        ('  set -g prefix "M-x" # mine', "M-x"),
        ("set -g prefix `", "`"),
        ("set -g prefix2 C-a", None),
        ("set -g prefix #(touch never)", None),
        ("# set -g prefix C-a", None),
        ("bind r source-file x", None),
    ],
)
def test_the_users_prefix_is_copied(line: str, key: str | None, tmp_path: Path) -> None:
    (tmp_path / ".tmux.conf").write_text(f"set -g mouse on\n{line}\n", encoding="utf-8")
    assert user_prefix({"HOME": str(tmp_path)}) == key


def test_the_xdg_file_counts_too(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "tmux"
    folder.mkdir(parents=True)
    (folder / "tmux.conf").write_text("set -g prefix C-s\n", encoding="utf-8")
    assert user_prefix({"HOME": "/none", "XDG_CONFIG_HOME": str(tmp_path / "config")}) == "C-s"


def test_a_file_to_source_must_be_there(tmp_path: Path) -> None:
    assert user_source({}) is None
    with pytest.raises(PanError) as caught:
        user_source({"PANCODE_TMUX_CONF": str(tmp_path / "none")})
    assert caught.value.code is ExitCode.CONFIG


def test_without_a_terminfo_entry_the_older_name_is_used(tmp_path: Path) -> None:
    assert terminal_name({"HOME": str(tmp_path)}) in ("tmux-256color", "screen-256color")


@pytest.mark.tmux
def test_tmux_takes_every_line(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "new.conf"
    path.write_text(conf("tmux 3.2a", prefix="C-a"), encoding="utf-8")
    assert server.run("source-file", str(path)) == []
    assert server.run("show", "-gv", "prefix") == ["C-a"]
    assert "send-prefix" in server.run("list-keys", "-T", "prefix", "C-a")[0]
    assert server.run("show", "-gv", "update-environment") == []


@pytest.mark.tmux
def test_the_users_file_is_read_first_and_ours_wins(server: Server, tmp_path: Path) -> None:
    mine = tmp_path / "mine.conf"
    mine.write_text("set -g base-index 1\nset -g destroy-unattached on\n", encoding="utf-8")
    path = tmp_path / "new.conf"
    path.write_text(conf("tmux 3.3a", source=str(mine)), encoding="utf-8")
    server.run("source-file", str(path))
    assert server.run("show", "-gv", "base-index") == ["1"]
    assert server.run("show", "-gv", "destroy-unattached") == ["off"]
