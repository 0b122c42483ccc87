"""Reads ~/.pancode/panproviders.yaml (seeded once); every mistake is named by file and line."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

import yaml

from pancode.domains.panconfigure.api import LOOPBACK, is_endpoint, is_variable
from pancode.domains.providers.api import Engine, Facts, Provider, Slip, Tier, Wire
from pancode.domains.providers.table import BY_ID
from pancode.engine import files
from pancode.engine.documents import Document, line_of

NAME = "panproviders.yaml"
SEED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seed.yaml")
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_LARGEST_CONTEXT = 100_000_000


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an entry, for the loader and for docs/providers.md."""

    name: str
    kind: str
    meaning: str
    values: tuple[str, ...] = ()


KEYS = (
    Key(
        "url",
        "address",
        "where its API begins, with /v1 if it has that; needed unless the name is a known one",
    ),
    Key("wire", "word", "the API that it speaks", get_args(Wire)),
    Key("engine", "word", "how its models are asked for", get_args(Engine)),
    Key("key_env", "variable", "the variable that holds the key"),
    Key(
        "key_command",
        "list",
        "a program and its arguments that print the key within 5 seconds; run when a key is needed",
    ),
    Key("local", "flag", "it is yours: it needs no key, and its tokens cost nothing"),
    Key("enabled", "flag", "false takes it away, also a built-in one"),
    Key("models", "models", "the models that you name: a list, or a mapping to what they can do"),
)
MODEL_KEYS = (
    Key("context", "number", "how many tokens fit"),
    Key("tools", "flag", "it calls tools"),
    Key("reasoning", "flag", "it reasons before it answers"),
    Key("vision", "flag", "it reads pictures"),
    Key("tier", "word", "how capable it is", get_args(Tier)),
)


@dataclass(slots=True)
class Loaded:
    """The entries of the file, those that it takes away, those that a mistake has, and all mistakes."""

    providers: dict[str, Provider] = field(default_factory=dict)
    off: set[str] = field(default_factory=set)
    bad: dict[str, Slip] = field(default_factory=dict)
    slips: list[Slip] = field(default_factory=list)


def seed(home: str) -> str:
    """Put the commented panproviders.yaml into `home` unless one is there; give its path."""
    path = os.path.join(home, NAME)
    with contextlib.suppress(OSError):
        files.seed(path, SEED)
    return path


def load(path: str) -> Loaded:
    """Read the file; never raises for its content. A missing one has no entries."""
    loaded = Loaded()
    if not os.path.lexists(path):
        return loaded
    document = Document(path)
    root = document.root()
    entries = None if root is None else document.mapping(root, NAME, ("providers",)).get("providers")
    _keep(loaded, document, None)
    if isinstance(entries, yaml.MappingNode):
        for key, node in entries.value:
            _entry(loaded, path, str(key.value), key, node)
    elif entries is not None and entries.tag != "tag:yaml.org,2002:null":
        document.wrong(entries, '"providers" must be a mapping of names to their keys')
        _keep(loaded, document, None)
    return loaded


def _entry(loaded: Loaded, path: str, name: str, key: yaml.Node, node: yaml.Node) -> None:
    document = Document(path)
    if not _ID.fullmatch(name):
        document.wrong(key, f'"{name}" is no name for a provider', "use small letters, digits, . _ and -")
    if name in loaded.providers:
        document.wrong(key, f'the provider "{name}" is there twice', "remove one of them")
    reader = _Reader(document, name, document.mapping(node, f'the provider "{name}"', [k.name for k in KEYS]))
    provider = reader.provider(node, line_of(key))
    if document.mistakes:
        _keep(loaded, document, name)
    elif reader.is_off:
        loaded.off.add(name)
    elif provider is not None:
        loaded.providers[name] = provider


_KEY = re.compile(r'there is no key "(api[_-]?)?(key|token|secret|password)"', re.IGNORECASE)
_NO_KEYS = "a key never stands in this file: name its variable, as key_env: NAME, or a key_command"


def _keep(loaded: Loaded, document: Document, name: str | None) -> None:
    slips = [
        Slip(document.path, one.line, one.problem, _NO_KEYS if _KEY.match(one.problem) else one.remedy)
        for one in document.mistakes
    ]
    document.mistakes.clear()
    loaded.slips += slips
    if name is not None and slips:
        loaded.providers.pop(name, None)
        loaded.bad.setdefault(name, slips[0])


_T = TypeVar("_T")


