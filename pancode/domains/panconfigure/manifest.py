"""What the panconfigure domain is and needs."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="panconfigure",
    summary="Settings in force and their sources",
    needs=("safety",),
    verbs={
        "config": "pancode.cli.config:config",
        "preset": "pancode.cli.preset:preset",
        "reload": "pancode.cli.reload:reload",
    },
)
