"""What the safety domain brings."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="safety",
    summary="Tool call policy enforcement, action classification",
    verbs={"mode": "pancode.cli.mode:mode", "safety": "pancode.cli.mode:safety"},
)
