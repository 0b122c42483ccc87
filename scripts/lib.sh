# Set-up that scripts/up, scripts/test and scripts/check share; the caller sets `root`, the checkout.
# shellcheck shell=sh disable=SC2154

# PanCode's own exit codes (docs/exit-codes.md) hold for its scripts too.
PREREQUISITE=3
ENVIRONMENT=12

say() {
    printf 'pancode: %s\n' "$*" >&2
}

die() { # CODE PROBLEM [REMEDY]
    say "$2"
    [ -z "${3:-}" ] || printf '  try: %s\n' "$3" >&2
    exit "$1"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a command whose words matter only when it fails, and then not all of them if there are many.
quietly() {
    if output=$("$@" 2>&1); then return 0; fi
    if [ "$(printf '%s\n' "$output" | wc -l)" -gt 40 ]; then
        printf '%s\n' "$output" | head -n 20 >&2
        echo "[…]" >&2
        printf '%s\n' "$output" | tail -n 5 >&2
    else
        printf '%s\n' "$output" >&2
    fi
    return 1
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            return 0
        fi
    done
    python=
    return 1
}

find_uv() {
    # Asked for its version, because a version manager's shim may stand in PATH with nothing behind it.
    uv --version >/dev/null 2>&1
}

# --- the environment ---------------------------------------------------------------------------------------

fingerprint() {
    printf '%s %s' "$root" "$(cat "$root/uv.lock" "$root/pyproject.toml" | cksum)"
}

# `dev` holds all that `run` holds, so it serves both.
env_is_ready() { # run|dev
    [ -x "$root/.venv/bin/pancode" ] && [ -x "$root/.venv/bin/python" ] || return 1
    for stamp in "$root/.venv/.set-up-dev" "$root/.venv/.set-up-$1"; do
        if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ]; then return 0; fi
    done
    return 1
}

make_env() { # run|dev
    { mkdir -p "$root/.cache" && [ -w "$root" ]; } 2>/dev/null ||
        die "$ENVIRONMENT" "the checkout \"$root\" can't be written, and .venv belongs into it" \
            "make it yours, or clone PanCode to a directory of your own"
    (
        # Two terminals may set up at the same moment; the second one finds the work done.
        if have flock; then flock 9; fi
        if env_is_ready "$1"; then exit 0; fi
        if find_uv; then
            say "bringing .venv in step with uv.lock, with uv"
            if make_env_with_uv "$1"; then stamp_env "$1" && exit 0; fi
            say "uv couldn't; venv and pip are next"
        fi
        find_python || no_python
        say "bringing .venv in step with uv.lock, with venv and pip"
        make_env_with_pip "$1" ||
            die "$PREREQUISITE" "the Python packages that PanCode needs couldn't be installed (see above)" \
                "check the network and the pip settings of this machine, then start this again"
        stamp_env "$1"
    ) 9>"$root/.cache/set-up.lock" || exit $?
}

make_env_with_uv() { # run|dev
    set -- "$1" --locked --quiet
    if [ "$1" = dev ]; then set -- "$@" --all-extras; else set -- "$@" --no-default-groups --group build; fi
    shift
    (cd "$root" && env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT="$root/.venv" uv sync "$@")
}

make_env_with_pip() { # run|dev
    "$root/.venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        rm -rf "$root/.venv"
    "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1 || quietly "$python" -m venv "$root/.venv" || return 1
    # As in pyproject.toml: that package's wheel carries a 160 MB copy of a CLI.
    pip_install --require-hashes --no-binary claude-agent-sdk -r "$root/requirements/$1.txt" &&
        pip_install --no-deps --no-build-isolation -e "$root"
}

pip_install() {
    quietly "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

stamp_env() { # run|dev
    # Every worker starts an interpreter: a compiled one starts sooner and is smaller. uv doesn't compile.
    "$root/.venv/bin/python" -m compileall -q "$root/pancode" "$root/adapters" >/dev/null 2>&1 || :
    # In a sandbox nothing can be written beside the SDKs, and each worker would compile them anew.
    for package in agents claude_agent_sdk mcp mcp_types openai; do
        "$root/.venv/bin/python" -m compileall -q "$root"/.venv/lib/python*/site-packages/"$package" >/dev/null 2>&1 || :
    done
    # uv takes away what is not in the set asked for, so a stamp says what is there and no more.
    rm -f "$root/.venv/.set-up-run" "$root/.venv/.set-up-dev"
    fingerprint >"$root/.venv/.set-up-$1"
}

no_python() {
    found=$(python3 --version 2>/dev/null) || found=
    die "$PREREQUISITE" "Python 3.11 or later is needed, ${found:-none} is here" \
        "install python3 of 3.11 or later so that \"python3 --version\" says so"
}

# --- the system's packages ---------------------------------------------------------------------------------

# Sets `missing` to the packages that are needed and not there.
list_missing() { # run|dev
    missing=
    have tmux || missing="$missing tmux"
    have git || missing="$missing git"
    have bwrap || missing="$missing bubblewrap"
    if ! env_is_ready "$1" && ! find_uv; then
        find_python || no_python
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then missing="$missing $python-venv"; fi
    fi
    missing=${missing# }
}

install_missing() {
    have apt-get || die "$PREREQUISITE" "missing: $missing" "$(other_installer)"
    install="apt-get install -y $missing"
    # A fresh image carries no package lists, and without them apt knows no package.
    lists=$(ls /var/lib/apt/lists/*_Packages* 2>/dev/null) || lists=
    [ -n "$lists" ] || install="apt-get update && $install"
    sudo=
    if [ "$(id -u)" = 0 ]; then
        :
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo='sudo -n'
    elif have sudo; then
        [ -z "$lists" ] || die "$PREREQUISITE" "missing: $missing" "sudo $install"
        die "$PREREQUISITE" "missing: $missing" "sudo sh -c '$install'"
    else
        die "$PREREQUISITE" "missing: $missing" "su -c '$install'"
    fi
    say "installing $missing"
    as_root "$install" || as_root "apt-get update && apt-get install -y $missing" ||
        die "$PREREQUISITE" "couldn't install $missing (see above)" "$sudo${sudo:+ }$install"
}

as_root() { # SHELL-COMMAND
    # shellcheck disable=SC2086
    quietly $sudo env DEBIAN_FRONTEND=noninteractive sh -c "$1"
}

other_installer() {
    if have dnf; then
        echo "sudo dnf install $missing"
    elif have zypper; then
        echo "sudo zypper install $missing"
    elif have pacman; then
        echo "sudo pacman -S $missing"
    elif have apk; then
        echo "sudo apk add $missing"
    else
        echo "install them with your system's package manager"
    fi
}

# After this, .venv is in step with uv.lock and every program that PanCode starts is there.
set_up() { # run|dev
    list_missing "$1"
    [ -z "$missing" ] || install_missing
    env_is_ready "$1" || make_env "$1"
}
