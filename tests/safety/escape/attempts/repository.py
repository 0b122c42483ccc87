"""Making git outside run the worker's code, and damaging other people's history."""

from __future__ import annotations

from tests.safety.escape.attempts.shape import Attempt, shell

_EVIL = """
EVIL="$P_WT/evil-$P_TOKEN"
printf '#!/bin/sh\\necho x > "%s/ran"\\ncat\\n' "$P_OUT" > "$EVIL"; chmod 755 "$EVIL"
CONFIG="[core]
	repositoryformatversion = 0
	bare = false
	fsmonitor = $EVIL
	hooksPath = $P_WT/hooks
	sshCommand = $EVIL
[diff]
	external = $EVIL
[filter \\"evil\\"]
	clean = $EVIL
	smudge = $EVIL
	required = true
"
"""


def _fools(name: str, text: str, **more: object) -> Attempt:
    """Give an attempt that waits for a git outside; without a sandbox it starts from a tree of its own."""
    return shell(name, _EVIL + text.strip(), lane=f"git {name}", **more)


ATTEMPTS: tuple[Attempt, ...] = (
    _fools("a line in the config", 'echo "$CONFIG" >> .git/config\ngit config core.fsmonitor "$EVIL"'),
    _fools(
        "a config by rename",
        """
echo "$CONFIG" > .git/c
mv -f .git/c .git/config
cp .git/config .git/config.lock
""",
    ),
    _fools("a config in place of a hard link", 'ln .git/config cfg\necho "$CONFIG" >> cfg\nrm -f cfg'),
    _fools(
        "a hook",
        """
mkdir -p .git/hooks
for h in post-index-change pre-commit fsmonitor-watchman post-checkout reference-transaction; do
cp "$EVIL" .git/hooks/$h
done
mv .git/hooks .git/h2
mkdir .git/hooks
cp "$EVIL" .git/hooks/post-index-change
""",
    ),
    _fools(
        "a directory put in the place of .git",
        """
mv .git .g
git init -q .
echo "$CONFIG" >> .git/config
cp "$EVIL" .git/hooks/post-index-change
git add -A
""",
    ),
    _fools(
        "a file put in the place of .git",
        """
git init -q other
echo "$CONFIG" >> other/.git/config
mv .git .g
rm -rf .git
echo "gitdir: $P_WT/other/.git" > .git
""",
    ),
    _fools(
        "a link put in the place of .git",
        """
git init -q other
echo "$CONFIG" >> other/.git/config
mv .git .g
ln -s other/.git .git
""",
    ),
    _fools(
        "an exchange of .git",
        """
git init -q other
echo "$CONFIG" >> other/.git/config
python3 -c "import ctypes
ctypes.CDLL(None).renameat2(-100, b'.git', -100, b'other/.git', 2)"
""",
    ),
    _fools(
        "another common directory",
        """
mkdir common
cp -r .git/. common/ 2>/dev/null
rm -f common/config common/commondir
echo "$CONFIG" > common/config
D=$(git rev-parse --git-dir)
echo "$P_WT/common" > "$D/commondir"
echo "$P_WT/common" > .git/commondir
""",
    ),
    _fools(
        "a config of the worktree",
        """
D=$(git rev-parse --git-dir)
echo "$CONFIG" > "$D/config.worktree"
git config extensions.worktreeConfig true
echo "$CONFIG" > .git/config.worktree
""",
        control="maybe",
    ),
    _fools(
        "a module's own config",
        """
mkdir -p .git/modules/m
git init -q .git/modules/m
echo "$CONFIG" >> .git/modules/m/config
mkdir m
echo "gitdir: ../.git/modules/m" > m/.git
git -C m commit -q --allow-empty -m x
git add m
""",
        plain=True,
        control="maybe",
    ),
    _fools(
        "a repository in the repository",
        """
git init -q sub
git -C sub -c user.name=x -c user.email=x@x commit -q --allow-empty -m x
git add sub
echo "$CONFIG" >> sub/.git/config
""",
        plain=True,
        control="maybe",
    ),
    _fools(
        "attributes and a filter",
        """
git config filter.evil.clean "$EVIL"
echo "* filter=evil diff=evil" > .gitattributes
echo "* filter=evil" >> .git/info/attributes
git config diff.evil.textconv "$EVIL"
echo change >> README
""",
    ),
    _fools(
        "a config that includes",
        """
printf "[include]\\n\\tpath = %s/inc\\n" "$P_WT" >> .git/config
echo "$CONFIG" > inc
""",
    ),
    _fools(
        "an index with a monitor",
        """
git update-index --fsmonitor
git config core.fsmonitor "$EVIL"
git update-index --fsmonitor-valid README
""",
    ),
    _fools(
        "the operator's git config",
        """
git config --global core.fsmonitor "$EVIL"
echo "$CONFIG" >> "$P_HOME/.gitconfig"
mkdir -p "$P_HOME/.config/git"
echo "$CONFIG" >> "$P_HOME/.config/git/config"
""",
    ),
    _fools(
        "the parent's repository",
        """
echo "$CONFIG" >> "$P_MAIN/.git/config"
cp "$EVIL" "$P_MAIN/.git/hooks/post-index-change"
""",
    ),
    _fools(
        "a mount point taken away",
        """
umount .git/config .git/hooks .git
umount -l .git
mv .git/hooks .git/h
rmdir .git/hooks
echo "$CONFIG" >> .git/config
""",
    ),
    shell(
        "the objects of everybody",
        """
chmod -R u+w "$P_MAIN/.git/objects"
find "$P_MAIN/.git/objects" -type f | head -3 | xargs rm -f
""",
        lane="git main objects",
    ),
    shell(
        "the branches of everybody",
        """
echo 0123456789012345678901234567890123456789 > "$P_MAIN/.git/refs/heads/$P_TOKEN"
git -C "$P_MAIN" branch -D keep
git -C "$P_MAIN" stash clear
git -C "$P_MAIN" update-ref -d refs/heads/keep
""",
        lane="git main refs",
    ),
    shell(
        "the other worktrees",
        """
for d in "$P_MAIN"/.git/worktrees/*/; do
echo "$P_WT/x" > "$d/commondir"
echo "$P_TOKEN" > "$d/new"
done
""",
        lane="git main worktrees",
        control="maybe",
    ),
    shell(
        "the files of the main tree",
        'echo "$P_TOKEN" >> "$P_MAIN/README"\necho "$P_TOKEN" > "$P_MAIN/new"',
        lane="git main files",
    ),
)
