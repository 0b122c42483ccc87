"""Tells where a path leads, and whether what lies there is secret, obeyed by others, or rebuilt."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass

from pancode.domains.safety.commands.calls import Scene, Word
from pancode.domains.safety.commands.judgement import DYNAMIC
from pancode.domains.safety.enclosure.governance import EXISTING, GOVERNANCE
from pancode.worker.tools.names import SECRETS

TMP = ("/tmp", "/var/tmp", "/private/tmp", "/dev/shm")  # noqa: S108 -- names places, makes no file

_OBEYED = "|".join(re.escape(name) for name, _ in (*GOVERNANCE, *EXISTING))
_GOVERNANCE = re.compile(
    rf"(.*/)?(({_OBEYED}|\.git|\.cline|\.roo|\.aider[^/]*|\.github/copilot[^/]*|\.git-hooks)(/.*)?"
    r"|\.claude\.json|\.gitmodules|\.gitconfig|\.pansafety\.yaml|pansafety\.yaml)"
)
_PERSISTENT = re.compile(
    r"(\.(bash|zsh|ksh|csh|tcsh)[^/]*|\.profile|\.login|\.zlogin|\.zshenv|\.inputrc|\.xinitrc|\.xprofile"
    r"|\.xsession"
    r"|\.ssh(/.*)?|\.config/(autostart|systemd|fish|environment\.d|nushell|tmux|git|pip|npm)(/.*)?"
    r"|\.local/bin(/.*)?"
    r"|\.vimrc|\.config/nvim(/.*)?|\.vim(/.*)?|\.emacs(\.d)?(/.*)?|\.gnupg(/.*)?|\.tmux\.conf"
    r"|\.pam_environment"
    r"|\.npmrc|\.pypirc|\.netrc|\.cargo/(config|bin|env).*|\.m2/settings.*|bin(/.*)?|\.curlrc|\.wgetrc"
    r"|\.screenrc"
    r"|\.kube(/.*)?|\.aws(/.*)?|\.docker(/.*)?|Library/LaunchAgents(/.*)?|\.local/share/applications(/.*)?)"
)
_HOME_SECRET = re.compile(
    r"(\.ssh(/(?!known_hosts|config$|[^/]*\.pub$).*)?|\.aws(/.*)?|\.netrc|\.npmrc|\.pypirc|\.git-credentials"
    r"|\.config/(gh|glab-cli|hub|gcloud|op|doctl|heroku|google-chrome|chromium|sops|rclone|stripe)(/.*)?"
    r"|\.kube(/.*)?|\.docker/config\.json|\.gnupg(/.*)?|\.azure(/.*)?|\.password-store(/.*)?|\.pgpass"
    r"|\.my\.cnf"
    r"|\.local/share/keyrings(/.*)?|\.mozilla(/.*)?|\.vault-token|\.(bash|zsh|psql|mysql|python)_history"
    r"|\.cargo/credentials.*|\.gem/credentials|\.terraform\.d/credentials.*|\.claude\.json"
    r"|\.claude/\.credentials.*"
    r"|\.codex/auth\.json|\.gemini/(oauth|google_accounts|\.env).*|\.local/share/opencode/auth\.json|\.boto"
    r"|\.s3cfg"
    r"|\.config/github-copilot(/.*)?|\.copilot/config.*|\.cursor/.*token.*|\.Xauthority|\.age(/.*)?"
    r"|\.m2/settings.*"
    r"|\.rclone\.conf|\.composer/auth\.json|\.fly(/.*)?|\.databrickscfg|\.snowsql/config|\.oci(/.*)?)"
)
_MACHINE_SECRET = re.compile(
    r"/etc/(shadow|gshadow|sudoers|master\.passwd|security/opasswd|krb5\.keytab|ssl/private"
    r"|ssh/ssh_host_.*_key"
    r"|wireguard|kubernetes/admin\.conf)([-/.].*)?|/proc/(?!self/(fd|status|stat|cmdline))[^/]*/(environ"
    r"|mem|maps|fd)(/.*)?"
    r"|/proc/(self|thread-self)/(environ|mem)|/root(/.*)?|/var/lib/(docker|kubelet|postgresql|mysql)(/.*)?"
    r"|/dev/(mem|kmem)"
    r"|/(var/)?run/secrets(/.*)?|(/var)?/run/user/.*|/etc/letsencrypt/(live|archive)(/.*)?"
)
_MET = (".env", ".env.local", ".env.production")
_KEYS_MET = re.compile(
    r"id_[\w*?\[\]-]*[*?\[][\w*?\[\]-]*|\*+\.(key|p12|pfx|jks|keystore|kdbx|ppk)|\*+\.env(\.(local|prod\w*|\*))?\*?"
)
_SAMPLES = (
    *(".ssh/id_rsa", ".ssh/id_ed25519", ".aws/credentials", ".netrc", ".config/gh/hosts.yml", ".kube/config"),
    *(
        ".git-credentials",
        ".docker/config.json",
        ".gnupg/secring.gpg",
        ".npmrc",
        ".pypirc",
        ".codex/auth.json",
    ),
    *(".claude/.credentials.json", ".bash_history", ".pgpass"),
)
_NOWHERE = re.compile(r"/dev/(null|stdout|stderr|stdin|tty|zero|full|u?random|fd/\d+)|/proc/self/fd/[0-2]")
_ARTEFACT = re.compile(
    r"node_modules|bower_components|dist|dist-[\w.-]+|build|_build|target|out|coverage|htmlcov"
    r"|\.?venv[\w.-]*|__pycache__"
    r"|__snapshots__|\.?[\w-]*_cache|\.cache|\.next|\.nuxt|\.output|\.turbo|\.tox|\.nox|\.gradle"
    r"|\.parcel-cache|\.svelte-kit"
    r"|\.angular|\.vite|\.eggs|[\w.*-]+\.egg-info|\.coverage[\w.*-]*|\.nyc_output|\.terraform|\.DS_Store"
    r"|\.vercel|\.expo"
    r"|\.dart_tool|\.stack-work|dist-newstyle|cmake-build-[\w-]+|CMakeFiles|CMakeCache\.txt|\.hypothesis"
    r"|\.ipynb_checkpoints"
    r"|\.sass-cache|\.docusaurus|\.astro|test-results|playwright-report|storybook-static|\.serverless"
    r"|\.webpack|obj"
    r"|zig-out|zig-cache|\.zig-cache|bazel-[\w-]+|\.bundle|\.yarn|\.pnpm-store|\.nx|\.swc|\.rpt2_cache|tmp"
    r"|logs?"
    r"|[\w.*?-]*\.(py[co]|o|a|so|class|log|tmp|temp|bak|orig|rej|swp|out|tsbuildinfo|gcda|gcno|aux|toc|lcov"
    r"|prof)|[\w.*-]*~"
)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a word leads: normalised `path` ("" if unknown), its zone, and the path below that."""

    word: Word
    path: str
    zone: str
    tail: str
    home: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Give the path as a tuple, empty if it is unknown."""
        return (self.path,) if self.path else ()

    @property
    def shown(self) -> str:
        """Give the word as text for people."""
        return self.word.text.replace(DYNAMIC, "…")[:80]


def _under(path: str, root: str) -> str | None:
    if path == root:
        return ""
    return path[len(root) + 1 :] if path.startswith(root.rstrip("/") + "/") else None


def _absolute(text: str, scene: Scene) -> str:
    text = text.removeprefix("file://")
    if not text.startswith("/"):
        if not scene.cwd or text.startswith(DYNAMIC):
            return ""
        text = f"{scene.cwd}/{text}"
    path = posixpath.normpath(text)
    path = "/" + path.lstrip("/")
    path = re.sub(r"^/proc/(self|thread-self|1|\d+)/(root|cwd)(?=/|$)", "", path) or "/"
    for link, target in scene.links.items():
        tail = _under(path, link)
        if tail is not None:
            return posixpath.normpath(f"{target}/{tail}")
    return path


def locate(word: Word, scene: Scene) -> Spot:
    """Say where `word` leads from the current directory."""
    text = word.text
    if text.startswith("~"):
        from pancode.domains.safety.commands.parameters import home_of

        text = home_of(text, scene)
    path = _absolute(text, scene)
    if not path:
        return Spot(word, "", "unknown", text)
    place = scene.place
    home_tail = _under(path, place.home)
    below = home_tail if home_tail is not None and place.home not in ("/", "") else ""
    zone, tail = _zone(path, place.worktree, place.home)
    if ".." in path.split("/") or (word.dynamic and ".." in text.split("/")):
        zone = "unknown"
    return Spot(word, path, zone, tail, below)


def _zone(path: str, tree: str, home: str) -> tuple[str, str]:
    tail = _under(path, tree)
    if tail is not None and tree != "/":
        return ("tree", tail) if tail else ("root", "")
    if path in (
        "/dev/null",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/stdin",
        "/dev/tty",
        "/dev/zero",
        "/dev/full",
    ) or re.match(r"/dev/(u?random|fd/\d+)$|/proc/self/fd/[0-2]$", path):
        return "null", path
    tail = _under(path, home)
    if tail is not None:
        return "home", tail
    for tmp in TMP:
        tail = _under(path, tmp)
        if tail:
            return "tmp", tail
    if path.startswith("/dev/"):
        return "device", path
    if re.match(r"/(home|Users|mnt|media|srv|data|work|workspace|projects)/", path):
        return "outside", path
    return "system", path


def _alike(spot: Spot, home: str) -> bool:
    """Tell whether a pattern may match a secret; a star doesn't match a slash or a leading dot."""
    pattern = spot.path
    for sample in _SAMPLES:
        path = f"{home}/{sample}"
        parts, wanted = path.split("/"), pattern.split("/")
        if len(parts) == len(wanted) and all(
            fnmatch.fnmatchcase(part, want) and (not part.startswith(".") or want.startswith((".", DYNAMIC)))
            for part, want in zip(parts, wanted, strict=True)
        ):
            return True
    return False


