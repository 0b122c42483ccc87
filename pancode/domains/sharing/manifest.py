"""What the sharing domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="sharing",
    summary="Values that people and workers share under names, with provenance, time limits and checkpoints",
    needs=("safety", "dispatch"),
    verbs={"share": "pancode.cli.share:share"},
)
