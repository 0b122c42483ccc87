"""Judges clients of clusters, clouds and hosts of repositories, and tools that change infrastructure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pancode.core.actions import ActionClass
from pancode.domains.safety.commands.calls import (
    Call,
    Effect,
    Finding,
    Judge,
    Run,
    named,
    plain,
    unclear,
)
from pancode.domains.safety.commands.options import split
from pancode.domains.safety.commands.programs.clouds import dry, infra
from pancode.domains.safety.commands.registry import published, remote_code

_KUBE = named(
    "n f l c o namespace context kubeconfig filename selector container output k cluster user s server type"
    " p patch as"
)


_KUBE_LOOKS = frozenset(
    {"", "explain", "version", "api-resources", "diff", "logs", "describe", "top", "wait", "port-forward"}
)


_KUBE_LOOKS = frozenset(
    ("", *named("explain version api-resources diff logs describe top wait port-forward cluster-info events"))
)
_KUBE_LOSES = frozenset(named("delete drain cordon taint replace evict destroy uninstall"))


def _kube(call: Call) -> Iterator[Effect]:
    found = split(call.args, _KUBE)
    words = [word.text for word in found.operands]
    verb = words[0] if words else ""
    text = " ".join(call.texts)
    far = any("://" in one.text for one in found.values("f", "filename", "k"))
    if dry(call) or verb in _KUBE_LOOKS:
        yield plain(ActionClass.BASH_EXEC, "only looks at a cluster")
        return
    others = call.name not in ("kubectl", "oc", "k") and not _KUBE_LOSES.isdisjoint(words[:3])
    if verb in _KUBE_LOSES or others or re.match(r"config (delete|unset|set|use|rename)", " ".join(words)):
        yield infra("deletes or evicts what runs in the cluster")
    elif verb == "scale" and re.search(r"--replicas[= ]0", text):
        yield infra("stops what runs in the cluster")
    elif verb in ("apply", "create") and (far or found.has("prune", "force")):
        yield infra("prunes the cluster, or applies what lies elsewhere")
    elif verb in named("patch edit set label annotate apply create replace run expose") or re.match(
        r"rollout (undo|restart)", " ".join(words)
    ):
        yield infra("changes the running cluster")
    elif verb == "exec":
        at = call.texts.index("--") if "--" in call.texts else -1
        yield Run(call.args[at + 1 :] if at >= 0 else tuple(found.operands[2:]))
    yield from _kube_shows(verb, words, call)
    yield plain(ActionClass.BASH_EXEC, "works with a cluster")


def _kube_shows(verb: str, words: list[str], call: Call) -> Iterator[Finding]:
    text = " ".join(call.texts)
    secrets = re.search(r"\bsecrets?\b", " ".join(words))
    if verb == "get" and secrets and re.search(r"(^| )(-o|--output)", text):
        yield Finding(ActionClass.SECRET_READ, "secret-tool", "reads secrets of the cluster")
    elif verb == "config" and {"--raw", "--flatten"} & set(call.texts):
        yield Finding(ActionClass.SECRET_READ, "secret-tool", "prints the credentials for the cluster")
    elif verb == "run" and re.search(r"privileged|hostPID|hostNetwork|hostPath", text):
        yield infra("gives a container rights over a machine of the cluster")


def _helm(call: Call) -> Iterator[Effect]:
    takes = named("n f namespace kube-context kubeconfig values e environment l selector set version repo")
    words = [word.text for word in split(call.args, takes).operands]
    verb = words[0] if words else ""
    if dry(call):
        yield plain(ActionClass.BASH_EXEC, "only tries")
    elif verb in ("uninstall", "delete", "del", "un", "destroy", "rollback", "push", "prune"):
        yield infra("takes releases out of the cluster, or back")
    elif verb in ("upgrade", "install", "template") and any("://" in text for text in call.texts):
        yield remote_code("installs from elsewhere")
    elif verb in ("upgrade", "install", "sync", "apply") and {
        "--force",
        "--reset-values",
        "--install",
        "--cleanup-on-fail",
    } & set(call.texts):
        yield infra("replaces what runs in the cluster")
    yield plain(ActionClass.BASH_EXEC, "works with a cluster")


def _terraform(call: Call) -> Iterator[Effect]:
    words = [text for text in call.texts if not text.startswith("-")]
    joined = " ".join(words)
    bad = re.search(
        r"\b(destroy|apply|taint|untaint|import|force-unlock|up|refresh|deploy|bootstrap|publish|rm|remove"
        r"|mv|push"
        r"|replace-provider|delete|down)\b",
        joined,
    )
    builds = call.name == "packer" and "build" in words
    if not dry(call) and (bad or builds or "-destroy" in call.texts):
        yield infra("creates, replaces or destroys infrastructure")
    yield plain(ActionClass.BASH_EXEC, "plans infrastructure")


def _ansible(call: Call) -> Iterator[Effect]:
    if call.name in ("ansible-lint", "ansible-doc", "ansible-inventory", "ansible-config", "ansible-galaxy"):
        yield plain(ActionClass.BASH_EXEC, "looks at a playbook")
    elif not {"--check", "-C", "--syntax-check", "--list-hosts", "--list-tasks", "--version"} & set(
        call.texts
    ):
        yield infra("changes other machines")
    if call.name == "ansible-vault" and {"view", "decrypt", "edit"} & set(call.texts):
        yield Finding(ActionClass.SECRET_READ, "secret-tool", "reads an encrypted secret")
    yield plain(ActionClass.BASH_EXEC, "tries a playbook")


def _gpg(call: Call) -> Iterator[Effect]:
    joined = " ".join(call.texts)
    if re.search(r"export-secret|export-ssh|--decrypt|(^| )-d( |$)", joined):
        yield Finding(ActionClass.SECRET_READ, "secret-tool", "prints secret keys or encrypted text")
    elif re.search(r"delete-|--gen|--edit-key|--import|--send-keys|--quick-", joined):
        yield unclear("changes the keys of the account")
    yield plain(ActionClass.FILE_READ, "works with signatures")


def _vcs(call: Call) -> Iterator[Effect]:
    """Judge other systems for versions than git."""
    verbs = [text for text in call.texts if not text.startswith("-")][:2]
    loses = {
        "revert",
        "purge",
        "strip",
        "abandon",
        "rm",
        "delete",
        "remove",
        "restore",
        "undo",
        "cleanup",
        "rollback",
        "obliterate",
        "prune",
    }
    if loses & set(verbs) or {"--clean", "-C", "--remove-unversioned"} & set(call.texts):
        yield Finding(ActionClass.GIT_DESTRUCTIVE, "git-discards", "throws away work or history")
    elif (
        {"push", "commit", "ci", "git"} & set(verbs[:1])
        and call.name
        in (
            "svn",
            "jj",
            "hg",
            "p4",
            "cvs",
            "sl",
        )
        and (call.name == "svn" or "push" in verbs)
    ):
        yield Finding(ActionClass.GIT_PUSH, "git-push", "gives changes to others")
    yield plain(ActionClass.FILE_WRITE, "works with versions", "git-local")


def _history(_call: Call) -> Iterator[Effect]:
    yield Finding(ActionClass.GIT_DESTRUCTIVE, "git-rewrite", "rewrites history")


def _publishes(call: Call) -> Iterator[Effect]:
    yield (
        published(f'"{call.name}" publishes') if not dry(call) else plain(ActionClass.BASH_EXEC, "only tries")
    )


def _fastlane(call: Call) -> Iterator[Effect]:
    if {"test", "tests", "scan", "lint", "lanes", "action", "actions", "env"} & set(call.texts[:2]):
        yield plain(ActionClass.BASH_EXEC, "runs a task of the project")
    else:
        yield from _publishes(call)


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(
        named("kubectl oc k k3s minikube kind eksctl kustomize istioctl linkerd argocd flux k9s"), _kube
    ),
    **dict.fromkeys(("helm", "helmfile", "helm3"), _helm),
    **dict.fromkeys(
        named(
            "terraform tofu terragrunt pulumi cdk cdktf serverless sls packer vagrant crossplane nomad"
            " skaffold tilt"
        ),
        _terraform,
    ),
    **dict.fromkeys(
        named(
            "ansible ansible-playbook ansible-lint ansible-doc ansible-inventory ansible-vault"
            " ansible-config ansible-galaxy salt puppet chef knife fab cap"
        ),
        _ansible,
    ),
    **dict.fromkeys(("gpg", "gpg2", "rage"), _gpg),
    **dict.fromkeys(named("svn hg jj bzr p4 cvs fossil pijul sl darcs"), _vcs),
    **dict.fromkeys(("bfg", "git-filter-repo"), _history),
    **dict.fromkeys(("hugo_deploy", "gh-pages", "semantic-release", "np", "release-it"), _publishes),
    "fastlane": _fastlane,
}
