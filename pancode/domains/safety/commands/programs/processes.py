"""Judges programs that reach other processes, or plan work for later."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Judge,
    Script,
    named,
    plain,
    system,
)
from pancode.domains.safety.commands.options import split

ASKS = re.compile(r"-V|--version|-h|--help|-v|version|help|-L|-l|--list|--status|status|list|show|info")


def always(rule: str, why: str) -> Judge:
    """Make a judge that says the same of every call."""

    def judge(call: Call) -> Iterator[Effect]:
        if call.texts and all(ASKS.fullmatch(text) for text in call.texts):
            yield plain(ActionClass.FILE_READ, "only looks")
        else:
            yield system(rule, why)

    return judge


def _kill(call: Call) -> Iterator[Effect]:
    words = list(call.args)
    if call.texts[:1] in (["-l"], ["-L"], ["--list"]):
        yield plain(ActionClass.FILE_READ, "lists signals")
        return
    while (
        words
        and re.fullmatch(r"-(\w+|s|n)|--(signal|timeout|queue)(=.*)?", words[0].text)
        and words[0].text != "-1"
    ):
        text = words.pop(0).text
        if text in ("-s", "-n", "--signal", "-q", "--timeout") and words:
            words.pop(0)
    if call.texts[:1] == ["-1"] and call.texts[1:]:
        words = list(call.args[1:])
    for word in words:
        text = word.text
        if text == "--":
            continue
        if (
            word.taint in ("processes", "unknown", "remote", "decoded")
            or text in ("1", "0", "-1", "-0")
            or text.startswith("-")
        ):
            yield system("kill", "sends signals to processes that it did not start")
        elif text.isdigit():
            yield system("kill", f"sends a signal to the process {text}, which this command did not start")
    if not words:
        yield system("kill", "sends signals to processes that it did not start")
    yield plain(ActionClass.BASH_EXEC, "ends a process that it started", "kill-own")


def _crontab(call: Call) -> Iterator[Effect]:
    if call.texts in (["-l"], ["-u"]):
        yield plain(ActionClass.FILE_READ, "lists planned work")
        return
    yield system("schedule", "plans work for later")


def _at(call: Call) -> Iterator[Effect]:
    if call.name == "atq" or call.texts == ["-l"]:
        yield plain(ActionClass.FILE_READ, "lists planned work")
        return
    if call.stdin.text:
        yield Script(call.stdin.text)
    yield system("schedule", "plans work for later")


_SERVICE_LOOKS = re.compile(
    r"status|is-active|is-enabled|is-failed|list-.*|show|cat|--version|show-environment|get-default|help"
)


def _systemctl(call: Call) -> Iterator[Effect]:
    words = [text for text in call.texts if not text.startswith("-")]
    looks = words[1:2] if call.name in ("service", "rc-service", "sv", "invoke-rc.d") else words[:1]
    if not words or (looks and _SERVICE_LOOKS.fullmatch(looks[0])) or "--status-all" in call.texts:
        yield plain(ActionClass.FILE_READ, "looks at services")
    else:
        yield system("service", "changes the services of the machine")


def _tmux(call: Call) -> Iterator[Effect]:
    if call.texts in (["-V"], ["--version"], ["-v"]):
        yield plain(ActionClass.FILE_READ, "only looks")
        return
    if call.name == "screen" and call.texts[:1] and re.match(r"-\w*[dD]\w*m|-dmS?", call.texts[0]):
        found = split(call.args, named("S c h t T s"), stop=True)
        yield Script(" ".join(word.text for word in call.args[found.rest :]))
    yield system("tmux", "reaches into terminals of others")


def _fuser(call: Call) -> Iterator[Effect]:
    if any(re.match(r"-\w*k|--kill", text) for text in call.texts):
        yield system("kill", "ends processes of others")
    yield plain(ActionClass.FILE_READ, "looks who uses a file")


def _pm2(call: Call) -> Iterator[Effect]:
    if {"delete", "kill", "stop", "stopall", "restart", "reload", "startup", "unstartup", "flush"} & set(
        call.texts[:1]
    ):
        yield system("kill", "ends or restarts processes of others")
    yield plain(ActionClass.BASH_EXEC, "keeps a program of the project running")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(named("kill"), _kill),
    **dict.fromkeys(named("crontab"), _crontab),
    **dict.fromkeys(named("at atq atrm"), _at),
    **dict.fromkeys(
        named("systemctl service loginctl launchctl rc-service initctl supervisorctl sv invoke-rc.d"),
        _systemctl,
    ),
    **dict.fromkeys(named("tmux screen zellij dtach abduco byobu tmate"), _tmux),
    "fuser": _fuser,
    **dict.fromkeys(("pm2", "forever"), _pm2),
}
