"""The names that matter: what others obey or execute later, where secrets lie, where toolchains live."""

from __future__ import annotations

FILES = frozenset({"opencode.json", "opencode.jsonc"})
"""Of these the agent can't bear a directory in the file's place."""
GOVERNANCE: tuple[tuple[str, str], ...] = (
    (".claude", "settings, hooks, commands and agents of Claude Code"),
    (".mcp.json", "servers that Claude Code starts"),
    (".codex", "configuration, rules and hooks of Codex"),
    (".gemini", "settings, hooks and extensions of Gemini CLI"),
    (".opencode", "configuration, plugins and agents of OpenCode"),
    ("opencode.json", "configuration of OpenCode"),
    ("opencode.jsonc", "configuration of OpenCode"),
    (".github/hooks", "hooks of Copilot CLI"),
    (".cursor", "rules, servers and hooks of Cursor"),
    (".vscode", "tasks and settings that an editor executes"),
    (".idea", "run configurations that an editor executes"),
    (".envrc", "what direnv executes on entering the directory"),
    (".pancode", "PanCode's own agents, rules and layouts of the project"),
)
"""Below the work directory, and below each directory between it and the worker's: never to be written."""
EXISTING: tuple[tuple[str, str], ...] = (
    (".husky", "git hooks of the project"),
    (".copilot", "configuration of Copilot CLI"),
    (".devcontainer", "what an editor builds and runs"),
    (".continue", "configuration of Continue"),
    (".windsurf", "rules of Windsurf"),
    (".zed", "tasks and settings of Zed"),
    (".kiro", "hooks and settings of Kiro"),
    (".aider.conf.yml", "configuration of Aider"),
    (".direnv", "what direnv loads"),
    (".mise.toml", "variables and tasks that mise loads"),
    ("mise.toml", "variables and tasks that mise loads"),
    (".npmrc", "registry and shell of npm"),
    (".yarnrc.yml", "the program that yarn runs as itself"),
)
"""Never to be written where they are there already; a new one is for the merge review."""
FOR_REVIEW = (
    "AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/workflows", ".gitattributes", ".gitmodules", ".env",
    "package.json", "Makefile", "conftest.py", ".pre-commit-config.yaml", "setup.py", "build.rs",
    "justfile", *(name for name, _ in EXISTING),
)  # fmt: skip
"""A worker may write them, and others run or obey them later: the merge review lists their changes."""

SECRETS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".config/gcloud", ".config/gh", ".config/hub",
    ".config/glab-cli", ".config/op", ".config/sops", ".config/rclone", ".config/doctl",
    ".config/git/credentials", ".config/containers/auth.json", ".config/google-chrome",
    ".config/chromium", ".mozilla", ".kube", ".docker", ".oci", ".terraform.d", ".terraformrc",
    ".netrc", ".git-credentials", ".pypirc", ".pgpass", ".my.cnf", ".vault-token", ".password-store",
    ".local/share/keyrings", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials",
    ".m2/settings.xml", ".gradle/gradle.properties", ".boto", ".s3cfg", ".config/pulumi", ".pulumi",
    ".fly", ".config/heroku", ".railway", ".vercel", ".wrangler", ".huggingface",
    ".cache/huggingface/token", ".kaggle", ".bash_history", ".zsh_history", ".python_history",
    ".psql_history", ".claude/.credentials.json", ".claude.json", ".codex/auth.json",
    ".gemini/oauth_creds.json", ".gemini/google_accounts.json", ".gemini/gemini-credentials.json",
    ".local/share/opencode/auth.json", ".local/share/opencode/mcp-auth.json", ".copilot/config.json",
    ".config/github-copilot", ".cursor/auth.json",
)  # fmt: skip
"""Below HOME: shown to no worker, whatever else is; an agent gets its own login only, as a copy."""
CREDENTIAL_NAMES = frozenset({
    ".credentials.json", ".env", ".netrc", ".npmrc", ".pypirc", "auth.json", "credentials",
    "credentials.json", "credentials.toml", "npmrc", "token",
})  # fmt: skip
"""Hidden where they lie at the top of a toolchain."""

TOOLCHAINS = (
    ".asdf", ".bun/bin", ".bun/install/global", ".cargo/bin", ".claude/local", ".composer/vendor",
    ".conda/envs", ".deno/bin", ".dotnet", ".elan", ".fnm", ".foundry/bin", ".ghcup", ".goenv", ".jenv",
    ".juliaup", ".krew", ".linuxbrew", ".local/bin", ".local/lib", ".local/pipx", ".local/share/claude",
    ".local/share/fnm", ".local/share/gem", ".local/share/mise", ".local/share/nvm",
    ".local/share/pipx", ".local/share/pnpm", ".local/share/pypoetry", ".local/share/rtx",
    ".local/share/uv/python", ".local/share/uv/tools", ".local/share/virtualenvs", ".local/state/nix",
    ".nix-profile", ".nodenv", ".npm-global", ".npm-packages", ".nvm", ".opam", ".opencode/bin",
    ".phpenv", ".pixi", ".proto", ".pyenv", ".rbenv", ".rustup", ".rvm", ".rye", ".sdkman", ".swiftly",
    ".virtualenvs", ".volta", ".wasmtime/bin", ".yarn/bin", ".config/yarn/global", "anaconda3",
    "go/bin", "mambaforge", "micromamba", "miniconda3", "miniforge3",
)  # fmt: skip
"""Below HOME: programs and their libraries, visible where they are there."""
