"""Says what variables do to the commands after them: some load code, some name programs to run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import Effect, Finding, Scene, Script, Word, named, system, unclear
from pancode.domains.safety.commands.hosts import host_of, reaching
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.commands.places import locate
from pancode.domains.safety.commands.registry import registries

_LOADERS = frozenset(
    named(
        "LD_PRELOAD LD_AUDIT BASH_ENV ENV PYTHONSTARTUP PYTHONHOME PERL5DB GIT_EXEC_PATH GIT_TEMPLATE_DIR"
        " GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS GCONV_PATH GIT_ASKPASS"
        " SSH_ASKPASS SUDO_ASKPASS DYLD_INSERT_LIBRARIES DYLD_LIBRARY_PATH LUA_INIT SHELLOPTS BASHOPTS"
        " MAKEFILES NODE_REPL_EXTERNAL_MODULE ZDOTDIR INPUTRC OPENSSL_CONF HOSTALIASES R_PROFILE"
        " JULIA_LOAD_PATH"
        " JAVA_TOOL_OPTIONS _JAVA_OPTIONS MAVEN_OPTS_AGENT RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER"
        " CARGO_HOME_BIN"
        " CLAUDE_CONFIG_DIR CODEX_HOME GEMINI_HOME OPENCODE_CONFIG TMUX TMUX_TMPDIR DOCKER_HOST"
        " KUBECONFIG_EXEC"
    )
)
_COMMANDS = frozenset(
    named(
        "GIT_SSH_COMMAND GIT_SSH GIT_EXTERNAL_DIFF GIT_PAGER GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PROXY_COMMAND"
        " EDITOR VISUAL PAGER MANPAGER LESSOPEN LESSCLOSE PROMPT_COMMAND BROWSER FCEDIT SVN_EDITOR HGEDITOR"
        " RSYNC_RSH CVS_RSH SVN_SSH MAKE_SHELL TAR_OPTIONS FZF_DEFAULT_COMMAND KUBE_EDITOR PSQL_EDITOR"
        " AWS_PAGER GH_PAGER GH_EDITOR SYSTEMD_EDITOR SYSTEMD_PAGER DELTA_PAGER BAT_PAGER VIRTUAL_ENV_SHELL"
    )
)
_LIBRARIES = frozenset(
    named("LD_LIBRARY_PATH PYTHONPATH NODE_PATH PERL5LIB RUBYLIB GEM_PATH GEM_HOME CLASSPATH GOFLAGS")
)
_OPTIONS = {
    "NODE_OPTIONS": re.compile(r"(^|\s)(-r|--require|--import|--loader|--experimental-loader|--inspect)\b"),
    "PERL5OPT": re.compile(r"."),
    "RUBYOPT": re.compile(r"-r|-I|-e"),
    "PYTHONWARNINGS": re.compile(r"::[\w.]+\."),
    "PYTHONBREAKPOINT": re.compile(r"\."),
    "GOFLAGS": re.compile(r"-(toolexec|exec)"),
    "MAKEFLAGS": re.compile(r"--eval|SHELL=|-f"),
    "TF_CLI_ARGS": re.compile(r"."),
    "TF_CLI_ARGS_apply": re.compile(r"."),
    "PS0": re.compile(r"[$`]"),
    "PS1": re.compile(r"\$\(|`"),
    "PS2": re.compile(r"\$\(|`"),
    "PS4": re.compile(r"\$\(|`"),
    "SHELL": re.compile(r"(?!(/usr)?/bin/(ba|z|da|k)?sh$)."),
}
_NPM = re.compile(
    r"(?i)npm_config_(_?script_?shell|shell|node_options|userconfig|globalconfig|prefix|git|editor|viewer|init_module)"
)
_CARGO = re.compile(r"CARGO_TARGET_\w+_(RUNNER|LINKER)|CARGO_BUILD_RUSTC(_WRAPPER)?|RUSTC")
_HARMLESS = re.compile(
    r"|cat|less( -\w+)*|more|true|:|/bin/true|/bin/cat|vim?|nvim|nano|emacs|code( --wait| -w)?|false|none"
    r"|never|echo"
    r"|ssh( -(i|o|p|F) ?[\w./=~-]+)*|ssh -o \w+=\w+|firefox|open"
)
_REGISTRY = re.compile(
    r"(PIP|UV|PDM|POETRY)_(EXTRA_|DEFAULT_)?INDEX(_URL)?|(?i:npm_config_registry)|YARN_(NPM_REGISTRY_SERVER"
    r"|REGISTRY)"
    r"|GOPROXY|CARGO_REGISTRIES_\w+_INDEX|RUBYGEMS_HOST|BUNDLE_MIRROR__\w+|PIP_FIND_LINKS|PIP_TRUSTED_HOST"
)


def counted(value: str) -> bool:
    """Tell whether a subscript in it holds a command: the shell runs that wherever it takes it for a number.

    >>> counted("x[$(id)]"), counted("[$(id)]"), counted("x[1] $(id)")
    (True, False, False)
    """
    for found in re.finditer(r"\$\(|`", value) if "[" in value else ():
        opens = value.rfind("[", 0, found.start())
        named = opens > 0 and (value[opens - 1].isalnum() or value[opens - 1] == "_")
        if named and not re.search(r"[]\s]", value[opens : found.start()]):
            return True
    return False


def executing(value: str, what: str, *, appended: bool = False) -> Iterator[Effect]:
    """Judge a text that `what` executes; even if it looks harmless it is nothing that a worker needs."""
    if _HARMLESS.fullmatch(value.strip()):
        return
    yield Script(f"{value} {DYNAMIC}" if appended else value)
    yield unclear(f"{what} runs a program that is named here", "executes")


def poisoned(assigned: Sequence[tuple[str, tuple[Word, ...]]], scene: Scene) -> Iterator[Effect]:
    """Say what assignments do to the commands after them."""
    for name, values in assigned:
        value = " ".join(word.text for word in values)
        if counted(value):
            yield unclear(f'counting with the variable "{name}" runs a command', "subscript")
        if _loads(name, value, scene):
            yield system("poison", f'the variable "{name}" has other programs load code or settings')
        elif name.startswith("PANCODE_"):
            yield system("pancode-variable", f'changes PanCode\'s own variable "{name}"')
        elif _NPM.fullmatch(name):
            yield system("poison", f'the variable "{name}" has npm run or load something else')
        elif _CARGO.fullmatch(name):
            yield Script(value)
        elif name in _COMMANDS:
            yield from executing(value, f'the variable "{name}"', appended=True)
        elif name == "PATH":
            yield from _path(value, scene)
        else:
            yield from _elsewhere(name, value)


def _loads(name: str, value: str, scene: Scene) -> bool:
    if name in _LOADERS or name.startswith(("BASH_FUNC_", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")):
        return bool(value)
    if name in _LIBRARIES:
        zones = [locate(Word(one), scene).zone for one in value.split(":") if one and "\0" not in one]
        if name == "LD_LIBRARY_PATH":
            return any(zone in ("tmp", "tree", "root") for zone in zones)
        return "tmp" in zones
    return name in _OPTIONS and _OPTIONS[name].search(value) is not None


def _path(value: str, scene: Scene) -> Iterator[Effect]:
    for one in value.split(":"):
        if one in ("", ".", "./"):
            yield system("poison", "has programs looked for in the current directory")
        elif "\0" not in one and locate(Word(one), scene).zone == "tmp":
            yield system("poison", f'has programs looked for in "{one}" first')


def _elsewhere(name: str, value: str) -> Iterator[Effect]:
    if _REGISTRY.fullmatch(name):
        if value not in ("off", "direct"):
            yield from registries([Word(value)])
    elif name.lower() in ("http_proxy", "https_proxy", "all_proxy") and value:
        found = reaching(host_of(value if "//" in value else f"//{value}"), "sends everything through")
        if found.kind is not ActionClass.NETWORK:
            yield Finding(found.kind, "proxy", found.why, (), found.hosts)
