"""Loads the adapter files, shipped and the user's own; a broken one is reported and skipped."""

from __future__ import annotations

import importlib.util
import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, cast

from pancode.domains.agents.api import AUTO, COMMAND, SHELL, Mistake

if TYPE_CHECKING:
    from pancode.worker.protocol import Launch, Request

ORDER = ("claude-code", "codex", "gemini", "opencode", "copilot")
"""Which runtime `auto` tries first; adapters that are not named here follow by name."""
RESERVED = frozenset({AUTO, SHELL, COMMAND})


@dataclass(frozen=True, slots=True)
class Key:
    """A variable with which an agent reaches a provider by a key, and where that provider is."""

    variable: str
    url_variable: str  # the variable that may move it; "" if none does
    url: str  # where it is else; "" if only the variable can say
    outranks_login: bool  # the agent takes the key also where it has a login
    bearer: bool = False  # it goes into `Authorization`


@dataclass(frozen=True, slots=True)
class Adapter:
    """One CLI that PanCode can drive: what its file says of it, checked."""

    id: str
    name: str
    binary: str  # "": the program is the `command` of each of its agents
    versions: tuple[str, ...]
    version_args: tuple[str, ...]
    install: str
    secrets: tuple[str, ...]
    pass_env: tuple[str, ...]
    reads: tuple[str, ...]
    can: frozenset[str]
    path: str
    launch: Callable[[Request], Launch]
    asks: bool = False  # it has hook_asks and hook_says: it can be made to ask before each tool call
    encloses: bool = False  # it says what it needs inside PanCode's sandbox
    decided: tuple[str, ...] = ()  # arguments that only the grant may give it
    folders: Mapping[str, str] = field(default_factory=dict)  # variable -> what it moves, relative to HOME
    unhooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # a project's file -> words in it
    logins: tuple[tuple[str, str], ...] = ()
    config: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    cache: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    bound: tuple[str, ...] = ()  # variables that send it to a provider which the gateway can't stand in for
    binds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # its file -> words in it that do so
    tier: Literal["cli", "sdk", "native"] = "cli"
    package: tuple[str, str] | None = None  # a Python distribution, and the extra that brings it
    npm: str | None = None  # the folder of packages of npm that it needs (pancode/bridges/npm)
    least: str | None = None  # the least version of the program that will do
    elsewhere: bool = False  # it works on the server at its endpoint, where nobody asks or encloses
    idle_s: float | None = None  # seconds without a sign of life after which a run is given up


def load(directories: Iterable[str]) -> tuple[dict[str, Adapter], list[Mistake]]:
    """Load every `*.py` of the directories; a later directory's adapter replaces one with the same ID.

    Gives the adapters in the order of ORDER and then by ID, and what is wrong with the others.
    """
    found: dict[str, Adapter] = {}
    mistakes: list[Mistake] = []
    for directory in directories:
        for path in _files(directory):
            loaded = load_file(path)
            if isinstance(loaded, Mistake):
                mistakes.append(loaded)
            else:
                found[loaded.id] = loaded
    rank = {name: place for place, name in enumerate(ORDER)}
    ordered = sorted(found.values(), key=lambda adapter: (rank.get(adapter.id, len(rank)), adapter.id))
    return {adapter.id: adapter for adapter in ordered}, mistakes


def load_file(path: str) -> Adapter | Mistake:
    """Load one adapter file; whatever its code does wrong becomes a Mistake with its line."""
    name = f"_pancode_adapter_{os.path.basename(path)[:-3]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return Mistake(path, None, "this can't be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        _inherit(module, path)
        return _adapter(module, path)
    except SyntaxError as error:
        return Mistake(
            path, error.lineno, f"this is not Python: {error.msg}", "docs/adapters.md has the shape"
        )
    except Exception as error:  # noqa: BLE001 -- any fault of a user's file is that file's, not ours
        return Mistake(
            path,
            line_in(error, path),
            f"the adapter doesn't load: {describe(error)}",
            "docs/adapters.md has the shape",
        )


def describe(error: Exception) -> str:
    """Put an exception into one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def line_in(error: Exception, path: str) -> int | None:
    """Give the last line of `path` in the exception's traceback."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return lines[-1] if lines else None


def _files(directory: str) -> list[str]:
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    return [
        os.path.join(directory, name) for name in names if name.endswith(".py") and not name.startswith("_")
    ]


