"""The environment of a worker: what is on the list passes, everything else stays behind."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

PERSON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TERM", "EDITOR", "PAGER", "TMPDIR")
TOOLCHAINS = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "NVM_DIR",
    "GOPATH",
    "GOROOT",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "JAVA_HOME",
    "PYENV_ROOT",
)
CERTIFICATES = (
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
_PASSED = frozenset(PERSON + TOOLCHAINS + CERTIFICATES)


def allowed(environment: Mapping[str, str], also: Iterable[str]) -> dict[str, str]:
    """Give the part of the operator's environment that a worker may have, with `also` added.

    PATH, HOME and TERM are always there.

    >>> kept = allowed({"LC_ALL": "C", "TMUX": "/tmp/t,1,0", "GEMINI_MODEL": "m"}, ["GEMINI_MODEL"])
    >>> sorted(set(kept) - {"PATH", "HOME", "TERM"})
    ['GEMINI_MODEL', 'LC_ALL']
    """
    names = _PASSED | set(also)
    kept = {
        name: text
        for name, text in environment.items()
        if name in names or name.startswith("LC_") or is_proxy(name)
    }
    must = {"PATH": os.defpath, "HOME": os.path.expanduser("~"), "TERM": "xterm-256color"}
    return must | kept


def is_proxy(name: str) -> bool:
    """Whether the variable names a proxy, in either case."""
    return name.endswith(("_proxy", "_PROXY"))


def split_secrets(env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part the proxies that carry a password from what may be stored with the run.

    >>> split_secrets({"http_proxy": "http://me:pw@proxy", "LANG": "C"})
    ({'LANG': 'C'}, {'http_proxy': 'http://me:pw@proxy'})
    """
    secrets = {name: text for name, text in env.items() if is_proxy(name) and "@" in text}
    return {name: text for name, text in env.items() if name not in secrets}, secrets
