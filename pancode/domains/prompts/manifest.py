"""What the prompts domain is and needs."""

from pancode.core.manifest import Manifest

MANIFEST = Manifest(
    name="prompts",
    summary="System prompts for orchestrator, workers and scouts, made of fragments",
    verbs={"prompts": "pancode.cli.prompts:prompts"},
)
