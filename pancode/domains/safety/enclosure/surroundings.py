"""A worker's variables: what must never reach it, and what the sandbox adds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pancode.domains.safety.enclosure.registries import VARIABLES

if TYPE_CHECKING:
    from pancode.worker.profile import Sandbox

_EXECUTED = (
    "LD_", "DYLD_", "GIT_", "PYTHON", "PERL5", "RUBY", "BASH_FUNC_", "TMUX", "DBUS_", "npm_config_script",
)  # fmt: skip
"""Beginnings of names by which a program is made to run something, or reaches a service of the host."""
_EXECUTED_NAMES = frozenset({
    "NODE_OPTIONS", "NODE_PATH", "BASH_ENV", "ENV", "PROMPT_COMMAND", "PS4", "SHELLOPTS", "BASHOPTS",
    "IFS", "CDPATH", "GLOBIGNORE", "ZDOTDIR", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS",
    "MAKEFLAGS", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH", "MALLOC_TRACE", "HOSTALIASES",
    "LESSOPEN", "LESSCLOSE", "EDITOR_CMD", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS",
    "GPG_AGENT_INFO", "XDG_RUNTIME_DIR", "XDG_SESSION_ID", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
    "DOCKER_HOST", "KUBECONFIG", "SUDO_ASKPASS", "STY", "WINDOW", "PANCODE_HOME", "PANCODE_SESSION",
    "PANCODE_PROJECT", "OPENSSL_CONF", "OPENSSL_MODULES", "PAGER_CMD",
})  # fmt: skip
_HARMLESS = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8"})
PERSON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TERM", "COLORTERM", "NO_COLOR")
TOOLS = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "NVM_DIR", "GOPATH", "GOROOT", "CARGO_HOME", "RUSTUP_HOME",
    "JAVA_HOME", "PYENV_ROOT", "PYENV_VERSION", "VOLTA_HOME", "BUN_INSTALL", "ASDF_DIR",
    "ASDF_DATA_DIR", "SDKMAN_DIR", "CC", "CXX", "CFLAGS", "CXXFLAGS", "RUSTFLAGS", "GOFLAGS", "CI",
    "SOURCE_DATE_EPOCH",
)  # fmt: skip
CERTIFICATES = (
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)


def safe_environment(env: Mapping[str, str]) -> dict[str, str]:
    r"""Give `env` without the variables that make programs run code or reach the host's services.

    >>> safe_environment({"PATH": "/bin", "LD_PRELOAD": "x", "TMUX": "t", "PYTHONUTF8": "1", "Ä\0": "x"})
    {'PATH': '/bin', 'PYTHONUTF8': '1'}
    """
    return {name: text for name, text in env.items() if _is_safe(name, text)}


def _is_safe(name: str, text: str) -> bool:
    if "\0" in name + text or "=" in name or not name or text.startswith("() {"):
        return False
    return name in _HARMLESS or not (name in _EXECUTED_NAMES or name.startswith(_EXECUTED))


def operators(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the part of the operator's environment that a command in a sandbox may have."""
    names = {*PERSON, *TOOLS, *CERTIFICATES}
    kept = {name: text for name, text in environment.items() if name in names or name.startswith("LC_")}
    kept |= {name: text for name, text in environment.items() if name in VARIABLES and "@" not in text}
    return {"PATH": os.defpath, "TERM": "dumb"} | kept


def inside(sandbox: Sandbox, env: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a worker in `sandbox`: `env` without what is unsafe, and the way out.

    HOME stays as it is where mounts put the private home at its place.
    """
    found = safe_environment(env)
    if sandbox["kind"] == "none":
        return found
    found = {name: text for name, text in found.items() if not name.lower().endswith("_proxy")}
    if sandbox["kind"] == "bwrap":
        found.pop("TMPDIR", None)  # The operator's need not be there; /tmp is.
    elif sandbox["home"]:
        found |= {"HOME": sandbox["home"], "TMPDIR": os.path.join(sandbox["home"], "tmp")}
    port = sandbox["network"]["proxy_port"]
    local = "127.0.0.1,localhost"
    if port is not None:
        found |= {"HTTPS_PROXY": f"http://127.0.0.1:{port}", "https_proxy": f"http://127.0.0.1:{port}"}
    return found | {"NO_PROXY": local, "no_proxy": local}