class _Reader:
    """Reads the keys of one entry; what is wrong goes to its document."""

    def __init__(self, document: Document, name: str, entries: dict[str, yaml.Node]) -> None:
        self._document = document
        self._name = name
        self._entries = entries
        self.is_off = False

    def provider(self, node: yaml.Node, line: int) -> Provider | None:
        """Give the provider; None where the entry takes it away or where it can't be one."""
        known = BY_ID.get(self._name)
        self.is_off = self._get("enabled", self._flag) is False
        said = {
            "url": self._get("url", self._address),
            "wire": self._word("wire", get_args(Wire)),
            "engine": self._word("engine", get_args(Engine)),
            "local": self._get("local", self._flag),
            "models": self._models(),
            **self._keys(),
        }
        fields: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        if known is None and "url" not in self._entries:
            self._document.wrong(
                node, f'the provider "{self._name}" has no "url"', "write where its API begins, such as …/v1"
            )
        if known is None and "url" not in fields:
            return None
        base: dict[str, Any] = {"id": self._name, "name": self._name, "source": "user", "line": line}
        if known is not None:
            kept = ("name", "url", "wire", "engine", "key_env", "local")
            base |= {name: getattr(known, name) for name in kept}
            if "url" in fields and "key_env" not in fields:
                base["key_env"] = ()  # A vendor's key is not sent to another address.
        if fields.get("wire") == "anthropic":
            base["engine"] = "anthropic"
        made = Provider(**(base | fields))
        self._check_key_travels_safely(made, node)
        return made

    def _check_key_travels_safely(self, made: Provider, node: yaml.Node) -> None:
        parts = urlsplit(made.url)
        is_open = parts.scheme == "http" and parts.hostname not in LOOPBACK
        if is_open and not made.local and (made.key_env or made.key_command):
            at = self._entries.get("url", node)
            self._document.wrong(
                at,
                f'the key of "{self._name}" would travel without TLS',
                "use https://, or say `local: true` if that is a machine of yours",
            )

    def _keys(self) -> dict[str, Any]:
        env, command = self._get("key_env", self._variable), self._get("key_command", self._command)
        if env is not None and command is not None:
            self._document.wrong(
                self._entries["key_command"],
                f'"{self._name}" has both key_env and key_command',
                "keep one of them",
            )
        if command is not None:
            return {"key_command": command, "key_env": ()}
        return {} if env is None else {"key_env": (env,)}

    def _models(self) -> dict[str, Facts] | None:
        node = self._entries.get("models")
        if isinstance(node, yaml.SequenceNode):
            names = [self._document.text(item, "a model's name") for item in node.value]
            return {name: Facts() for name in names if name}
        if isinstance(node, yaml.MappingNode):
            return {str(key.value): self._facts(str(key.value), value) for key, value in node.value}
        if node is not None:
            self._document.wrong(node, '"models" must be a list of names, or a mapping of names')
        return None

    def _facts(self, model: str, node: yaml.Node) -> Facts:
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return Facts()
        found = self._document.mapping(node, f'the model "{model}"', [key.name for key in MODEL_KEYS])
        inner = _Reader(self._document, self._name, found)
        flags = {name: inner._get(name, inner._flag) for name in ("tools", "reasoning", "vision")}
        return Facts(
            context=inner._get("context", inner._number),
            tier=inner._word("tier", get_args(Tier)),
            **flags,
        )

    def _get(self, key: str, read: Callable[[yaml.Node, str], _T | None]) -> _T | None:
        node = self._entries.get(key)
        return None if node is None else read(node, f'"{key}" of "{self._name}"')

    def _word(self, key: str, words: tuple[str, ...]) -> Any:  # noqa: ANN401 -- one of `words`
        node = self._entries.get(key)
        if node is None:
            return None
        text = self._document.text(node, f'"{key}"')
        if text not in words:
            self._document.wrong(node, f'"{key}" can\'t be "{text}"', f"one of {', '.join(words)}")
            return None
        return text

    def _address(self, node: yaml.Node, what: str) -> str | None:
        text = self._document.text(node, what)
        if is_endpoint(text):
            return text.rstrip("/")
        self._document.wrong(node, f"{what} is no http:// or https:// address, or has a password in it")
        return None

    def _variable(self, node: yaml.Node, what: str) -> str | None:
        text = self._document.text(node, what)
        if is_variable(text):
            return text
        # The text itself may be a key: it is not repeated.
        self._document.wrong(node, f"{what} must be the name of a variable", "such as WORK_OPENAI_KEY")
        return None

    def _command(self, node: yaml.Node, what: str) -> tuple[str, ...] | None:
        if not isinstance(node, yaml.SequenceNode):
            self._document.wrong(node, f"{what} must be a list", "such as [pass, show, openai]")
            return None
        words = tuple(self._document.text(item, what) for item in node.value)
        if not words or not all(words):
            self._document.wrong(node, f"{what} names no program")
            return None
        return words

    def _flag(self, node: yaml.Node, what: str) -> bool | None:
        text = self._document.text(node, what)
        if text in ("true", "false"):
            return text == "true"
        self._document.wrong(node, f"{what} must be true or false")
        return None

    def _number(self, node: yaml.Node, what: str) -> int | None:
        text = self._document.text(node, what)
        is_short = text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST_CONTEXT))
        if is_short and 0 < int(text) <= _LARGEST_CONTEXT:
            return int(text)
        self._document.wrong(node, f"{what} must be a whole number of tokens")
        return None
