"""PanCode's own tool inside a sandbox is known by its whole path; what is around it is judged as ever."""

from __future__ import annotations

import sys

import pytest

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.judgement import Place
from pancode.domains.safety.commands.programs.pan import PAN
from pancode.domains.safety.tools import judge_command

COMMAND = f"{sys.executable} -I -S {PAN} 61802"


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (f"{COMMAND} share list", ActionClass.FILE_READ),
        (f"{COMMAND} share set key 'rm -rf /'", ActionClass.FILE_READ),
        (f'{COMMAND} share set key "$(rm -rf x)"', ActionClass.BASH_DESTRUCTIVE),
        (f"{COMMAND} share get key > out.txt", ActionClass.FILE_WRITE),
        (f"{COMMAND} share get key | sh", ActionClass.NOT_UNDERSTOOD),
        (f"{COMMAND} share get key; rm -rf x", ActionClass.BASH_DESTRUCTIVE),
        (f"{sys.executable} -I -S {PAN} $PORT share list", ActionClass.BASH_EXEC),
        (f"{sys.executable} -S {PAN} 61802 share list", ActionClass.BASH_EXEC),
        (f"{sys.executable} -I -S /src/tree/pan.py 61802 share list", ActionClass.BASH_EXEC),
    ],
)
def test_the_tool_is_reading_and_everything_around_it_is_what_it_is(command: str, kind: ActionClass) -> None:
    assert judge_command(command, Place()).kind is kind
