"""Reads `sandbox:` and `questions:` of a pansafety.yaml; a project's file can only make them stricter."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import yaml

from pancode.domains.safety.rulereader import Reader
from pancode.domains.safety.settings import OnDeadline, ResourceLimits, SandboxSettings
from pancode.engine.documents import suggestion

_SANDBOX = ("readable", "writable", "hosts", "unix", "landlock", "limits")
_LIMITS = ("memory", "processes", "cpu", "cpu_time", "file_size")
_QUESTIONS = ("deadline", "on_deadline", "notifier", "bell")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]?)(?:i?b)?", re.IGNORECASE)
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_T = TypeVar("_T", int, float)


def sandbox(reader: Reader, node: yaml.Node, settings: SandboxSettings) -> SandboxSettings:
    """Give `settings` with what stands under `sandbox:`."""
    entries = reader.document.mapping(node, "sandbox", _SANDBOX)
    for key in ("readable", "writable", "hosts"):
        if key in entries and reader.is_project:
            reader.ignored(entries.pop(key), f"sandbox {key}")
    if "readable" in entries:
        settings = replace(settings, readable=_directories(reader, entries["readable"]))
    if "writable" in entries:
        settings = replace(settings, writable=_directories(reader, entries["writable"], narrow=True))
    if "hosts" in entries:
        settings = replace(settings, hosts=reader.hosts(entries["hosts"]))
    if "unix" in entries:
        settings = replace(settings, unix=_switch(reader, entries["unix"], settings.unix, strict=False))
    if "landlock" in entries:
        second = _switch(reader, entries["landlock"], settings.landlock, strict=True)
        settings = replace(settings, landlock=second)
    if "limits" in entries:
        settings = replace(settings, limits=_limits(reader, entries["limits"], settings.limits))
    return settings


def questions(reader: Reader, node: yaml.Node, settings: SandboxSettings) -> SandboxSettings:
    """Give `settings` with what stands under `questions:`; a project has no say in them."""
    entries = reader.document.mapping(node, "questions", _QUESTIONS)
    if reader.is_project:
        for key, value in entries.items():
            reader.ignored(value, f"questions {key}")
        return settings
    if "deadline" in entries:
        seconds = _amount(reader, entries["deadline"], _TIMES, "a time such as 10m")
        settings = replace(settings, ask_s=float(seconds or settings.ask_s))
    if "on_deadline" in entries:
        settings = replace(settings, on_deadline=_on_deadline(reader, entries["on_deadline"]))
    if "notifier" in entries:
        settings = replace(settings, notifier=_notifier(reader, entries["notifier"]))
    if "bell" in entries:
        settings = replace(settings, bell=_flag(reader, entries["bell"]) is not False)
    return settings


def _directories(reader: Reader, node: yaml.Node, *, narrow: bool = False) -> tuple[str, ...]:
    found = []
    for each, text in reader.texts(node, "a directory"):
        whole = reader.home + text[1:] if text == "~" or text.startswith("~/") else text
        path = os.path.normpath(whole)
        if not whole.startswith("/") or any(letter in whole for letter in "*?[\0"):
            reader.document.wrong(each, f'"{text}" is not an absolute path', "no wildcards here")
        elif narrow and (reader.home + "/").startswith(path.rstrip("/") + "/"):
            reader.document.wrong(each, f'"{text}" is too much to be written to', "name what lies in it")
        else:
            found.append(path)
    return tuple(found)


def _switch(reader: Reader, node: yaml.Node, now: bool, *, strict: bool) -> bool:
    """Read a switch whose stricter position is `strict`."""
    wanted = _flag(reader, node)
    if wanted is None or wanted is now:
        return now
    if reader.is_project and wanted is not strict:
        reader.ignored(node, "this switch")
        return now
    return wanted


def _flag(reader: Reader, node: yaml.Node) -> bool | None:
    text = reader.document.text(node, "a switch").lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text:
        reader.document.wrong(node, f'"{text}" is neither true nor false')
    return None


def _limits(reader: Reader, node: yaml.Node, limits: ResourceLimits) -> ResourceLimits:
    entries = reader.document.mapping(node, "limits", _LIMITS)
    what = {"cpu_time": (_TIMES, "a time such as 30m"), "cpu": ({"": 1}, "a number of cores")}
    amounts: dict[str, float | None] = {}
    for key, value in entries.items():
        units, example = what.get(key, (_UNITS, "a number such as 4096, or a size such as 4G"))
        wanted = None if _is_none(value) else _amount(reader, value, units, example)
        now = getattr(limits, key)
        widens = now is not None and (wanted is None or wanted > now)
        if reader.is_project and (widens or wanted is None):
            reader.ignored(value, f"limit {key}")
            wanted = now
        amounts[key] = wanted

    def read(key: str, as_: Callable[[float], _T]) -> _T | None:
        amount = amounts.get(key, getattr(limits, key))
        return None if amount is None else as_(amount)

    return ResourceLimits(
        read("memory", int),
        read("processes", int),
        read("cpu", float),
        read("cpu_time", int),
        read("file_size", int),
    )


def _is_none(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value.lower() in ("none", "null", "~", "")


def _amount(reader: Reader, node: yaml.Node, units: dict[str, int], example: str) -> float | None:
    text = reader.document.text(node, "an amount")
    read = _NUMBER.fullmatch(text)
    unit = units.get(read[2].lower()) if read else None
    amount = float(read[1]) * unit if read and unit else 0.0
    if not amount or not math.isfinite(amount):
        reader.document.wrong(node, f'"{text}" is not an amount', f"write {example}")
        return None
    return amount


def _on_deadline(reader: Reader, node: yaml.Node) -> OnDeadline:
    text = reader.document.text(node, "on_deadline")
    try:
        return OnDeadline(text)
    except ValueError:
        remedy = suggestion(text, [each.value for each in OnDeadline])
        reader.document.wrong(node, f'at the deadline nothing can "{text}"', remedy)
        return OnDeadline.DENY


def _notifier(reader: Reader, node: yaml.Node) -> str | None:
    if _is_none(node):
        return None
    text = reader.document.text(node, "notifier")
    try:
        words = shlex.split(text)
    except ValueError as error:
        reader.document.wrong(node, f"the notifier can't be read: {str(error).lower()}")
        return None
    return text if words else None
