"""What the operator of the stage has in the home: secrets of every kind, and rules."""

from __future__ import annotations

SECRETS = (
    ".ssh/id_rsa",
    ".aws/credentials",
    ".config/gcloud/credentials.json",
    ".kube/config",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".config/gh/hosts.yml",
    ".docker/config.json",
    ".bash_history",
    ".mozilla/firefox/x/logins.json",
    ".thunderbird/x/mail",
    ".claude/.credentials.json",
    ".codex/auth.json",
    ".gemini/oauth_creds.json",
    ".local/share/opencode/auth.json",
    ".copilot/config.json",
    "other/.env",
    ".pancode/projects/other/runs/r1/spec.json",
)
RULES = """\
sandbox:
  readable: ["{open}"]
  hosts: ["localhost:{port}", "{name}:{port}", "ip6-localhost:{port}"]
  unix: {unix}
"""
"""What the operator's rules say: one directory may be read, and names that mean this machine are listed."""
