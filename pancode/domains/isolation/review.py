"""Which changes a person should look at before they are merged: others execute or obey such files later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pancode.domains.safety.api import FOR_REVIEW, GOVERNANCE

_PLACES = (*FOR_REVIEW, *(name for name, _ in GOVERNANCE))
_MORE = (
    ".gitlab-ci.yml", ".circleci", ".travis.yml", "Jenkinsfile", "azure-pipelines.yml", ".buildkite", ".ci",
    ".drone.yml", ".githooks", "hooks", "lefthook.yml", "GNUmakefile", "makefile", "Rakefile", "Taskfile.yml",
    "noxfile.py", "tox.ini", "pyproject.toml", "setup.cfg", "pytest.ini", "sitecustomize.py",
    "usercustomize.py", "CMakeLists.txt", "build.gradle", "build.gradle.kts", "pom.xml", "Gruntfile.js",
    "gulpfile.js", ".bazelrc", "Dockerfile", "docker-compose.yml", "compose.yaml", ".eslintrc.js",
    ".cursorrules", ".windsurfrules", ".clinerules", "composer.json", "deno.json", ".tool-versions",
    ".gitconfig", ".git", ".gitignore",
)  # fmt: skip
_ENDINGS = (".pth", ".mk", ".gemspec", ".code-workspace", ".config.js", ".config.ts", ".config.mjs")


def to_review(paths: Iterable[str]) -> Iterator[str]:
    """Give those of `paths`, relative to the repository, that others execute or obey later.

    >>> list(to_review(["a.py", "sub/Makefile", ".github/workflows/ci.yml", "x/conftest.py", "hooks.md"]))
    ['sub/Makefile', '.github/workflows/ci.yml', 'x/conftest.py']
    """
    names = {name for name in (*_PLACES, *_MORE) if "/" not in name}
    deeper = [name for name in _PLACES if "/" in name]
    for path in paths:
        parts = path.split("/")
        if (
            not names.isdisjoint(parts)
            or path.endswith(_ENDINGS)
            or any(f"/{path}/".find(f"/{name}/") >= 0 for name in deeper)
        ):
            yield path
