"""Finds the domains: every folder in `pancode.domains` with a manifest.py. There is no list."""

from __future__ import annotations

import importlib
import os

from pancode import domains
from pancode.core.manifest import Manifest


def manifests() -> list[Manifest]:
    """Give the manifest of each domain, by the names of their folders.

    Light on purpose: the command line asks on every call which verbs there are.
    """
    names = {
        name
        for path in domains.__path__
        for name in os.listdir(path)
        if os.path.exists(os.path.join(path, name, "manifest.py"))
    }
    modules = [importlib.import_module(f"pancode.domains.{name}.manifest") for name in sorted(names)]
    return [module.MANIFEST for module in modules]