def _adapter(module: ModuleType, path: str) -> Adapter:
    launch = getattr(module, "launch", None)
    if not callable(launch) or not callable(getattr(module, "Session", lambda: None)):
        raise TypeError("it needs a function launch(request), and Session, if at all, as a class")
    adapter = Adapter(
        id=_text(module, "ID"),
        name=_text(module, "NAME"),
        binary=_binary(module),
        versions=_texts(module, "VERSIONS"),
        version_args=_texts(module, "VERSION_ARGS"),
        install=_text(module, "INSTALL"),
        secrets=_texts(module, "SECRETS"),
        pass_env=_texts(module, "PASS_ENV"),
        reads=_texts(module, "READS"),
        can=frozenset(_texts(module, "CAN")),
        path=path,
        launch=cast("Callable[[Request], Launch]", launch),
        asks=_asks(module) and not getattr(module, "ELSEWHERE", False),
        encloses=hasattr(module, "STATE"),
        decided=_texts(module, "DECIDED", ()),
        folders=_folders(module),
        unhooks=_words(module, "UNHOOKS"),
        logins=_logins(module),
        config=_paths(module, "CONFIG"),
        state=_paths(module, "STATE"),
        cache=_paths(module, "CACHE"),
        hosts=_texts(module, "HOSTS", ()),
        keys=_keys(module),
        bound=_texts(module, "BOUND", ()),
        binds=_words(module, "BINDS"),
        tier=_tier(module),
        package=_package(module),
        elsewhere=getattr(module, "ELSEWHERE", False) is True,
        npm=_text(module, "NPM") if hasattr(module, "NPM") else None,
        least=_text(module, "LEAST") if hasattr(module, "LEAST") else None,
        idle_s=_seconds(module, "IDLE_S"),
    )
    if adapter.id in RESERVED or ":" in adapter.id:
        raise ValueError(f'ID "{adapter.id}" is taken by PanCode itself')
    return adapter


def _inherit(module: ModuleType, path: str) -> None:
    """Give an adapter that is LIKE another one beside it that one's data, where it has none of its own."""
    like = getattr(module, "LIKE", None)
    if like is None:
        return
    beside = os.path.join(os.path.dirname(path), os.path.basename(str(like)))
    spec = importlib.util.spec_from_file_location(f"_pancode_adapter_like_{like}", beside)
    if spec is None or spec.loader is None:
        raise ValueError(f'LIKE names "{like}", which is no Python file')
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    for name, value in vars(other).items():
        if name.isupper() and not hasattr(module, name):
            setattr(module, name, value)


def _package(module: ModuleType) -> tuple[str, str] | None:
    match getattr(module, "PACKAGE", None):
        case None:
            return None
        case (str() as distribution, str() as extra):
            return distribution, extra
        case _:
            raise TypeError("it needs PACKAGE, if at all, as a distribution and the extra of PanCode's")


def _tier(module: ModuleType) -> Literal["cli", "sdk", "native"]:
    match getattr(module, "TIER", "cli"):
        case "cli" | "sdk" | "native" as tier:
            return tier
        case other:
            raise ValueError(f'TIER is {other!r}, and can be "cli", "sdk" or "native"')


def _binary(module: ModuleType) -> str:
    return "" if getattr(module, "BINARY", None) == "" else _text(module, "BINARY")


def _text(module: ModuleType, name: str) -> str:
    value = getattr(module, name, None)
    if not isinstance(value, str) or not value:
        raise TypeError(f"it needs {name}, a text")
    return value


def _texts(module: ModuleType, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    value = getattr(module, name, default)
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"it needs {name}, a tuple of texts")
    texts = tuple(value)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"it needs {name}, a tuple of texts")
    return texts


def _seconds(module: ModuleType, name: str) -> float | None:
    value = getattr(module, name, None)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0):
        return value
    raise TypeError(f"it needs {name}, if at all, as a number of seconds")


def _paths(module: ModuleType, name: str) -> tuple[str, ...]:
    return tuple(_in_home(path, name) for path in _texts(module, name, ()))


def _folders(module: ModuleType) -> dict[str, str]:
    table = _table(module, "FOLDERS")
    return {str(name): _in_home(folder, "FOLDERS") if folder else "" for name, folder in table.items()}


def _words(module: ModuleType, name: str) -> dict[str, tuple[str, ...]]:
    return {_in_home(path, name): tuple(words) for path, words in _table(module, name).items()}


def _table(module: ModuleType, name: str) -> Mapping[object, Any]:
    table = getattr(module, name, {})
    if not isinstance(table, Mapping):
        raise TypeError(f"it needs {name}, if at all, as a table")
    return table


def _logins(module: ModuleType) -> tuple[tuple[str, str], ...]:
    rows = []
    for row in getattr(module, "LOGINS", ()):
        match row:
            case (path, "json" | "text" as form):
                rows.append((_in_home(path, "LOGINS"), form))
            case _:
                raise TypeError('LOGINS needs pairs of a path and "json" or "text"')
    return tuple(rows)


def _keys(module: ModuleType) -> tuple[Key, ...]:
    try:
        return tuple(Key(*row) for row in getattr(module, "KEYS", ()))
    except TypeError:
        raise TypeError("KEYS needs rows of variable, variable of the URL, URL, outranks_login") from None


def _in_home(path: object, name: str) -> str:
    if not isinstance(path, str) or not path or os.path.isabs(path) or ".." in path.split("/"):
        raise ValueError(f"{path!r} in {name} is not a path relative to HOME")
    return path


def _asks(module: ModuleType) -> bool:
    has = [callable(getattr(module, name, None)) for name in ("hook_asks", "hook_says")]
    if not hasattr(module, "Session"):
        if any(has):
            raise TypeError("without a Session it prints PanCode's own records, and asks by them too")
        return True
    if any(has) and not all(has):
        raise TypeError("it needs both hook_asks(payload) and hook_says(allow, why), or neither")
    return all(has)