def names_secret(pattern: str) -> bool:
    """Tell whether a name, or a pattern for names, is there to meet a secret of a project.

    >>> names_secret("conf/.env*"), names_secret(".env.example"), names_secret("*")
    (True, False, False)
    """
    last = pattern.rsplit("/", 1)[-1]
    if not set(last) & set("*?["):
        return SECRETS.fullmatch(pattern) is not None
    if _KEYS_MET.fullmatch(last):
        return True
    says = re.search(r"\w", re.sub(r"\[[^\]]*\]", "", last)) is not None
    return says and last.startswith(".") and any(fnmatch.fnmatchcase(name, last) for name in _MET)


def secret(spot: Spot, home: str = "") -> bool:
    """Tell whether a key, a password or another secret lies there."""
    if not spot.path:
        return names_secret(spot.tail) or "/.ssh/" in spot.tail
    if spot.home and _HOME_SECRET.fullmatch(spot.home):
        return True
    if spot.zone in ("system", "device", "outside") and _MACHINE_SECRET.fullmatch(spot.path):
        return spot.zone != "outside"
    if re.match(r"/(home|Users)/[^/]+/", spot.path):
        below = spot.path.split("/", 3)[3]
        if _HOME_SECRET.fullmatch(below):
            return True
    if spot.zone != "system" and SECRETS.fullmatch(spot.path):
        return True
    if spot.word.glob or set(spot.path) & set("*?["):
        if spot.zone != "system" and names_secret(spot.path):
            return True
        return _alike(spot, home or spot.path[: len(spot.path) - len(spot.home) - 1] if spot.home else home)
    return False


def governance(spot: Spot) -> bool:
    """Tell whether others obey or execute what lies there."""
    if spot.zone in ("tree", "unknown"):
        return _GOVERNANCE.fullmatch(spot.tail) is not None and ".git/refs/remotes" not in spot.tail
    return (
        spot.zone in ("home", "outside", "root") and _GOVERNANCE.fullmatch(spot.home or spot.path) is not None
    )


def persistent(spot: Spot) -> bool:
    """Tell whether what lies there opens the account or outlives the session."""
    if spot.home and _PERSISTENT.fullmatch(spot.home):
        return True
    match = re.match(r"/(?:home|Users)/[^/]+/(.*)|/root(?:/(.*))?", spot.path)
    return bool(
        match and spot.zone != "tree" and _PERSISTENT.fullmatch(match.group(1) or match.group(2) or "")
    )


def artefact(spot: Spot) -> bool:
    """Tell whether a command rebuilds what lies there."""
    if spot.zone != "tree":
        return False
    parts = spot.tail.split("/")
    if ".git" in parts or DYNAMIC in parts[0]:
        return False
    return any(_ARTEFACT.fullmatch(part) for part in parts if DYNAMIC not in part)
