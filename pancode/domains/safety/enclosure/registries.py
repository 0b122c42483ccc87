"""Which package registries this machine is set to use: from its own configuration, none is known here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

VARIABLES = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX",
    "UV_INDEX", "NPM_CONFIG_REGISTRY", "npm_config_registry", "YARN_NPM_REGISTRY_SERVER",
    "BUN_CONFIG_REGISTRY", "GOPROXY", "GOSUMDB", "CARGO_REGISTRY_DEFAULT", "BUNDLE_MIRROR__ALL",
    "RUSTUP_DIST_SERVER",
)  # fmt: skip
"""Variables that name registries; one that holds no password is handed on to the worker."""
BELOW_HOME = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", ".bunfig.toml", ".config/pip/pip.conf", ".pip/pip.conf",
    ".config/uv/uv.toml", ".config/go/env", ".cargo/config.toml", ".cargo/config", ".bundle/config",
    ".condarc",
)  # fmt: skip
"""Files that name registries; the worker finds a copy without their secrets."""
BELOW_ROOT = ("/etc/pip.conf", "/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc", "/etc/uv/uv.toml")
_URL = re.compile(r"https://[^\s\"'<>,|\\]+")
_LARGEST = 1 << 18
_seen: dict[tuple[str, int], tuple[str, ...]] = {}


def registries(environment: Mapping[str, str], home: str) -> list[str]:
    """Give "host:port" of every registry that the environment and the machine's files name, over TLS."""
    texts = [environment[name] for name in VARIABLES if name in environment]
    hosts = [host for text in texts for host in _hosts(text)]
    for path in (*(os.path.join(home, name) for name in BELOW_HOME), *BELOW_ROOT):
        hosts += _of_file(path)
    return list(dict.fromkeys(hosts))


def _of_file(path: str) -> tuple[str, ...]:
    try:
        about = os.stat(path)
        key = (path, about.st_mtime_ns)
        if key not in _seen:
            with open(path, encoding="utf-8", errors="replace") as file:
                _seen[key] = tuple(_hosts(_without_comments(file.read(_LARGEST))))
    except OSError:
        return ()
    return _seen[key]


def _hosts(text: str) -> list[str]:
    found = []
    for address in _URL.findall(text):
        try:
            url = urlsplit(address)
            port = url.port or 443
        except ValueError:
            continue
        if url.hostname:
            found.append(f"{url.hostname}:{port}")
    return found


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", ";")))
